//! The offline cache of `agent`: its transport answers from the cache, from the vault, or from both, for all
//! threads and for as long as the process runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use helvetisafe::{ClientBuilder, Failure as Cause, Timestamp, Transport, TransportError};
use http::{Request, Response, StatusCode};
use jiff::SignedDuration;

use super::args::{Mode, OfflineArgs};
use super::cached;
use crate::failure::Failure;
use crate::offline_cache::{CacheFile, Recorder, RecordingTransport, Snapshot};
use crate::settings::Settings;
use crate::ui::messages::Messages;

/// The time after a failure of the vault in which cached entries are used at once.
const OUTAGE: Duration = Duration::from_secs(5);

/// The cache of one vault and account, shared by the threads of a process.
pub(crate) struct SharedOffline {
    mode: Mode,
    max_age: Option<SignedDuration>,
    file: Option<CacheFile>,
    snapshot: RwLock<Snapshot>,
    recorder: Recorder,
    /// Set once `--prefer-offline` needs the vault. Until then the access token is a placeholder.
    needs_vault: AtomicBool,
    /// The time until which the vault is not asked.
    outage: Mutex<Option<Instant>>,
    messages: Messages,
}

impl SharedOffline {
    /// Reads the cache; `None` without an option for it. An unusable file is reported, and is a failure if
    /// the cache is the only source.
    pub(crate) fn load(
        args: &OfflineArgs,
        settings: &Settings,
        messages: Messages,
    ) -> Result<Option<Arc<Self>>, Failure> {
        let Some(mode) = args.mode() else {
            return Ok(None);
        };
        let is_needed = mode == Mode::Only;
        let (file, snapshot) = CacheFile::load(settings, "answers", is_needed, messages)?;
        if is_needed && !snapshot.has_org_key() {
            return Err(cached::empty());
        }
        Ok(Some(Arc::new(Self {
            mode,
            max_age: args.max_age,
            file,
            snapshot: RwLock::new(snapshot),
            recorder: Recorder::default(),
            needs_vault: AtomicBool::new(false),
            outage: Mutex::default(),
            messages,
        })))
    }

    /// Puts the cache between a client and its vault.
    pub(crate) fn around(self: &Arc<Self>, builder: ClientBuilder) -> ClientBuilder {
        let offline = Arc::clone(self);
        builder.around_transport(|inner| OfflineTransport {
            vault: RecordingTransport::new(inner, offline.recorder.clone()),
            offline,
        })
    }

    /// Caches the responses since the last call.
    pub(crate) fn save(&self) {
        let update = self.recorder.take(true);
        let Some(file) = self.file.as_ref().filter(|_| !update.is_empty()) else {
            return;
        };
        let mut snapshot = self
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        snapshot.apply(update.clone(), Timestamp::now());
        drop(snapshot);
        if let Err(error) = file.update(update) {
            self.messages.warning(format_args!(
                "cannot cache the vault's answers, in {file}: {error}"
            ));
        }
    }

    /// Returns the cached response; `None` if it may not be used.
    fn replay(&self, request: &Request<Vec<u8>>) -> Option<Response<Vec<u8>>> {
        let snapshot = self.snapshot.read().unwrap_or_else(PoisonError::into_inner);
        snapshot.replay(request, self.max_age, Timestamp::now())
    }

    fn is_outage(&self) -> bool {
        let outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        outage.is_some_and(|until| Instant::now() < until)
    }

    /// Notes the beginning or the end of an outage.
    fn set_outage(&self, is_outage: bool) {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        if is_outage && outage.is_none() {
            self.messages
                .note("the vault does not answer; using the offline cache");
        } else if !is_outage && outage.is_some() {
            self.messages.note("the vault answers again");
        }
        *outage = is_outage.then(|| Instant::now() + OUTAGE);
    }
}

struct OfflineTransport {
    offline: Arc<SharedOffline>,
    vault: RecordingTransport,
}

impl Transport for OfflineTransport {
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        match self.offline.mode {
            Mode::Only => self.offline.replay(request).ok_or_else(not_cached),
            Mode::First => self.cache_first(request),
            Mode::Fallback => self.vault_first(request),
        }
    }
}

impl OfflineTransport {
    fn cache_first(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let needs_vault = &self.offline.needs_vault;
        let is_real_token = Snapshot::is_token(request) && needs_vault.load(Ordering::SeqCst);
        match self.offline.replay(request) {
            Some(response) if !is_real_token => Ok(response),
            // The refusal makes the client replace its placeholder token.
            None if !Snapshot::is_token(request) && !needs_vault.swap(true, Ordering::SeqCst) => {
                Ok(status(StatusCode::UNAUTHORIZED))
            }
            _ => {
                needs_vault.store(true, Ordering::SeqCst);
                self.vault.send(request)
            }
        }
    }

    fn vault_first(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        if self.offline.is_outage()
            && let Some(cached) = self.offline.replay(request)
        {
            return Ok(cached);
        }
        let outcome = self.vault.send(request);
        if !may_pass(&outcome) {
            self.offline.set_outage(false);
            return outcome;
        }
        let cached = self.offline.replay(request);
        if cached.is_some() {
            self.offline.set_outage(true);
        }
        cached.map_or(outcome, Ok)
    }
}

fn status(status: StatusCode) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    response
}

fn not_cached() -> TransportError {
    TransportError::with_source(Cause::NotSent, "it is not in the offline cache")
}

/// Returns whether a later request may succeed.
fn may_pass(outcome: &Result<Response<Vec<u8>>, TransportError>) -> bool {
    match outcome {
        Ok(response) => {
            let status = response.status();
            status.is_server_error()
                || matches!(
                    status,
                    StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
                )
        }
        Err(error) => !matches!(
            error.failure(),
            Cause::Tls | Cause::Proxy | Cause::TooLarge | Cause::Malformed | Cause::Redirected
        ),
    }
}
