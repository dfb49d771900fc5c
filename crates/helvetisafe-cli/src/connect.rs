//! The one place where a client is made.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use helvetisafe::{Client, ClientBuilder, Event, Timeouts};

use crate::config::{Binding, Config};
use crate::failure::Failure;
use crate::kept::TokenKeeper;
use crate::messages::Messages;
use crate::trust::{self, Trust};

/// Connects to read, with the cached access token and what `change` makes of the builder. Fails where
/// the org key is not the trusted one. An org key that changes later is reported to `reports`.
pub(crate) fn connect_to_read(
    config: &Config,
    token: &TokenKeeper,
    messages: Messages,
    reports: Option<Messages>,
    change: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<Client, Failure> {
    let rotation = trust::rotation(config, reports)?;
    let builder = builder(config, messages)?.org_key_rotation(rotation);
    let builder = change(token.resume(builder, messages));
    let client = Trust::load(config)?.connect_to_read(builder, messages)?;
    token.keep(&client, messages);
    Ok(client)
}

/// Connects to write, with the cached access token. Fails where the org key is not the trusted one, and
/// at a doubtful first use.
pub(crate) fn connect_to_write(
    config: &Config,
    token: &TokenKeeper,
    messages: Messages,
) -> Result<Client, Failure> {
    let builder = builder(config, messages)?;
    let builder = token.resume(builder, messages);
    let client = Trust::load(config)?.connect_to_write(builder, messages)?;
    token.keep(&client, messages);
    Ok(client)
}

/// All that the configuration says about a connection, except the org key and the cached access token:
/// the commands that test the credential fetch a new one.
pub(crate) fn builder(config: &Config, messages: Messages) -> Result<ClientBuilder, Failure> {
    config.check()?;
    let mut builder = Client::builder(
        config.base_url()?,
        config.credentials()?,
        config.key_source()?,
    )
    .on_event(teller(messages));
    builder = match config.binding()? {
        Binding::AllowUnbound => builder.allow_unbound(true),
        Binding::RefuseOthers => builder,
        Binding::Required => builder.require_binding(true),
    };
    if let Some(pem) = config.ca_certificate()? {
        builder = builder.ca_certificate(pem);
    }
    if let Some(operation) = config.timeout()? {
        builder = builder.timeouts(Timeouts {
            operation,
            ..Timeouts::default()
        });
    }
    Ok(builder)
}

/// Ends that are so close, or half the wait, are of one wait.
const SAME_END: Duration = Duration::from_millis(100);

/// Notes a wait that the vault asked for, once for all requests that wait for it; tells the rest
/// where `--verbose` is given.
pub(crate) fn teller(messages: Messages) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
    let told = Mutex::new(None);
    move |event| match event {
        Event::Waiting {
            time,
            throttled: true,
            ..
        } => {
            if is_later(*time, &told) {
                messages.note(format_args!(
                    "the vault asks for fewer requests; waiting {:.1} s",
                    time.as_secs_f64()
                ));
            }
        }
        event => detail(event, messages),
    }
}

/// Whether a wait that begins now ends later than the one that was told last; its end is remembered
/// then.
fn is_later(time: Duration, told: &Mutex<Option<Instant>>) -> bool {
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    let end = Instant::now() + time;
    let is_later = told.is_none_or(|told| end > told + SAME_END.max(time / 2));
    if is_later {
        *told = Some(end);
    }
    is_later
}

fn detail(event: &Event<'_>, messages: Messages) {
    match event {
        Event::Sending {
            method,
            path,
            headers,
            attempt,
            ..
        } => {
            messages.detail(format_args!("{method} {path} (attempt {attempt})"));
            for (name, value) in *headers {
                match value.to_str() {
                    Ok(text) if !value.is_sensitive() => {
                        messages.detail(format_args!("  {name}: {text}"));
                    }
                    _ => messages.detail(format_args!("  {name}: [redacted]")),
                }
            }
        }
        Event::Answered { status, after, .. } => {
            messages.detail(format_args!("{status} after {}", milliseconds(*after)));
        }
        Event::Failed { error, after, .. } => {
            messages.detail(format_args!("{error}, after {}", milliseconds(*after)));
        }
        Event::Waiting { time, .. } => {
            messages.detail(format_args!("trying again in {}", milliseconds(*time)));
        }
        _ => {}
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
