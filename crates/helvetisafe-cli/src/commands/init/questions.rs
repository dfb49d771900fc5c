//! The questions of `init`, for the settings that neither flags nor variables give.

use std::fs;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::commands::reach;
use crate::failure::Failure;
use crate::settings::{Entries, Entry, Origin, Profile, RawValue, Setting, Settings};
use crate::ui::messages::Messages;
use crate::ui::prompt;
use crate::ui::secret_input::ask_hidden;

/// The part of the settings that a failure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    BaseUrl,
    /// The authority of the vault's certificate.
    Authority,
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
    /// Set if the vault is asked.
    is_checked: bool,
    messages: Messages,
    base_url: Vec<Entry>,
    authority: Vec<Entry>,
    authentication: Vec<Entry>,
    key: Vec<Entry>,
}

impl<'a> Interview<'a> {
    /// Creates an interview without answers.
    pub(super) fn new(
        given: &'a Entries,
        replaced: Option<&'a Profile>,
        is_checked: bool,
        messages: Messages,
    ) -> Self {
        Self {
            given,
            replaced,
            is_checked,
            messages,
            base_url: Vec::new(),
            authority: Vec::new(),
            authentication: Vec::new(),
            key: Vec::new(),
        }
    }

    /// Asks for what is missing. Hidden prompts ask for secrets.
    pub(super) fn ask(&mut self) -> Result<(), Failure> {
        let given = self.given;
        if given.has_flag(Setting::BaseUrl) {
            let checked = self.check_url(given);
            checked.map_err(|failure| failure.with_advice("nothing was written"))?;
        } else {
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

    /// Returns true if there are answers to a topic: flags and variables may have given the settings. The authority
    /// is asked only after a failure.
    pub(super) fn has(&self, topic: Topic) -> bool {
        let answers = match topic {
            Topic::Authority if self.given.has(Setting::CaCertificate) => return false,
            Topic::BaseUrl | Topic::Authority => &self.base_url,
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
            Topic::Authority => self.ask_authority()?,
            Topic::Authentication => self.authentication = self.ask_authentication()?,
            Topic::Passphrase if has_passphrase => self.ask_passphrase_again()?,
            Topic::Key | Topic::Passphrase => self.key = self.ask_key()?,
        }
        Ok(())
    }

    /// Returns the settings from flags, variables and answers.
    pub(super) fn entries(&self) -> Entries {
        let answers = [
            &self.base_url,
            &self.authority,
            &self.authentication,
            &self.key,
        ];
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
            match self.check_url(&self.given.with(answers.iter().cloned())) {
                Ok(()) => return Ok(answers),
                Err(failure) => self.messages.failure(&failure),
            }
            default = default.filter(|default| *default != url);
        }
    }

    /// Fails if the base URL cannot be used, or if no server listens there: no secret should be typed in vain.
    fn check_url(&self, entries: &Entries) -> Result<(), Failure> {
        let base = Settings::base_of(entries)?;
        match self.is_checked {
            true => reach::check(&base),
            false => Ok(()),
        }
    }

    /// Asks for the certificate of the vault's authority. Without one it asks for the base URL.
    fn ask_authority(&mut self) -> Result<(), Failure> {
        let before = text(&self.authority, Setting::CaCertificate).or_else(|| {
            let path = self.replaced?.path_of("ca_certificate")?;
            Some(path.display().to_string())
        });
        let question = (
            "File with the certificate of its authority",
            "to change the URL",
        );
        self.authority.clear();
        loop {
            let Some(path) = self.ask_unless(question, before.as_deref())? else {
                self.base_url = self.ask_base_url()?;
                return Ok(());
            };
            let path = at_home(&path);
            if contains(&path, b"BEGIN CERTIFICATE") {
                let path = RawValue::Path(path);
                self.authority = vec![answer(Setting::CaCertificate, path)];
                return Ok(());
            }
            self.messages.warning(format_args!(
                "{} has no certificate: it must be a PEM file",
                path.display()
            ));
        }
    }

    fn ask_authentication(&self) -> Result<Vec<Entry>, Failure> {
        if self.given.has(Setting::ClientId) {
            return Ok(vec![
                self.ask_secret(Setting::ClientSecret, "Client secret")?,
            ]);
        }
        let mut is_token = text(&self.authentication, Setting::ApiToken).is_some();
        loop {
            if !is_token && let Some(id) = self.ask_client_id()? {
                return Ok(vec![
                    answer(Setting::ClientId, RawValue::Text(id)),
                    self.ask_secret(Setting::ClientSecret, "Client secret")?,
                ]);
            }
            let question = "API token, or - for a client id";
            if let Some(token) = self.ask_secret_unless(Setting::ApiToken, question)? {
                return Ok(vec![token]);
            }
            is_token = false;
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
        let mut is_password = text(&self.key, Setting::Password).is_some();
        loop {
            if !is_password && let Some(key) = self.ask_key_file()? {
                return Ok(key);
            }
            let question = "Password of the private key, or - for a file with the key";
            if let Some(password) = self.ask_secret_unless(Setting::Password, question)? {
                return Ok(vec![password]);
            }
            is_password = false;
        }
    }

    /// Asks for the file with the private key, and for its passphrase. Returns `None` for a password.
    fn ask_key_file(&self) -> Result<Option<Vec<Entry>>, Failure> {
        let before = text(&self.key, Setting::PrivateKey).or_else(|| {
            let path = self.replaced?.path_of("private_key_path")?;
            Some(path.display().to_string())
        });
        let question = (
            "File with the private key",
            "if the vault stores it under a password",
        );
        let Some(path) = self.ask_unless(question, before.as_deref())? else {
            return Ok(None);
        };
        let path = at_home(&path);
        let is_locked = !self.given.has(Setting::Passphrase) && is_encrypted(&path);
        let mut answers = vec![answer(Setting::PrivateKey, RawValue::Path(path))];
        if is_locked {
            answers.push(self.ask_secret(Setting::Passphrase, PASSPHRASE)?);
        }
        Ok(Some(answers))
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

    /// Asks for a secret. Returns `None` if the answer is `-`.
    fn ask_secret_unless(&self, setting: Setting, what: &str) -> Result<Option<Entry>, Failure> {
        let secret = self.ask_secret(setting, what)?;
        let is_dash = |secret: &SecretString| secret.expose_secret() == "-";
        Ok(match &secret.value {
            RawValue::Secret(text) if is_dash(text) => None,
            _ => Some(secret),
        })
    }

    /// Asks for a secret until there is one. An empty answer keeps the secret of the replaced profile.
    fn ask_secret(&self, setting: Setting, what: &str) -> Result<Entry, Failure> {
        let before = self
            .replaced
            .and_then(|profile| profile.secret_source(setting));
        let keep = before
            .as_ref()
            .map_or("", |_| ", or nothing to keep that of the profile");
        loop {
            let secret = ask_hidden(&format!("{what}{keep}"))?;
            let text = secret.expose_secret();
            if let Some(before) = before.as_ref().filter(|_| text.is_empty()) {
                return Ok(answer(setting, before.clone()));
            }
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
pub(super) fn at_home(path: &str) -> std::path::PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    }
}

/// Returns true if a PEM needs a passphrase. A file that cannot be read is reported later.
fn is_encrypted(path: &Path) -> bool {
    contains(path, b"ENCRYPTED")
}

/// Returns true if a file has this text. One that cannot be read has none.
fn contains(path: &Path, text: &[u8]) -> bool {
    let content = Zeroizing::new(fs::read(path).unwrap_or_default());
    content.windows(text.len()).any(|window| window == text)
}
