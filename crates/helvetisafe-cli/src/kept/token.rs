//! `keep_token`: one command leaves its access token to the next.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use helvetisafe::{Client, ClientBuilder, Event};

use super::CacheFile;
use super::news::only_ticket;
use crate::config::Config;
use crate::connect;
use crate::failure::Failure;
use crate::messages::Messages;

/// The access token that a command begins with, and where it leaves its own.
#[derive(Default)]
pub(crate) struct TokenKeeper {
    /// `None` where none is to be kept.
    file: Option<CacheFile>,
    ticket: Option<String>,
    /// Whether the client had to fetch one. Sealing makes another text each time, so a ticket does
    /// not tell.
    is_fetched: Arc<AtomicBool>,
}

impl TokenKeeper {
    /// None, and none is to be kept.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// Reads what is kept, where the setting asks for it. What cannot be used is told.
    pub(crate) fn load(config: &Config, messages: Messages) -> Result<Self, Failure> {
        if !config.keeps_token()? {
            return Ok(Self::none());
        }
        let (file, answers) = CacheFile::load(config, "the access token", false, messages)?;
        Ok(Self {
            file,
            ticket: answers.ticket().map(str::to_owned),
            is_fetched: Arc::default(),
        })
    }

    /// Begins with the token that is kept, and looks whether another one is fetched.
    pub(crate) fn resume(&self, builder: ClientBuilder, messages: Messages) -> ClientBuilder {
        if self.file.is_none() {
            return builder;
        }
        let is_fetched = Arc::clone(&self.is_fetched);
        let tell = connect::teller(messages);
        let builder = builder.on_event(move |event| {
            tell(event);
            if matches!(event, Event::Authorized { .. }) {
                is_fetched.store(true, Ordering::Relaxed);
            }
        });
        match &self.ticket {
            Some(ticket) => builder.resume(ticket),
            None => builder,
        }
    }

    /// Keeps the token of a client that has connected, where that fetched one since it was last
    /// kept: so the file is written once in the life of a token.
    pub(crate) fn keep(&self, client: &Client, messages: Messages) {
        let is_fetched = self.is_fetched.swap(false, Ordering::Relaxed);
        let Some(file) = self.file.as_ref().filter(|_| is_fetched) else {
            return;
        };
        // Without a token, or the randomness to seal it, the next command fetches one.
        let Ok(Some(ticket)) = client.resumption_ticket() else {
            return;
        };
        let Err(error) = file.add(only_ticket(ticket)) else {
            return;
        };
        let advice = match error.kind() {
            // Another process has it, as the error says.
            io::ErrorKind::TimedOut => "",
            _ => {
                "; set HELVETISAFE_STATE_DIR to a folder that can be written, or keep_token to false"
            }
        };
        messages.warning(format_args!(
            "cannot keep the access token for later commands, in {file}: {error}{advice}"
        ));
    }
}
