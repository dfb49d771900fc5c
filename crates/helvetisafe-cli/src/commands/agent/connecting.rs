//! The connection to the vault, in a thread of its own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use helvetisafe::{ClientBuilder, Event, Timeouts};

use super::cache::{self, Cache};
use super::failing::Failing;
use super::routes::Agent;
use super::systemd;
use crate::commands::selection::Keys;
use crate::failure::Failure;
use crate::failure::to_client::is_refused_account;
use crate::session::{Budget, CachedToken, Connector, Offline, OfflineArgs, log_events};
use crate::settings::{Settings, SettingsArgs};
use crate::ui::lasting::Lasting;

/// The pause between attempts to reach the vault.
const PAUSE: Duration = Duration::from_secs(5);

/// The possible reasons for which the vault refuses an account that no command made here.
const REFUSED: &str = "it was disabled, or its client secret was replaced, or its API token was revoked or has expired: ask the \
                       vault's owner; after a change of the settings, send SIGHUP";

pub(super) struct Connecting {
    pub(super) agent: Arc<Agent>,
    pub(super) args: SettingsArgs,
    pub(super) settings: Settings,
    pub(super) offline: OfflineArgs,
    pub(super) keys: Keys,
    pub(super) ttl: Duration,
    /// The failure of the attempts so far.
    pub(super) failed_starts: Lasting,
}

impl Connecting {
    /// Connects, and connects anew at each reload. Before the first success a lasting failure, such as a
    /// refused credential or an untrusted certificate, ends the agent.
    pub(super) fn run(mut self, failed: &Sender<Failure>, reloads: &Receiver<()>) {
        loop {
            let pause = match self.connect() {
                Ok(cache) => {
                    self.serve(cache);
                    None
                }
                Err(failure) if self.is_serving() => {
                    let reasons = || self.settings.causes_of_refused_account(true);
                    let failure = failure.with_causes_of_refusal(reasons);
                    self.keep_old(&failure);
                    None
                }
                Err(failure) if failure.may_pass() => {
                    self.note_retry(&failure);
                    Some(PAUSE)
                }
                Err(failure) => {
                    // The receiver lives as long as the process.
                    let _ = failed.send(failure);
                    return;
                }
            };
            if !self.wait(pause, reloads) {
                return;
            }
        }
    }

    fn is_serving(&self) -> bool {
        self.agent.cache().is_some()
    }

    fn serve(&mut self, cache: Cache) {
        let messages = self.agent.messages;
        self.agent.replace_cache(cache);
        if let Some(after) = self.failed_starts.end() {
            messages.note(format_args!("the vault answers, after {after}"));
        }
        messages.note("ready");
        systemd::ready();
    }

    /// Reports a failed attempt, but not again while the same failure lasts.
    fn note_retry(&mut self, failure: &Failure) {
        let messages = self.agent.messages;
        if self
            .failed_starts
            .begin(failure.message().unwrap_or_default())
        {
            messages.failure(failure);
            messages.note(format_args!("trying again every {} s", PAUSE.as_secs()));
        }
        systemd::starting(self.timeout() + 2 * PAUSE);
    }

    /// Waits for a reload with valid settings, or for the pause. Returns false when the process ends.
    fn wait(&mut self, pause: Option<Duration>, reloads: &Receiver<()>) -> bool {
        loop {
            let reload = match pause {
                Some(pause) => reloads.recv_timeout(pause),
                None => reloads.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match reload {
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
                Ok(()) if self.reload() || pause.is_some() => return true,
                Ok(()) => {}
            }
        }
    }

    /// Reads the settings again. Returns false, and leaves the old ones, if they are invalid.
    fn reload(&mut self) -> bool {
        self.agent.messages.note("reloading");
        if self.is_serving() {
            systemd::reloading();
        }
        // The new connection starts from the entries that the old one has cached.
        self.agent.save();
        match Settings::load(&self.args) {
            Ok(settings) => self.settings = settings,
            Err(failure) => {
                self.keep_old(&failure);
                return false;
            }
        }
        true
    }

    fn keep_old(&self, failure: &Failure) {
        let messages = self.agent.messages;
        messages.failure(failure);
        messages.note("the reload failed; continuing as before");
        if self.is_serving() {
            systemd::ready();
        }
    }

    /// Connects, and fetches the named secrets, so that a missing one is noticed at once.
    fn connect(&self) -> Result<Cache, Failure> {
        let messages = self.agent.messages;
        let outage = self.agent.outage.clone();
        let offline = Offline::load(&self.offline, &self.settings, outage.clone(), messages)?;
        // The offline cache has the access token.
        let token = match &offline {
            Some(_) => None,
            None => CachedToken::load(&self.settings, messages)?,
        };
        self.settings.read_secrets()?;
        let budget = Budget::new(Some(self.timeout()));
        let connector = Connector {
            settings: &self.settings,
            token: token.as_ref(),
            accepted_org_key: None,
            messages,
        };
        let cached = |builder: ClientBuilder| {
            let builder = builder
                .cache(cache::policy(self.ttl))
                .on_event(self.events());
            match &offline {
                Some(offline) => offline.around(builder),
                None => {
                    let outage = outage.clone();
                    builder.around_transport(move |inner| outage.observe(inner))
                }
            }
        };
        let client = budget.spend(|| connector.read_with(true, cached))?;
        let keys = self.keys.clone();
        let failing = Failing::new(self.settings.clone(), messages);
        let cache = Cache::new(client, keys, self.ttl, self.timeout(), offline, failing);
        cache.fetch_named(&budget)?;
        Ok(cache)
    }

    /// Returns the event handler, which also notes that the vault refuses the account.
    fn events(&self) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
        let log = log_events(self.agent.messages);
        let (outage, account) = (self.agent.outage.clone(), self.settings.account_file());
        move |event| {
            log(event);
            if let Event::CallEnded {
                error: Some(error), ..
            } = event
                && is_refused_account(error.expose())
            {
                let reasons = || account.as_ref()?.causes_of_refusal(true);
                outage.note_refusal(|| reasons().unwrap_or_else(|| REFUSED.to_owned()));
            }
        }
    }

    fn timeout(&self) -> Duration {
        let timeout = self.settings.timeout;
        timeout.unwrap_or(Timeouts::default().operation)
    }
}
