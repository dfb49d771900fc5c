//! The questions of `init`, for the settings that neither flags nor variables give.

use std::fs;
use std::path::Path;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::settings::{Entries, Entry, Origin, Profile, RawValue, Setting, Settings};
use crate::ui::messages::Messages;
use crate::ui::prompt;
use crate::ui::secret_input::ask_hidden;

/// The part of the settings that a failure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    BaseUrl,
    Authentication,
    /// The private key, or its password.
    Key,
    /// The passphrase of the private key, or the key itself if it has none.
    Passphrase,
}

/// The answers so far.
pub(super) struct Interview<'a> {
    given: &'a Entries,
    /// The profile that the new one replaces: its settings are the defaults.
    replaced: Option<&'a Profile>,
    messages: Messages,
    base_url: Vec<Entry>,
    authentication: Vec<Entry>,
    key: Vec<Entry>,
}

impl<'a> Interview<'a> {
    /// Creates an interview without answers.
    pub(super) fn new(
        given: &'a Entries,
        replaced: Option<&'a Profile>,
        messages: Messages,
    ) -> Self {
        Self {
            given,
            replaced,
            messages,
            base_url: Vec::new(),
            authentication: Vec::new(),
            key: Vec::new(),
        }
    }

    /// Asks for what is missing. Hidden prompts ask for secrets.
    pub(super) fn ask(&mut self) -> Result<(), Failure> {
        let given = self.given;
        if !given.has_flag(Setting::BaseUrl) {
            self.base_url = self.ask_base_url()?;
        }
        if !given.has(Setting::ApiToken) && !given.has(Setting::ClientSecret) {
            self.authentication = self.ask_authentication()?;
        }
        if !given.has(Setting::PrivateKey) && !given.has(Setting::Password) {
            self.key = self.ask_key()?;
        }
        Ok(())
    }

    /// Returns true if there are answers to a topic: flags and variables may have given the settings.
    pub(super) fn has(&self, topic: Topic) -> bool {
        let answers = match topic {
            Topic::BaseUrl => &self.base_url,
            Topic::Authentication => &self.authentication,
            Topic::Key | Topic::Passphrase => &self.key,
        };
        !answers.is_empty()
    }

    /// Replaces the answers to a topic.
    pub(super) fn ask_again(&mut self, topic: Topic) -> Result<(), Failure> {
        let has_passphrase = text(&self.key, Setting::Passphrase).is_some();
        match topic {
            Topic::BaseUrl => self.base_url = self.ask_base_url()?,
            Topic::Authentication => self.authentication = self.ask_authentication()?,
            Topic::Passphrase if has_passphrase => self.ask_passphrase_again()?,
            Topic::Key | Topic::Passphrase => self.key = self.ask_key()?,
        }
        Ok(())
    }

    /// Returns the settings from flags, variables and answers.
    pub(super) fn entries(&self) -> Entries {
        let answers = [&self.base_url, &self.authentication, &self.key];
        self.given.with(answers.into_iter().flatten().cloned())
    }

    /// Asks until the answer can be the base URL.
    fn ask_base_url(&self) -> Result<Vec<Entry>, Failure> {
        let variable = self
            .given
            .text(Setting::BaseUrl)
            .map(|(url, _)| url.to_owned());
        let replaced = || self.replaced_text("base_url");
        let mut default = text(&self.base_url, Setting::BaseUrl)
            .or(variable)
            .or_else(replaced);
        loop {
            let url = prompt::line("URL of the vault", default.as_deref(), self.messages)?;
            let answers = vec![answer(Setting::BaseUrl, RawValue::Text(url.clone()))];
            match Settings::check_url(&self.given.with(answers.iter().cloned())) {
                Ok(()) => return Ok(answers),
                Err(failure) => self.messages.failure(&failure),
            }
            default = default.filter(|default| *default != url);
        }
    }

    fn ask_authentication(&self) -> Result<Vec<Entry>, Failure> {
        if self.given.has(Setting::ClientId) {
            return Ok(vec![
                self.ask_secret(Setting::ClientSecret, "Client secret")?,
            ]);
        }
        let is_token = text(&self.authentication, Setting::ApiToken).is_some();
        let id = match is_token {
            true => None,
            false => self.ask_client_id()?,
        };
        match id {
            None => Ok(vec![self.ask_secret(Setting::ApiToken, "API token")?]),
            Some(id) => Ok(vec![
                answer(Setting::ClientId, RawValue::Text(id)),
                self.ask_secret(Setting::ClientSecret, "Client secret")?,
            ]),
        }
    }

    /// Returns the client id, or `None` for an API token.
    fn ask_client_id(&self) -> Result<Option<String>, Failure> {
        let before = text(&self.authentication, Setting::ClientId)
            .or_else(|| self.replaced_text("client_id"));
        let question = ("Client id", "for an API token");
        loop {
            let Some(id) = self.ask_unless(question, before.as_deref())? else {
                return Ok(None);
            };
            if id.chars().all(|c| c.is_ascii_graphic()) {
                return Ok(Some(id));
            }
            self.messages
                .warning(format_args!("`{id}` is not a client id: it has no spaces"));
        }
    }

    fn ask_key(&self) -> Result<Vec<Entry>, Failure> {
        if text(&self.key, Setting::Password).is_some() {
            return Ok(vec![self.ask_password()?]);
        }
        let before = text(&self.key, Setting::PrivateKey).or_else(|| {
            let path = self.replaced?.path_of("private_key_path")?;
            Some(path.display().to_string())
        });
        let question = (
            "File with the private key",
            "if the vault stores it under a password",
        );
        let Some(path) = self.ask_unless(question, before.as_deref())? else {
            return Ok(vec![self.ask_password()?]);
        };
        let path = at_home(&path);
        let is_locked = !self.given.has(Setting::Passphrase) && is_encrypted(&path);
        let mut answers = vec![answer(Setting::PrivateKey, RawValue::Path(path))];
        if is_locked {
            answers.push(self.ask_secret(Setting::Passphrase, PASSPHRASE)?);
        }
        Ok(answers)
    }

    fn ask_password(&self) -> Result<Entry, Failure> {
        self.ask_secret(Setting::Password, "Password of the private key")
    }

    /// Asks for the passphrase alone. An empty answer asks for the key too.
    fn ask_passphrase_again(&mut self) -> Result<(), Failure> {
        self.key
            .retain(|entry| entry.setting != Setting::Passphrase);
        let passphrase = ask_hidden(PASSPHRASE)?;
        if passphrase.expose_secret().is_empty() {
            self.key = self.ask_key()?;
        } else {
            let passphrase = RawValue::Secret(passphrase);
            self.key.push(answer(Setting::Passphrase, passphrase));
        }
        Ok(())
    }

    fn replaced_text(&self, key: &str) -> Option<String> {
        Some(self.replaced?.text(key)?.to_owned())
    }

    /// Asks for an optional answer. An empty answer means none, or `-` if there is an earlier answer.
    fn ask_unless(
        &self,
        (what, otherwise): (&str, &str),
        before: Option<&str>,
    ) -> Result<Option<String>, Failure> {
        let none = if before.is_some() { "-" } else { "nothing" };
        let question = format_args!("{what}, or {none} {otherwise}");
        let answer = prompt::line(question, before, self.messages)?;
        Ok(Some(answer).filter(|answer| !matches!(answer.as_str(), "" | "-")))
    }

    /// Asks for a secret until there is one.
    fn ask_secret(&self, setting: Setting, what: &str) -> Result<Entry, Failure> {
        loop {
            let secret = ask_hidden(what)?;
            let text = secret.expose_secret();
            // An API token is sent as it is, in a header.
            let has_other = |text: &str| text.contains(|c: char| !c.is_ascii_graphic());
            if text.is_empty() {
                self.messages.warning("the answer is empty");
            } else if setting == Setting::ApiToken && has_other(text) {
                self.messages
                    .warning("this is not an API token: it has spaces or other characters");
            } else {
                return Ok(answer(setting, RawValue::Secret(secret)));
            }
        }
    }
}

const PASSPHRASE: &str = "Passphrase of the private key";

fn answer(setting: Setting, value: RawValue) -> Entry {
    Entry {
        setting,
        origin: Origin::Answer,
        value,
    }
}

/// Returns an answer as a text to show. The text of a secret is empty.
fn text(answers: &[Entry], setting: Setting) -> Option<String> {
    let entry = answers.iter().find(|entry| entry.setting == setting)?;
    Some(match &entry.value {
        RawValue::Text(text) => text.clone(),
        RawValue::Path(path) => path.display().to_string(),
        RawValue::Secret(_) | RawValue::Command(_) => String::new(),
    })
}

/// Resolves `~/`, which no shell has seen here.
fn at_home(path: &str) -> std::path::PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    }
}

/// Returns true if a PEM needs a passphrase. A file that cannot be read is reported later.
fn is_encrypted(path: &Path) -> bool {
    let pem = Zeroizing::new(fs::read(path).unwrap_or_default());
    pem.windows(9).any(|window| window == b"ENCRYPTED")
}
