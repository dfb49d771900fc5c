//! What every command gets.

use std::cell::OnceCell;

use helvetisafe::{Client, KeyName};

use crate::args::Global;
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
}

impl Context {
    pub(crate) fn new(global: Global) -> Self {
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
        let client = match self.offline() {
            Some(offline) => offline.connect(config, self.messages)?,
            None => {
                let token = self.token(config)?;
                connect_to_read(config, token, self.messages, |builder| builder)?
            }
        };
        Ok(self.reader.get_or_init(|| client))
    }

    /// The names among which one may have been meant: asked for once, however many are missing.
    pub(crate) fn names_to_suggest(&self) -> &[KeyName] {
        let names = || self.client().map(suggest::names).unwrap_or_default();
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
        let client = connect_to_write(config, self.token(config)?, self.messages)?;
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
