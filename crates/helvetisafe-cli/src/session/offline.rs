//! `--offline`, `--prefer-offline` and `--max-age`: reads from the cache on disk.
//!
//! The cache holds the vault's responses as they came, which is ciphertext. A client with a transport
//! without network replays them. So all checks of a client, such as that of the org key, also hold for the
//! cache. The sealed access token is cached too, for the next client that has a network.

mod args;
mod cached;
mod shared;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use helvetisafe::{Client, ClientBuilder, ErrorKind, KeyName, Secret, SecretMetadata, Timestamp};
use jiff::SignedDuration;

use super::connect::Connector;
use super::read::{self, SecretRequest};
use super::vault::Vault;
use crate::failure::Failure;
use crate::offline_cache::{
    CacheFile, LIST, Recorder, RecordingTransport, ReplayTransport, Snapshot,
};
use crate::settings::Settings;
use crate::ui::expiry;
use crate::ui::messages::Messages;
use args::Mode;
use cached::{Cached, secret_resource};

pub(crate) use args::OfflineArgs;
pub(crate) use shared::SharedOffline;

/// The cache of one vault and account, and the changes of this run.
pub(crate) struct Offline {
    mode: Mode,
    max_age: Option<SignedDuration>,
    file: Option<CacheFile>,
    snapshot: Arc<Snapshot>,
    recorder: Recorder,
    /// Reads from the cache.
    client: OnceCell<Client>,
    last_note: RefCell<String>,
}

type Outcomes = BTreeMap<KeyName, Result<Secret, Failure>>;

impl Offline {
    /// Reads the cache; `None` without an option for it. An unusable file is reported, and is a failure if
    /// the cache is the only source.
    pub(crate) fn load(
        args: &OfflineArgs,
        settings: &Settings,
        messages: Messages,
    ) -> Result<Option<Self>, Failure> {
        let Some(mode) = args.mode() else {
            return Ok(None);
        };
        let is_needed = mode == Mode::Only;
        let (file, snapshot) = CacheFile::load(settings, "answers", is_needed, messages)?;
        Ok(Some(Self {
            mode,
            max_age: args.max_age,
            file,
            snapshot: Arc::new(snapshot),
            recorder: Recorder::default(),
            client: OnceCell::new(),
            last_note: RefCell::default(),
        }))
    }

    /// Reads secrets. Returns one outcome for each request, in the same order.
    pub(super) fn secrets(
        &self,
        requests: &[SecretRequest],
        vault: &Vault,
    ) -> Result<Vec<Result<Secret, Failure>>, Failure> {
        let is_cached = |request: &SecretRequest| {
            self.mode != Mode::Fallback && self.cached().has_secret(&request.key)
        };
        let (cached, others): (Vec<_>, Vec<_>) = requests.iter().cloned().partition(is_cached);
        let mut outcomes = self.replay(&cached, vault)?;
        if !others.is_empty() {
            outcomes.extend(self.others(&others, vault)?);
        }
        let keys = requests.iter().map(|request| &request.key);
        Ok(keys.filter_map(|key| outcomes.remove(key)).collect())
    }

    /// Reads the names and dates of all secrets.
    pub(super) fn list(&self, vault: &Vault) -> Result<Vec<SecretMetadata>, Failure> {
        let is_cached = self.cached().has_list();
        if self.mode != Mode::Fallback && is_cached {
            return self.replay_list(vault);
        }
        if self.mode == Mode::Only {
            return Err(self.cached().missing_list());
        }
        let listed = self.connect(vault).and_then(|()| read::list(vault));
        match listed {
            Err(failure) if failure.may_pass() && is_cached => {
                self.note_stale([LIST.to_owned()], &failure, vault);
                self.replay_list(vault)
            }
            Err(failure) if failure.may_pass() => {
                Err(self.cached().explain(failure, [LIST.to_owned()]))
            }
            outcome => outcome,
        }
    }

    /// Caches the recorded responses, and the access token of the client. After a failed run these are only
    /// the removals and the token.
    pub(crate) fn save(&self, has_succeeded: bool, vault: &Vault) {
        // Without a ticket the next run fetches a token.
        let client = vault.connected();
        let ticket = client.and_then(|client| client.resumption_ticket().ok()?);
        if let Some(ticket) = ticket {
            self.recorder.record_ticket(ticket);
        }
        let update = self.recorder.take(has_succeeded);
        let Some(file) = self.file.as_ref().filter(|_| !update.is_empty()) else {
            return;
        };
        if let Err(error) = file.update(update) {
            vault.messages.warning(format_args!(
                "cannot cache the vault's answers for later runs, in {file}: {error}"
            ));
        }
    }

    fn cached(&self) -> Cached<'_> {
        Cached {
            snapshot: &self.snapshot,
            max_age: self.max_age,
            file: self.file.as_ref(),
        }
    }

    /// Reads secrets that are not to come from the cache first.
    fn others(&self, requests: &[SecretRequest], vault: &Vault) -> Result<Outcomes, Failure> {
        let cached = self.cached();
        if self.mode == Mode::Only {
            let missing =
                |it: &SecretRequest| (it.key.clone(), Err(cached.missing_secret(&it.key)));
            return Ok(requests.iter().map(missing).collect());
        }
        let read = self.connect(vault);
        match read.and_then(|()| read::secrets(requests, vault)) {
            Ok(outcomes) => self.with_stale(requests, outcomes, vault),
            Err(failure)
                if failure.may_pass() && requests.iter().all(|it| cached.has_secret(&it.key)) =>
            {
                self.note_stale(resources(requests), &failure, vault);
                self.replay(requests, vault)
            }
            Err(failure) if failure.may_pass() => Err(cached.explain(failure, resources(requests))),
            Err(failure) => Err(failure),
        }
    }

    /// Replaces failures that may pass by what is cached. Secrets that were not read in time are noted
    /// together.
    fn with_stale(
        &self,
        requests: &[SecretRequest],
        outcomes: Vec<Result<Secret, Failure>>,
        vault: &Vault,
    ) -> Result<Outcomes, Failure> {
        let (cached, budget) = (self.cached(), vault.budget()?);
        let (mut fresh, mut stale, mut late) = (Outcomes::new(), Vec::new(), Vec::new());
        for (request, outcome) in requests.iter().zip(outcomes) {
            match outcome {
                Err(failure) if budget.is_cause_of(&failure) && cached.has_secret(&request.key) => {
                    late.push(request.clone());
                }
                Err(failure) if failure.may_pass() && cached.has_secret(&request.key) => {
                    self.note_stale([secret_resource(&request.key)], &failure, vault);
                    stale.push(request.clone());
                }
                Err(failure) if failure.may_pass() => {
                    let failure = cached.explain(failure, [secret_resource(&request.key)]);
                    fresh.insert(request.key.clone(), Err(failure));
                }
                outcome => {
                    fresh.insert(request.key.clone(), outcome);
                }
            }
        }
        if !late.is_empty() {
            let read = fresh.values().filter(|outcome| outcome.is_ok()).count();
            let failure = budget.timeout(read, requests.len(), "read");
            self.note_stale(resources(&late), &failure, vault);
            stale.append(&mut late);
        }
        fresh.extend(self.replay(&stale, vault)?);
        Ok(fresh)
    }

    /// Connects to the vault, with the cached access token, and records its responses.
    fn connect(&self, vault: &Vault) -> Result<(), Failure> {
        let record = |builder: ClientBuilder| {
            let recorder = self.recorder.clone();
            let builder =
                builder.around_transport(|inner| RecordingTransport::new(inner, recorder));
            match self.snapshot.ticket() {
                Some(ticket) => builder.resume(ticket),
                None => builder,
            }
        };
        let client =
            vault.client_from(|settings| self.connector(settings, vault).read_with(None, record));
        client.map(drop)
    }

    fn connector<'a>(&self, settings: &'a Settings, vault: &Vault) -> Connector<'a> {
        let replayed = || self.client.get().map(Client::org_key_fingerprint);
        Connector {
            settings,
            // The access token is recorded with the responses.
            token: None,
            accepted_org_key: vault.accepted_org_key().or_else(replayed),
            messages: vault.messages,
        }
    }

    /// Returns the client that reads from the cache.
    fn client(&self, vault: &Vault) -> Result<&Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        if !self.snapshot.has_org_key() {
            return Err(cached::empty());
        }
        let is_used = Arc::new(AtomicBool::new(false));
        let transport = ReplayTransport::new(Arc::clone(&self.snapshot), Arc::clone(&is_used));
        // A retry would end the same, and its events are of no interest.
        let replay = |builder: ClientBuilder| {
            let builder = builder.transport(transport).attempts(1);
            builder.on_event(|_| ())
        };
        let connector = self.connector(vault.settings()?, vault);
        let client = connector.read_with(None, replay).map_err(|failure| {
            match is_used.load(Ordering::Relaxed) {
                true => self.cached().cannot_connect(failure),
                // The cache is not the cause: a key file is missing, for example.
                false => failure,
            }
        })?;
        Ok(self.client.get_or_init(|| client))
    }

    fn replay(&self, requests: &[SecretRequest], vault: &Vault) -> Result<Outcomes, Failure> {
        if requests.is_empty() {
            return Ok(Outcomes::new());
        }
        let secrets = self.client(vault)?.secrets();
        let outcomes = requests.iter().map(|request| {
            let outcome = request.read(secrets);
            let outcome = outcome.map_err(|error| match (error.kind(), error.named_key()) {
                (ErrorKind::Crypto, None) => self.cached().unusable(error.into()),
                _ => error.into(),
            });
            (request.key.clone(), outcome)
        });
        Ok(outcomes.collect())
    }

    fn replay_list(&self, vault: &Vault) -> Result<Vec<SecretMetadata>, Failure> {
        Ok(self.client(vault)?.secrets().list()?)
    }

    /// Notes that the cache replaces the vault.
    fn note_stale(
        &self,
        resources: impl IntoIterator<Item = String>,
        failure: &Failure,
        vault: &Vault,
    ) {
        let now = Timestamp::now();
        let resources = resources.into_iter();
        let ages = resources.filter_map(|resource| Some(self.snapshot.get(&resource)?.age(now)));
        let oldest = ages.max().unwrap_or_default();
        let note = format!(
            "{}; using the entries cached {} ago",
            failure.message().unwrap_or_default(),
            expiry::time_in_words(oldest.as_secs().max(0))
        );
        // If the vault is down, the list and the secrets fail with the same note.
        if *self.last_note.borrow() != note {
            vault.messages.note(&note);
            self.last_note.replace(note);
        }
    }
}

fn resources(requests: &[SecretRequest]) -> impl Iterator<Item = String> {
    requests.iter().map(|request| secret_resource(&request.key))
}
