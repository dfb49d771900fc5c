//! What every command gets.

use std::cell::OnceCell;

use helvetisafe::Client;

use crate::args::Global;
use crate::config::Config;
use crate::connect::{connect_to_read, connect_to_write};
use crate::failure::Failure;
use crate::messages::Messages;
use crate::output::Output;

/// The global options, the two streams, and the vault once it is needed.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) output: Output,
    pub(crate) messages: Messages,
    reader: OnceCell<Client>,
    writer: OnceCell<Client>,
}

impl Context {
    pub(crate) fn new(global: Global) -> Self {
        Self {
            output: Output::new(&global),
            messages: Messages::new(&global),
            global,
            reader: OnceCell::new(),
            writer: OnceCell::new(),
        }
    }

    /// The configuration, read anew; nothing is connected, no secret is fetched.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        Config::load(&self.global)
    }

    /// The vault, to read: connected by the first call.
    pub(crate) fn client(&self) -> Result<&Client, Failure> {
        if let Some(client) = self.writer.get().or(self.reader.get()) {
            return Ok(client);
        }
        let client = connect_to_read(&self.config()?, self.messages)?;
        Ok(self.reader.get_or_init(|| client))
    }

    /// The vault, to write: it fails where the org key is not the trusted one. Whoever does both
    /// calls it first, so that there is one connection.
    pub(crate) fn client_to_write(&self) -> Result<&Client, Failure> {
        if let Some(client) = self.writer.get() {
            return Ok(client);
        }
        let client = connect_to_write(&self.config()?, self.messages)?;
        Ok(self.writer.get_or_init(|| client))
    }

    /// Whether results are JSON.
    pub(crate) fn json(&self) -> bool {
        self.global.json
    }
}
