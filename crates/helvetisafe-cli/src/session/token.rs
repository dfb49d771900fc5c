//! `keep_token`: one command caches its access token for the next.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use helvetisafe::{Client, ClientBuilder, Event};

use super::events::log_events;
use crate::failure::Failure;
use crate::offline_cache::{CacheFile, ticket_update};
use crate::settings::Settings;
use crate::ui::messages::Messages;

/// The cached access token, and the file for the next one.
pub(crate) struct CachedToken {
    /// `None` without a state folder.
    file: Option<CacheFile>,
    ticket: Option<String>,
    /// Set if the client has fetched a token. Its ticket does not show that, since sealing is randomized.
    is_fetched: Arc<AtomicBool>,
}

impl CachedToken {
    /// Reads the cached token; `None` unless the setting is on. An unusable file is reported.
    pub(crate) fn load(settings: &Settings, messages: Messages) -> Result<Option<Self>, Failure> {
        if !settings.keep_token {
            return Ok(None);
        }
        let (file, snapshot) = CacheFile::load(settings, "the access token", false, messages)?;
        Ok(Some(Self {
            file,
            ticket: snapshot.ticket().map(str::to_owned),
            is_fetched: Arc::default(),
        }))
    }

    /// Lets a client start with the cached token, and notes whether it fetches another one.
    pub(super) fn resume(&self, builder: ClientBuilder, messages: Messages) -> ClientBuilder {
        let is_fetched = Arc::clone(&self.is_fetched);
        let log = log_events(messages);
        let builder = builder.on_event(move |event| {
            log(event);
            if matches!(event, Event::Authorized { .. }) {
                is_fetched.store(true, Ordering::Relaxed);
            }
        });
        match &self.ticket {
            Some(ticket) => builder.resume(ticket),
            None => builder,
        }
    }

    /// Caches the token of a connected client, if it has fetched one since the last call. So the file is
    /// written once for each token.
    pub(super) fn save(&self, client: &Client, messages: Messages) {
        let is_fetched = self.is_fetched.swap(false, Ordering::Relaxed);
        let Some(file) = self.file.as_ref().filter(|_| is_fetched) else {
            return;
        };
        // Without a ticket the next command fetches a token.
        let Ok(Some(ticket)) = client.resumption_ticket() else {
            return;
        };
        let Err(error) = file.update(ticket_update(ticket)) else {
            return;
        };
        let advice = match error.kind() {
            // Another process holds the lock, as the error says.
            io::ErrorKind::TimedOut => "",
            _ => {
                "; set HELVETISAFE_STATE_DIR to a folder that can be written, or keep_token to false"
            }
        };
        messages.warning(format_args!(
            "cannot cache the access token for later commands, in {file}: {error}{advice}"
        ));
    }
}
