//! `run --offline`, `--prefer-offline`, `--max-age`: what the vault said, kept on disk.
//!
//! The vault's answers are kept as they came, which is ciphertext, and are given once more to a
//! client of their own whose transport has no network. So every check of a client, and that of the
//! org key's fingerprint, holds for what is kept as for what comes from the vault.
//!
//! The access token is kept too, sealed, for the next client that does have a network.

mod args;
mod failures;
mod transport;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use helvetisafe::{Client, ClientBuilder, ErrorKind, KeyName, Secret, SecretMetadata, Timestamp};
use jiff::SignedDuration;

use crate::config::Config;
use crate::connect::connect_to_read;
use crate::context::Context;
use crate::expiry;
use crate::failure::Failure;
use crate::fetch::{self, SecretRequest};
use crate::kept::{Answers, CacheFile, LIST, Recorded, TokenKeeper};
use crate::messages::Messages;
use args::Mode;
use failures::{missing, nothing_kept};
use transport::{Recorder, Replay};

pub(crate) use args::OfflineArgs;

/// What is kept for one vault and account, and what this run adds.
pub(crate) struct Offline {
    mode: Mode,
    max_age: Option<SignedDuration>,
    file: Option<CacheFile>,
    kept: Arc<Answers>,
    recorded: Recorded,
    client: OnceCell<Client>,
    last_note: RefCell<String>,
}

impl Offline {
    /// Reads what is kept; `None` where no option asks for it. A file that cannot be used is told,
    /// and fails only where there is nothing but it.
    pub(crate) fn load(
        args: &OfflineArgs,
        config: &Config,
        messages: Messages,
    ) -> Result<Option<Self>, Failure> {
        let Some(mode) = args.mode() else {
            return Ok(None);
        };
        let (file, kept) = CacheFile::load(config, "answers", mode == Mode::Only, messages)?;
        Ok(Some(Self {
            mode,
            max_age: args.max_age,
            file,
            kept: Arc::new(kept),
            recorded: Recorded::default(),
            client: OnceCell::new(),
            last_note: RefCell::default(),
        }))
    }

    /// Whether the vault is not to be asked at all.
    pub(crate) fn is_only(&self) -> bool {
        self.mode == Mode::Only
    }

    /// Connects to the vault, with the access token that is kept, and takes down what it answers.
    pub(crate) fn connect(&self, config: &Config, messages: Messages) -> Result<Client, Failure> {
        let recorded = self.recorded.clone();
        let record = |builder: ClientBuilder| {
            let builder = builder.around_transport(|inner| Recorder::new(inner, recorded));
            match self.kept.ticket() {
                Some(ticket) => builder.resume(ticket),
                None => builder,
            }
        };
        connect_to_read(config, &TokenKeeper::none(), messages, None, record)
    }

    /// The client of what is kept.
    pub(crate) fn client(&self, context: &Context) -> Result<&Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        if !self.kept.has_org_key() {
            return Err(nothing_kept());
        }
        let is_used = Arc::new(AtomicBool::new(false));
        let replay = Replay::new(Arc::clone(&self.kept), Arc::clone(&is_used));
        // No attempt ends otherwise than the one before; and none is worth telling.
        let around = |builder: ClientBuilder| {
            let builder = builder.transport(replay).attempts(1);
            builder.on_event(|_| ())
        };
        let (config, token) = (context.config()?, TokenKeeper::none());
        let client =
            connect_to_read(config, &token, context.messages, None, around).map_err(|failure| {
                match is_used.load(Ordering::Relaxed) {
                    true => self.about_connecting(failure),
                    // What is kept played no part in it: a key file is missing, for example.
                    false => failure,
                }
            })?;
        Ok(self.client.get_or_init(|| client))
    }

    /// One outcome for each request, in their order.
    pub(crate) fn get(
        &self,
        requests: &[SecretRequest],
        context: &Context,
    ) -> Result<Vec<Result<Secret, Failure>>, Failure> {
        let is_first =
            |request: &SecretRequest| self.mode != Mode::Fallback && self.serves(&request.key);
        let (kept, rest): (Vec<_>, Vec<_>) = requests.iter().cloned().partition(is_first);
        let mut found = self.replay(&kept, context)?;
        if !rest.is_empty() {
            found.extend(self.get_rest(&rest, context)?);
        }
        let keys = requests.iter().map(|request| &request.key);
        Ok(keys.filter_map(|key| found.remove(key)).collect())
    }

    /// Those that are to be asked for.
    fn get_rest(&self, requests: &[SecretRequest], context: &Context) -> Result<Outcomes, Failure> {
        if self.is_only() {
            let not_kept = |it: &SecretRequest| (it.key.clone(), Err(self.not_kept(&it.key)));
            return Ok(requests.iter().map(not_kept).collect());
        }
        let all_serve = || requests.iter().all(|it| self.serves(&it.key));
        let outcomes = match fetch::ask(requests, context) {
            Ok(outcomes) => outcomes,
            Err(failure) if failure.may_pass() && all_serve() => {
                let resources = requests.iter().map(|it| secret_resource(&it.key));
                self.tell_stale(resources, &failure, context);
                return self.replay(requests, context);
            }
            Err(failure) => return Err(failure),
        };
        let mut found = Outcomes::new();
        let budget = context.budget()?;
        let (mut stale, mut late) = (Vec::new(), Vec::new());
        for (request, outcome) in requests.iter().zip(outcomes) {
            match outcome {
                Err(failure) if budget.explains(&failure) && self.serves(&request.key) => {
                    late.push(request.clone());
                }
                Err(failure) if failure.may_pass() && self.serves(&request.key) => {
                    let resource = secret_resource(&request.key);
                    self.tell_stale([resource].into_iter(), &failure, context);
                    stale.push(request.clone());
                }
                outcome => {
                    found.insert(request.key.clone(), outcome);
                }
            }
        }
        if !late.is_empty() {
            let read = found.values().filter(|outcome| outcome.is_ok()).count();
            let failure = budget.over(read, requests.len(), "read");
            let resources = late.iter().map(|it| secret_resource(&it.key));
            self.tell_stale(resources, &failure, context);
            stale.append(&mut late);
        }
        found.extend(self.replay(&stale, context)?);
        Ok(found)
    }

    /// The names and dates of all secrets.
    pub(crate) fn list(&self, context: &Context) -> Result<Vec<SecretMetadata>, Failure> {
        let is_kept = self.is_usable(LIST);
        if self.mode != Mode::Fallback && is_kept {
            return self.kept_list(context);
        }
        if self.is_only() {
            return Err(missing(
                "no list of the secrets is kept, or it is older than --max-age; name them with \
                 --key",
            ));
        }
        match fetch::ask_for_list(context) {
            Err(failure) if failure.may_pass() && is_kept => {
                self.tell_stale([LIST.to_owned()].into_iter(), &failure, context);
                self.kept_list(context)
            }
            outcome => outcome,
        }
    }

    fn kept_list(&self, context: &Context) -> Result<Vec<SecretMetadata>, Failure> {
        Ok(self.client(context)?.secrets().list()?)
    }

    fn replay(&self, requests: &[SecretRequest], context: &Context) -> Result<Outcomes, Failure> {
        if requests.is_empty() {
            return Ok(Outcomes::new());
        }
        let secrets = self.client(context)?.secrets();
        let outcomes = requests.iter().map(|request| {
            let outcome =
                request
                    .read(secrets)
                    .map_err(|error| match (error.kind(), error.named_key()) {
                        (ErrorKind::Crypto, None) => self.about_kept(error.into()),
                        _ => error.into(),
                    });
            (request.key.clone(), outcome)
        });
        Ok(outcomes.collect())
    }

    /// Whether what is kept of a secret may be used.
    fn serves(&self, key: &KeyName) -> bool {
        self.kept.has_org_key() && self.is_usable(&secret_resource(key))
    }

    fn is_usable(&self, resource: &str) -> bool {
        let now = Timestamp::now();
        let Some(kept) = self.kept.get(resource).filter(|kept| !kept.is_expired(now)) else {
            return false;
        };
        let age = kept.age(now);
        // What comes from the future has no age: the clock was set.
        self.max_age
            .is_none_or(|limit| age >= SignedDuration::ZERO && age <= limit)
    }

    /// Keeps what the vault answered, and the access token of the `client` that asked. Of a run
    /// that failed only the token, and what is gone.
    pub(crate) fn keep(&self, has_succeeded: bool, client: Option<&Client>, messages: Messages) {
        // Without a token, or the randomness to seal it, the next run fetches one.
        let ticket = client.and_then(|client| client.resumption_ticket().ok()?);
        if let Some(ticket) = ticket {
            self.recorded.note_ticket(ticket);
        }
        let recorded = self.recorded.take(has_succeeded);
        let Some(file) = self.file.as_ref().filter(|_| !recorded.is_empty()) else {
            return;
        };
        if let Err(error) = file.add(recorded) {
            messages.warning(format_args!(
                "cannot keep what the vault answered for later runs, in {file}: {error}"
            ));
        }
    }

    fn tell_stale(
        &self,
        resources: impl Iterator<Item = String>,
        failure: &Failure,
        context: &Context,
    ) {
        let now = Timestamp::now();
        let ages = resources.filter_map(|resource| Some(self.kept.get(&resource)?.age(now)));
        let oldest = ages.max().unwrap_or_default();
        let note = format!(
            "{}; going on with what was kept {} ago",
            failure.message().unwrap_or_default(),
            expiry::time_in_words(oldest.as_secs().max(0))
        );
        // The list and the secrets fail alike where the vault is down.
        if *self.last_note.borrow() != note {
            context.messages.note(&note);
            self.last_note.replace(note);
        }
    }
}

type Outcomes = BTreeMap<KeyName, Result<Secret, Failure>>;

fn secret_resource(key: &KeyName) -> String {
    format!("{LIST}/{key}")
}
