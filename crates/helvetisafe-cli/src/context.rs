//! What every command gets.

use std::cell::OnceCell;
use std::time::Duration;

use helvetisafe::{Client, KeyName, Secrets};

use crate::args::Global;
use crate::budget::Budget;
use crate::config::Config;
use crate::connect::{connect_to_read, connect_to_write};
use crate::failure::Failure;
use crate::kept::TokenKeeper;
use crate::messages::Messages;
use crate::offline::{Offline, OfflineArgs};
use crate::output::Output;
use crate::suggest;

/// The global options, the two streams, and the vault once it is needed.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) output: Output,
    pub(crate) messages: Messages,
    config: OnceCell<Config>,
    reader: OnceCell<Client>,
    writer: OnceCell<Client>,
    token: OnceCell<TokenKeeper>,
    offline: OnceCell<Offline>,
    names: OnceCell<Vec<KeyName>>,
    usual_time: Option<Duration>,
    budget: OnceCell<Budget>,
}

impl Context {
    /// `usual_time` is the time for all work with the vault where none is set.
    pub(crate) fn new(global: Global, usual_time: Option<Duration>) -> Self {
        Self {
            output: Output::new(&global),
            messages: Messages::new(&global),
            global,
            config: OnceCell::new(),
            reader: OnceCell::new(),
            writer: OnceCell::new(),
            token: OnceCell::new(),
            offline: OnceCell::new(),
            names: OnceCell::new(),
            usual_time,
            budget: OnceCell::new(),
        }
    }

    /// The configuration; nothing is connected, no secret is fetched. There is one for all who ask,
    /// so that a key that comes through a pipe serves all of them.
    pub(crate) fn config(&self) -> Result<&Config, Failure> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let config = Config::load(&self.global)?;
        Ok(self.config.get_or_init(|| config))
    }

    /// The time that there is for the vault.
    pub(crate) fn budget(&self) -> Result<&Budget, Failure> {
        if let Some(budget) = self.budget.get() {
            return Ok(budget);
        }
        let total = self.config()?.timeout()?.or(self.usual_time);
        Ok(self.budget.get_or_init(|| Budget::new(total)))
    }

    /// Reads from the vault, in the time that is left.
    pub(crate) fn read<T>(&self, work: impl FnOnce(Secrets<'_>) -> T) -> Result<T, Failure> {
        let secrets = self.client()?.secrets();
        let budget = self.budget()?;
        Ok(budget.spend(|| work(budget.bound(secrets))))
    }

    /// Writes to the vault, in the time that is left.
    pub(crate) fn write<T>(&self, work: impl FnOnce(Secrets<'_>) -> T) -> Result<T, Failure> {
        let secrets = self.client_to_write()?.secrets();
        let budget = self.budget()?;
        Ok(budget.spend(|| work(budget.bound(secrets))))
    }

    /// The failure of a command, with the time that was over where that is why.
    pub(crate) fn explain(&self, failure: Failure) -> Failure {
        match self.budget.get() {
            Some(budget) => budget.explain(failure),
            None => failure,
        }
    }

    /// Uses what is kept of the vault from here on, where an option asks for it.
    pub(crate) fn use_kept(&self, args: &OfflineArgs) -> Result<(), Failure> {
        if let Some(offline) = Offline::load(args, self.config()?, self.messages)? {
            self.offline.get_or_init(|| offline);
        }
        Ok(())
    }

    /// What is kept of the vault, where it is used.
    pub(crate) fn offline(&self) -> Option<&Offline> {
        self.offline.get()
    }

    /// The vault, to read: connected by the first call.
    pub(crate) fn client(&self) -> Result<&Client, Failure> {
        if let Some(offline) = self.offline().filter(|offline| offline.is_only()) {
            return offline.client(self);
        }
        if let Some(client) = self.writer.get().or(self.reader.get()) {
            return Ok(client);
        }
        let config = self.config()?;
        config.read_secrets()?;
        let connect = || match self.offline() {
            Some(offline) => offline.connect(config, self.messages),
            None => {
                let token = self.token(config)?;
                connect_to_read(config, token, self.messages, None, |builder| builder)
            }
        };
        let client = self.budget()?.spend(connect)?;
        Ok(self.reader.get_or_init(|| client))
    }

    /// The names among which one may have been meant: asked for once, however many are missing.
    pub(crate) fn names_to_suggest(&self) -> &[KeyName] {
        let left = |budget: &Budget| budget.left();
        let left = self.budget().ok().and_then(left);
        let names = |client| suggest::names(client, left);
        let names = || self.client().map(names).unwrap_or_default();
        self.names.get_or_init(names)
    }

    /// The vault, to read, where it was connected.
    pub(crate) fn reader(&self) -> Option<&Client> {
        self.reader.get()
    }

    /// The vault, to write: it fails where the org key is not the trusted one. Whoever does both
    /// calls it first, so that there is one connection.
    pub(crate) fn client_to_write(&self) -> Result<&Client, Failure> {
        if let Some(client) = self.writer.get() {
            return Ok(client);
        }
        let config = self.config()?;
        config.read_secrets()?;
        let connect = || connect_to_write(config, self.token(config)?, self.messages);
        let client = self.budget()?.spend(connect)?;
        Ok(self.writer.get_or_init(|| client))
    }

    /// The access token that an earlier command kept, and where to keep this one's.
    fn token(&self, config: &Config) -> Result<&TokenKeeper, Failure> {
        if let Some(token) = self.token.get() {
            return Ok(token);
        }
        let token = TokenKeeper::load(config, self.messages)?;
        Ok(self.token.get_or_init(|| token))
    }

    /// Keeps an access token that was fetched after connecting: the first had ended, or was
    /// refused.
    pub(crate) fn keep_token(&self) {
        let client = self.writer.get().or(self.reader.get());
        if let (Some(token), Some(client)) = (self.token.get(), client) {
            token.keep(client, self.messages);
        }
    }

    /// Whether results are JSON.
    pub(crate) fn json(&self) -> bool {
        self.global.json
    }
}
