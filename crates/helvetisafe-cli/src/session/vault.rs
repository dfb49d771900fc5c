//! The vault of a command. Settings are parsed, and clients connected, when they are first needed.

mod explain;

use std::cell::{OnceCell, RefCell};
use std::time::{Duration, Instant};

use helvetisafe::{
    Client, ClientBuilder, Error, ErrorKind, Fingerprint, KeyName, SecretMetadata, Secrets,
};

use super::budget::Budget;
use super::connect::Connector;
use super::name_index::Learned;
use super::suggest;
use super::token::CachedToken;
use super::trust::{Access, Trust};
use crate::failure::org_key::Verdict;
use crate::failure::{Failure, unbound};
use crate::offline_cache::{CacheFile, Recorder, WriteTransport};
use crate::once::get_or_make;
use crate::settings::{Binding, Settings, SettingsArgs};
use crate::ui::messages::Messages;
use crate::ui::similar::nearest;

/// The number of secrets to fetch while connecting: with the org key, as many calls as a client has in flight.
const MAX_PREFETCHED: usize = 7;

pub(crate) struct Vault {
    args: SettingsArgs,
    pub(crate) messages: Messages,
    default_timeout: Option<Duration>,
    settings: OnceCell<Settings>,
    budget: OnceCell<Budget>,
    token: OnceCell<Option<CachedToken>>,
    reader: OnceCell<Client>,
    writer: OnceCell<Client>,
    names: OnceCell<Vec<KeyName>>,
    /// The statement of the signed chain about the org key in use, if that was in doubt.
    verdict: RefCell<Option<(Instant, Option<Verdict>)>>,
    learned: Learned,
    /// The secrets that this command has written or deleted.
    written: Recorder,
}

impl Vault {
    /// `default_timeout` is the time for all requests together, unless the user sets one.
    pub(crate) fn new(
        args: SettingsArgs,
        default_timeout: Option<Duration>,
        messages: Messages,
    ) -> Self {
        Self {
            args,
            messages,
            default_timeout,
            settings: OnceCell::new(),
            budget: OnceCell::new(),
            token: OnceCell::new(),
            reader: OnceCell::new(),
            writer: OnceCell::new(),
            names: OnceCell::new(),
            verdict: RefCell::default(),
            learned: Learned::default(),
            written: Recorder::default(),
        }
    }

    /// A vault with settings that were read before.
    pub(crate) fn with_settings(
        settings: Settings,
        default_timeout: Option<Duration>,
        messages: Messages,
    ) -> Self {
        Self {
            settings: OnceCell::from(settings),
            ..Self::new(SettingsArgs::default(), default_timeout, messages)
        }
    }

    /// Returns the settings. All callers share them, so that each secret is read once.
    pub(crate) fn settings(&self) -> Result<&Settings, Failure> {
        get_or_make(&self.settings, || {
            let settings = Settings::load(&self.args)?;
            if let Some(allowed) = &settings.plain_http {
                self.messages.note(allowed);
            }
            if let Some(unused) = settings.failover.unused() {
                self.messages.warning(unused);
            }
            Ok(settings)
        })
    }

    /// Returns the flags of the settings.
    pub(crate) fn settings_args(&self) -> &SettingsArgs {
        &self.args
    }

    /// Warns that commands will refuse a secret with this one field, unless the user allows such secrets.
    pub(crate) fn warn_of_unbound(&self, key: &KeyName, field: &str) -> Result<(), Failure> {
        let is_allowed = self.settings()?.binding == Binding::AllowUnbound;
        if let Some(warning) = unbound::warning(key, field).filter(|_| !is_allowed) {
            self.messages.warning(warning);
        }
        Ok(())
    }

    /// Returns the time for the vault.
    pub(crate) fn budget(&self) -> Result<&Budget, Failure> {
        get_or_make(&self.budget, || {
            let total = self.settings()?.timeout.or(self.default_timeout);
            Ok(Budget::new(total))
        })
    }

    /// Reads from the vault, in the time that is left.
    pub(crate) fn read<T>(&self, work: impl FnOnce(Secrets<'_>) -> T) -> Result<T, Failure> {
        let secrets = self.client()?.secrets();
        let budget = self.budget()?;
        Ok(budget.spend(|| work(budget.limit(secrets))))
    }

    /// Writes to the vault, in the time that is left.
    pub(crate) fn write<T>(&self, work: impl FnOnce(Secrets<'_>) -> T) -> Result<T, Failure> {
        let secrets = self.client_to_write()?.secrets();
        let budget = self.budget()?;
        Ok(budget.spend(|| work(budget.limit(secrets))))
    }

    /// Returns the client that reads; the first call connects it.
    pub(crate) fn client(&self) -> Result<&Client, Failure> {
        self.client_from(|settings| self.connector(settings, self.token(settings)?).read())
    }

    /// Returns the client that reads. If it is not connected yet, it fetches the first of these secrets
    /// together with its keys, which saves a round trip.
    pub(crate) fn client_for<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k KeyName>,
    ) -> Result<&Client, Failure> {
        self.client_from(|settings| {
            let connector = self.connector(settings, self.token(settings)?);
            let keys: Vec<_> = keys.into_iter().take(MAX_PREFETCHED).collect();
            connector.read_with(false, |builder| builder.prefetch(keys.iter().copied()))
        })
    }

    /// Returns the client that reads; the first call connects it with `connect`.
    pub(super) fn client_from(
        &self,
        connect: impl FnOnce(&Settings) -> Result<Client, Failure>,
    ) -> Result<&Client, Failure> {
        match self.connected() {
            Some(client) => Ok(client),
            None => self.connect(&self.reader, connect),
        }
    }

    /// Returns the client that writes. Fails if the org key is not trusted. A command that reads too
    /// calls this first, so that it connects only once.
    pub(crate) fn client_to_write(&self) -> Result<&Client, Failure> {
        self.client_to_write_over([])
    }

    /// Returns the client that writes. If it is not connected yet, it fetches the first of these secrets, which
    /// the command reads before it writes, together with its keys.
    pub(crate) fn client_to_write_over<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k KeyName>,
    ) -> Result<&Client, Failure> {
        self.connect(&self.writer, |settings| {
            let connector = self.connector(settings, self.token(settings)?);
            let keys: Vec<_> = keys.into_iter().take(MAX_PREFETCHED).collect();
            connector.write_with(|builder| {
                let written = self.written.clone();
                let recording = move |inner| WriteTransport::new(inner, written);
                let builder = builder.prefetch(keys.iter().copied());
                builder.around_transport(recording)
            })
        })
    }

    /// Fails if a first write would fail because of the org key. Writes nothing.
    pub(crate) fn check_trust_to_write(&self) -> Result<(), Failure> {
        let current = self.client()?.org_key_fingerprint();
        Trust::load(self.settings()?)?.check_write(current, self.messages)
    }

    /// Connects another client, with what `change` makes of the builder. A cached token has other scopes, and is not
    /// used.
    pub(super) fn connect_with(
        &self,
        access: Access,
        change: impl Fn(ClientBuilder) -> ClientBuilder,
    ) -> Result<Client, Failure> {
        let connector = self.connector(self.settings()?, None);
        self.budget()?.spend(|| match access {
            Access::Read => connector.read_with(false, change),
            Access::Write => connector.write_with(change),
        })
    }

    /// Returns the client in `cell`; the first call connects it.
    fn connect<'a>(
        &self,
        cell: &'a OnceCell<Client>,
        connect: impl FnOnce(&Settings) -> Result<Client, Failure>,
    ) -> Result<&'a Client, Failure> {
        get_or_make(cell, || {
            let settings = self.settings()?;
            settings.read_secrets()?;
            self.budget()?.spend(|| connect(settings))
        })
    }

    /// Returns the client if it has connected.
    pub(super) fn connected(&self) -> Option<&Client> {
        self.writer.get().or(self.reader.get())
    }

    /// Returns the org key that the first connection of this command accepted. Later connections accept
    /// no other.
    pub(super) fn accepted_org_key(&self) -> Option<Fingerprint> {
        self.connected().map(Client::org_key_fingerprint)
    }

    fn connector<'a>(
        &self,
        settings: &'a Settings,
        token: Option<&'a CachedToken>,
    ) -> Connector<'a> {
        Connector {
            settings,
            token,
            accepted_org_key: self.accepted_org_key(),
            messages: self.messages,
        }
    }

    fn token(&self, settings: &Settings) -> Result<Option<&CachedToken>, Failure> {
        let token = get_or_make(&self.token, || CachedToken::load(settings, self.messages));
        token.map(Option::as_ref)
    }

    /// Caches an access token that was fetched after connecting.
    pub(crate) fn save_token(&self) {
        if let (Some(Some(token)), Some(client)) = (self.token.get(), self.connected()) {
            token.save(client, self.messages);
        }
    }

    /// Removes the written secrets from the offline cache, which has their old values.
    pub(crate) fn uncache_written(&self) {
        let removals = self.written.take(true);
        let Some(settings) = self.settings.get().filter(|_| !removals.is_empty()) else {
            return;
        };
        if let Err(failure) = CacheFile::remove(settings, removals) {
            self.messages.warning(failure.message().unwrap_or_default());
        }
    }

    /// Notes whether a secret exists, for completions.
    pub(crate) fn note_name(&self, key: &KeyName, exists: bool) {
        self.learned.note(key, exists);
    }

    /// Notes the names of all secrets, for completions.
    pub(super) fn note_list(&self, listed: &[SecretMetadata]) -> Result<(), Failure> {
        self.learned.note_list(listed, self.settings()?);
        Ok(())
    }

    /// Stores the names that the command learned of.
    pub(crate) fn save_names(&self) {
        if let Some(settings) = self.settings.get() {
            self.learned.save(settings, self.messages);
        }
    }

    /// Converts an error. For a missing secret it adds the most similar name.
    pub(crate) fn failure(&self, error: Error) -> Failure {
        let (ErrorKind::NotFound, Some(key)) = (error.kind(), error.key()) else {
            return self.explain_org_key(error.into());
        };
        let failure = Failure::not_found(key);
        let names = self.names_to_suggest().iter().map(AsRef::as_ref);
        match nearest(key.as_str(), names) {
            Some(name) => failure.with_advice(&format!("did you mean `{name}`?")),
            None => failure,
        }
    }

    /// Returns all names, fetched once for all suggestions.
    fn names_to_suggest(&self) -> &[KeyName] {
        let time_left = self.budget().ok().and_then(Budget::left);
        let names = |client| suggest::names(client, time_left);
        let names = || self.client().map(names).unwrap_or_default();
        self.names.get_or_init(names)
    }
}
