//! The questions of `init`, for the settings that neither flags nor variables give.

use std::fs;
use std::path::Path;

use helvetisafe::{BaseUrl, InvalidBaseUrl};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::settings::{Entries, Entry, Origin, RawValue, Setting};
use crate::ui::messages::Messages;
use crate::ui::prompt;
use crate::ui::secret_input::ask_hidden;

/// Asks for what is missing. Hidden prompts ask for secrets.
pub(super) fn ask(given: &Entries, messages: Messages) -> Result<Vec<Entry>, Failure> {
    let mut answers = Vec::new();
    if !given.has_flag(Setting::BaseUrl) {
        let url = base_url(given, messages)?;
        answers.push(answer(Setting::BaseUrl, RawValue::Text(url)));
    }
    if !given.has(Setting::ApiToken) && !given.has(Setting::ClientSecret) {
        answers.extend(authentication(given, messages)?);
    }
    if !given.has(Setting::PrivateKey) && !given.has(Setting::Password) {
        answers.extend(key(given, messages)?);
    }
    Ok(answers)
}

fn answer(setting: Setting, value: RawValue) -> Entry {
    Entry {
        setting,
        origin: Origin::Answer,
        value,
    }
}

fn secret(setting: Setting, what: &str) -> Result<Entry, Failure> {
    Ok(answer(setting, RawValue::Secret(ask_hidden(what)?)))
}

/// Asks until the answer is a URL. Whether plain HTTP is allowed is checked with the other settings.
fn base_url(given: &Entries, messages: Messages) -> Result<String, Failure> {
    let default = given.text(Setting::BaseUrl).map(|(url, _)| url);
    loop {
        let url = prompt::line("URL of the vault", default, messages)?;
        match BaseUrl::parse(&url) {
            Ok(_) | Err(InvalidBaseUrl::PlainHttp) => return Ok(url),
            Err(error) => messages.warning(error),
        }
    }
}

fn authentication(given: &Entries, messages: Messages) -> Result<Vec<Entry>, Failure> {
    if given.has(Setting::ClientId) {
        return Ok(vec![secret(Setting::ClientSecret, "Client secret")?]);
    }
    let id = prompt::line("Client id, or nothing for an API token", None, messages)?;
    if id.is_empty() {
        return Ok(vec![secret(Setting::ApiToken, "API token")?]);
    }
    Ok(vec![
        answer(Setting::ClientId, RawValue::Text(id)),
        secret(Setting::ClientSecret, "Client secret")?,
    ])
}

fn key(given: &Entries, messages: Messages) -> Result<Vec<Entry>, Failure> {
    let question = "File with the private key, or nothing if the vault stores it under a password";
    let path = prompt::line(question, None, messages)?;
    if path.is_empty() {
        return Ok(vec![secret(
            Setting::Password,
            "Password of the private key",
        )?]);
    }
    let path = at_home(&path);
    let is_locked = !given.has(Setting::Passphrase) && is_encrypted(&path);
    let mut answers = vec![answer(Setting::PrivateKey, RawValue::Path(path))];
    if is_locked {
        answers.push(secret(
            Setting::Passphrase,
            "Passphrase of the private key",
        )?);
    }
    Ok(answers)
}

/// Resolves `~/`, which no shell has seen here.
fn at_home(path: &str) -> std::path::PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    }
}

/// Returns whether a PEM needs a passphrase. A file that cannot be read is reported later.
fn is_encrypted(path: &Path) -> bool {
    let pem = Zeroizing::new(fs::read(path).unwrap_or_default());
    pem.windows(9).any(|window| window == b"ENCRYPTED")
}
