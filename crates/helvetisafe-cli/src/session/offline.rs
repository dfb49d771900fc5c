//! `--offline`, `--prefer-offline` and `--max-age`: reads from the cache on disk.
//!
//! The cache holds the vault's responses as they came, which is ciphertext. The [`transport`] of the client replays
//! them. So all checks of a client, such as that of the org key, also hold for the cache. The sealed access token is
//! cached too, for the next client that has a network.

mod args;
mod cached;
mod transport;

use std::fmt::Display;
use std::sync::atomic::Ordering;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use helvetisafe::{Client, ClientBuilder, KeyName, Secret, SecretMetadata};

use super::connect::Connector;
use super::outage::Outage;
use super::read::{self, SecretRequest};
use super::vault::Vault;
use crate::failure::{Failure, Status};
use crate::offline_cache::{CacheFile, LIST, Miss, ORG_KEY, Recorder, RecordingTransport};
use crate::settings::Settings;
use crate::ui::expiry;
use crate::ui::messages::Messages;
use args::Mode;
use cached::{Cached, missing_list, missing_secret, secret_resource};
use transport::{OfflineTransport, Shared};

pub(crate) use args::OfflineArgs;

/// The cache of one vault and account, and the changes of this run.
pub(crate) struct Offline {
    shared: Arc<Shared>,
    recorder: Recorder,
}

impl Offline {
    /// Reads the cache; `None` without an option for it. An unusable file is reported, and is a failure if
    /// the cache is the only source. Failures of the vault are noted in `outage`.
    pub(crate) fn load(
        args: &OfflineArgs,
        settings: &Settings,
        outage: Outage,
        messages: Messages,
    ) -> Result<Option<Self>, Failure> {
        let Some(mode) = args.mode() else {
            return Ok(None);
        };
        let is_needed = mode == Mode::Only;
        let (file, snapshot) = CacheFile::load(settings, "answers", is_needed, messages)?;
        let cached = Cached {
            snapshot: RwLock::new(snapshot),
            max_age: args.max_age,
            file,
        };
        if is_needed && !cached.has_org_key() {
            return Err(cached::empty());
        }
        // Whatever is not cached needs time too.
        let half = settings.timeout.map_or(Duration::MAX, |time| time / 2);
        let wait = args.wait().min(half);
        Ok(Some(Self {
            shared: Arc::new(Shared::new(mode, cached, outage, wait)),
            recorder: Recorder::default(),
        }))
    }

    /// Puts the cache between a client and its vault.
    pub(crate) fn around(&self, builder: ClientBuilder) -> ClientBuilder {
        let (shared, recorder) = (Arc::clone(&self.shared), self.recorder.clone());
        let builder = builder.around_transport(move |inner| OfflineTransport {
            vault: RecordingTransport::new(Arc::new(shared.outage.observe(inner)), recorder),
            shared,
        });
        match self.shared.cached.ticket() {
            // A retry would end the same, and its events are of no interest.
            _ if self.mode() == Mode::Only => builder.attempts(1).on_event(|_| ()),
            Some(ticket) => builder.resume(ticket),
            None => builder,
        }
    }

    /// Returns true if the cache may serve a secret now.
    pub(crate) fn has(&self, key: &KeyName) -> bool {
        self.shared.cached.has(&secret_resource(key))
    }

    /// Reads secrets. Returns one outcome for each request, in the same order.
    pub(super) fn secrets(
        &self,
        requests: &[SecretRequest],
        vault: &Vault,
    ) -> Result<Vec<Result<Secret, Failure>>, Failure> {
        let resources: Vec<_> = requests.iter().map(|it| secret_resource(&it.key)).collect();
        self.connect(&resources, vault)?;
        let mut outcomes = read::secrets(requests, vault)?;
        self.replace_late(requests, &mut outcomes, vault)?;
        let outcomes = requests.iter().zip(outcomes);
        let explained = outcomes.map(|(request, outcome)| {
            let missing = |miss| missing_secret(&request.key, miss);
            let resource = secret_resource(&request.key);
            outcome.map_err(|failure| self.explain(failure, resource, missing))
        });
        Ok(explained.collect())
    }

    /// Reads the names and dates of all secrets.
    pub(super) fn list(&self, vault: &Vault) -> Result<Vec<SecretMetadata>, Failure> {
        self.connect(&[LIST.to_owned()], vault)?;
        let explain = |failure| self.explain(failure, LIST.to_owned(), missing_list);
        read::list(vault).map_err(explain)
    }

    /// Caches the recorded responses, and a new access token of the client. After a failed run these are only
    /// the removals and the token.
    pub(crate) fn save(&self, has_succeeded: bool, client: Option<&Client>, messages: Messages) {
        // Without a ticket the next run fetches a token.
        let is_new = self.shared.has_new_token.swap(false, Ordering::Relaxed);
        let client = client.filter(|_| is_new);
        let ticket = client.and_then(|client| client.resumption_ticket().ok()?);
        if let Some(ticket) = ticket {
            self.recorder.record_ticket(ticket);
        }
        let update = self.recorder.take(has_succeeded);
        if let Err(failure) = self.shared.cached.update(update) {
            messages.warning(failure.message().unwrap_or_default());
        }
    }

    /// Notes that entries were used in place of the vault's answers, and why.
    pub(super) fn note_outage(&self, messages: Messages) {
        if let Some(cause) = self.shared.outage.last() {
            self.note_stale(&cause, messages);
        }
    }

    fn mode(&self) -> Mode {
        self.shared.mode
    }

    /// Connects to read these resources.
    fn connect(&self, resources: &[String], vault: &Vault) -> Result<(), Failure> {
        let (shared, cached) = (&self.shared, &self.shared.cached);
        let can_serve_all = resources.iter().all(|it| cached.has(it));
        shared.can_serve_all.store(can_serve_all, Ordering::Relaxed);
        let connect = |settings: &Settings| {
            let connector = Connector {
                settings,
                // The access token is cached with the responses.
                token: None,
                accepted_org_key: vault.accepted_org_key(),
                messages: vault.messages,
            };
            connector.read_with(false, |builder| self.around(builder))
        };
        let connected = vault.client_from(connect);
        connected.map(drop).map_err(|failure| {
            if self.mode() != Mode::Only && failure.may_pass() {
                return cached.explain(failure, resources);
            }
            // Otherwise the cache is not the cause: a key file is missing, for example.
            match shared.has_served.load(Ordering::Relaxed) && !self.recorder.has(ORG_KEY) {
                true => cached.cannot_connect(failure),
                false => failure,
            }
        })
    }

    /// Reads secrets that were not read in time from the cache. They are noted together.
    fn replace_late(
        &self,
        requests: &[SecretRequest],
        outcomes: &mut [Result<Secret, Failure>],
        vault: &Vault,
    ) -> Result<(), Failure> {
        let (shared, budget) = (&self.shared, vault.budget()?);
        let is_late =
            |outcome: &Result<_, _>| matches!(outcome, Err(failure) if budget.is_cause_of(failure));
        if !outcomes.iter().any(is_late) {
            return Ok(());
        }
        let read = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let secrets = vault.client()?.secrets();
        shared.is_late.store(true, Ordering::Relaxed);
        let mut has_replaced = false;
        for (request, outcome) in requests.iter().zip(&mut *outcomes) {
            if is_late(outcome) && shared.cached.has(&secret_resource(&request.key)) {
                *outcome = request.read(secrets).map_err(Failure::from);
                has_replaced |= outcome.is_ok();
            }
        }
        shared.is_late.store(false, Ordering::Relaxed);
        if has_replaced {
            // A failure that follows has the number of all secrets.
            let cause = match requests.len() == 1 || outcomes.iter().any(is_late) {
                true => format!("timed out after {budget}"),
                false => {
                    let failure = budget.timeout(read, requests.len(), "read", &[]);
                    failure.message().unwrap_or_default().to_owned()
                }
            };
            self.note_stale(&cause, vault.messages);
        }
        Ok(())
    }

    /// Explains the failure of a resource. `missing` makes the failure if the cache is the only source.
    fn explain(
        &self,
        failure: Failure,
        resource: String,
        missing: impl FnOnce(Miss) -> Failure,
    ) -> Failure {
        let cached = &self.shared.cached;
        let is_crypto = failure.status() == Status::Crypto as u8
            && failure.unbound_names().is_none()
            && failure.untrusted().is_none();
        match cached.find(&resource) {
            Err(miss) if self.mode() == Mode::Only => missing(miss),
            Err(_) if failure.may_pass() => cached.explain(failure, &[resource]),
            Ok(_) if is_crypto && !self.recorder.has(&resource) => cached.unusable(failure),
            _ => failure,
        }
    }

    fn note_stale(&self, cause: &dyn Display, messages: Messages) {
        if let Some(age) = self.shared.take_oldest() {
            let age = expiry::time_in_words(age.as_secs().max(0));
            messages.note(format_args!("{cause}; using the entries cached {age} ago"));
        }
    }
}
