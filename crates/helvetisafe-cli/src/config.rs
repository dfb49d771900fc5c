//! What the command needs, and where each part of it came from.
//!
//! Every setting is looked for in three places: flags, the environment, a profile in a TOML file.
//! The first place that has it wins. [`table`] lists the settings and their names, [`mod@file`]
//! reads the profile, [`resolve`] decides who wins and names what is missing or doubled.

mod file;
mod location;
pub(crate) mod permissions;
mod resolve;
mod secret;
pub(crate) mod table;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

use helvetisafe::{Credentials, Fingerprint, KeySource};
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};

use crate::args::Global;
use crate::failure::Failure;
use file::Profile;
use resolve::Resolved;
use table::{Form, Setting, WAYS, Way};

/// One setting as it was found in one place.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) setting: Setting,
    pub(crate) place: Place,
    pub(crate) given: Given,
}

/// What was found: the value, or where to get it.
#[derive(Debug)]
pub(crate) enum Given {
    Text(String),
    Path(PathBuf),
    Secret(SecretString),
    Command(Vec<String>),
}

/// Where it was found.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Flag(&'static str),
    Variable(&'static str),
    Profile { key: &'static str, profile: String },
}

impl Place {
    /// The lower, the stronger.
    fn rank(&self) -> u8 {
        match self {
            Self::Flag(_) => 0,
            Self::Variable(_) => 1,
            Self::Profile { .. } => 2,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::Profile { key, profile } => write!(f, "{key} in the profile `{profile}`"),
        }
    }
}

/// The degree to which secrets have to name their key inside the encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    AllowUnbound,
    RefuseOthers,
    Required,
}

/// The configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) profile: Option<Profile>,
    resolved: Resolved,
    pub(crate) insecure_permissions: bool,
    /// What files and commands gave. Each is read once: a command may ask for a password, and a
    /// pipe has nothing more.
    secrets: RefCell<HashMap<Setting, SecretString>>,
    /// The org key that the first connection of this command accepted; the others accept no other.
    pub(crate) accepted_org_key: Cell<Option<Fingerprint>>,
}

impl Config {
    /// Collects all settings. Files and commands that hold secrets are not touched yet.
    pub(crate) fn load(global: &Global) -> Result<Self, Failure> {
        let profile = Profile::load(global)?;
        let mut found = Vec::new();
        for way in WAYS {
            found.extend(from_flag(way, global)?);
            found.extend(from_environment(way)?);
            if let Some(profile) = &profile {
                found.extend(profile.find(way)?);
            }
        }
        Ok(Self {
            profile,
            resolved: Resolved::new(found),
            insecure_permissions: global.insecure_permissions,
            secrets: RefCell::default(),
            accepted_org_key: Cell::default(),
        })
    }

    /// Fails with everything that is missing or doubled, and with what is malformed.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.resolved.check()?;
        self.timeout()?;
        self.binding()?;
        self.trusts_first_use()?;
        self.keeps_token().map(drop)
    }

    /// The setting in use.
    pub(crate) fn used(&self, setting: Setting) -> Option<&Found> {
        self.resolved.used(setting)
    }

    /// The same, and all that contradict it in the same place.
    pub(crate) fn used_all(&self, setting: Setting) -> impl Iterator<Item = &Found> {
        self.resolved.used_all(setting)
    }

    /// What lost to a stronger place.
    pub(crate) fn overridden(&self, setting: Setting) -> impl Iterator<Item = &Found> {
        self.resolved.overridden(setting)
    }

    pub(crate) fn base_url(&self) -> Result<String, Failure> {
        self.check()?;
        self.text(Setting::BaseUrl)
    }

    /// Reads what authenticates, where it is a secret from its file or command.
    pub(crate) fn credentials(&self) -> Result<Credentials, Failure> {
        self.check()?;
        match self.api_token()? {
            Some(token) => Ok(Credentials::api_token(token)),
            None => Ok(Credentials::service_account(
                self.text(Setting::ClientId)?,
                self.secret(Setting::ClientSecret)?.unwrap_or_default(),
            )),
        }
    }

    /// The API token, where one is used.
    pub(crate) fn api_token(&self) -> Result<Option<SecretString>, Failure> {
        self.secret(Setting::ApiToken)
    }

    /// Reads the private key, or the password of the one in the vault.
    pub(crate) fn key_source(&self) -> Result<KeySource, Failure> {
        self.check()?;
        if let Some(password) = self.secret(Setting::Password)? {
            return Ok(KeySource::password(password));
        }
        let pem = self
            .secret(Setting::PrivateKey)?
            .ok_or_else(|| Failure::usage("no private key is set"))?;
        let source = KeySource::pem(pem.expose_secret());
        Ok(match self.secret(Setting::Passphrase)? {
            Some(passphrase) => source.with_passphrase(passphrase),
            None => source,
        })
    }

    /// The PEM of one more certificate authority.
    pub(crate) fn ca_certificate(&self) -> Result<Option<Vec<u8>>, Failure> {
        match self.used(Setting::CaCertificate).map(|found| &found.given) {
            Some(Given::Path(path)) => std::fs::read(path).map(Some).map_err(|error| {
                Failure::usage(format_args!(
                    "cannot read the CA certificate {}: {error}",
                    path.display()
                ))
            }),
            _ => Ok(None),
        }
    }

    /// Reads all secrets that connecting needs: their files may be pipes, and their commands may ask
    /// a person.
    pub(crate) fn read_secrets(&self) -> Result<(), Failure> {
        self.credentials()?;
        self.key_source().map(drop)
    }

    /// The time for all the work of a command with the vault, where that is set.
    pub(crate) fn timeout(&self) -> Result<Option<std::time::Duration>, Failure> {
        let Some(found) = self.used(Setting::Timeout) else {
            return Ok(None);
        };
        let text = self.text(Setting::Timeout)?;
        let seconds = text.parse().map(SignedDuration::from_secs);
        seconds
            .ok()
            .or_else(|| text.parse().ok())
            .and_then(|time: SignedDuration| time.try_into().ok())
            .filter(|time: &std::time::Duration| !time.is_zero())
            .map(Some)
            .ok_or_else(|| {
                Failure::usage(format_args!(
                    "`{text}` is no time, from {}; write it like 10s or 2m",
                    found.place
                ))
            })
    }

    /// The fingerprint that the org key must have, where one is configured.
    pub(crate) fn org_key_fingerprint(&self) -> Result<Option<Fingerprint>, Failure> {
        let Some(found) = self.used(Setting::OrgKeyFingerprint) else {
            return Ok(None);
        };
        let text = self.text(Setting::OrgKeyFingerprint)?;
        text.parse().map(Some).map_err(|_| {
            Failure::usage(format_args!(
                "{} is no fingerprint: `{text}`; it is SHA256: and 43 characters, as \
                 `helvetisafe trust` shows it",
                found.place
            ))
        })
    }

    /// Whether access tokens are kept from one command to the next. No, unless somebody asks for
    /// it; and never an API token.
    pub(crate) fn keeps_token(&self) -> Result<bool, Failure> {
        Ok(self.is_on(Setting::KeepToken)? && self.used(Setting::ApiToken).is_none())
    }

    /// Returns whether a first use without a terminal may write under any org key.
    pub(crate) fn trusts_first_use(&self) -> Result<bool, Failure> {
        self.is_on(Setting::TrustFirstUse)
    }

    /// The degree to which secrets have to name their key. Of the two settings the one in the stronger place
    /// wins; in the same place they contradict each other.
    pub(crate) fn binding(&self) -> Result<Binding, Failure> {
        let rank = |setting| -> Result<Option<u8>, Failure> {
            let is_on = self.is_on(setting)?;
            let found = self.used(setting).filter(|_| is_on);
            Ok(found.map(|found| found.place.rank()))
        };
        let (allow, require) = (Setting::AllowUnbound, Setting::RequireBinding);
        match (rank(allow)?, rank(require)?) {
            (None, None) => Ok(Binding::RefuseOthers),
            (Some(allow), require) if require.is_none_or(|require| allow < require) => {
                Ok(Binding::AllowUnbound)
            }
            (allow, Some(require)) if allow.is_none_or(|allow| require < allow) => {
                Ok(Binding::Required)
            }
            _ => Err(Failure::usage(format_args!(
                "{allow} and {require} contradict each other in the same place; set only one of \
                 them to true"
            ))),
        }
    }

    /// Returns whether a switch is set to `true`.
    fn is_on(&self, setting: Setting) -> Result<bool, Failure> {
        let Some(found) = self.used(setting) else {
            return Ok(false);
        };
        let text = self.text(setting)?;
        text.parse().map_err(|_| {
            Failure::usage(format_args!(
                "{} is neither true nor false: `{text}`; set it to one of them",
                found.place
            ))
        })
    }

    pub(crate) fn text(&self, setting: Setting) -> Result<String, Failure> {
        match self.used(setting).map(|found| &found.given) {
            Some(Given::Text(text)) => Ok(text.clone()),
            _ => Err(Failure::usage(format_args!("{setting} is not set"))),
        }
    }

    fn secret(&self, setting: Setting) -> Result<Option<SecretString>, Failure> {
        let Some(found) = self.used(setting) else {
            return Ok(None);
        };
        let known = self.secrets.borrow().get(&setting).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let secret = secret::read(found, self.insecure_permissions)?;
        self.secrets.borrow_mut().insert(setting, secret.clone());
        Ok(Some(secret))
    }
}

fn from_flag(way: &Way, global: &Global) -> Result<Option<Found>, Failure> {
    let Some(flag) = way.flag else {
        return Ok(None);
    };
    let value = global.settings.get(flag).map(OsString::from);
    value
        .map(|value| way.found(Place::Flag(flag), value))
        .transpose()
}

/// An empty variable counts as unset.
fn from_environment(way: &Way) -> Result<Option<Found>, Failure> {
    let Some(name) = way.variable else {
        return Ok(None);
    };
    let value = env::var_os(name).filter(|value| !value.is_empty());
    value
        .map(|value| way.found(Place::Variable(name), value))
        .transpose()
}

impl Way {
    /// A setting from a flag or a variable.
    fn found(&self, place: Place, value: OsString) -> Result<Found, Failure> {
        let text = |value: OsString| {
            value.into_string().map_err(|_| {
                Failure::usage(format_args!("{place} is not valid Unicode; set it anew"))
            })
        };
        let given = match self.form {
            Form::Path if is_path(&value) => Given::Path(value.into()),
            Form::Path => return Err(Failure::usage(format_args!("{place} {NO_PATH}"))),
            Form::Secret => Given::Secret(text(value)?.into()),
            Form::Text | Form::Switch | Form::Command => Given::Text(text(value)?),
        };
        Ok(Found {
            setting: self.setting,
            place,
            given,
        })
    }
}

/// Whether it can be a path: what is in a file, which is easily given in its place, has line
/// breaks. It would be shown in messages.
fn is_path(value: &OsStr) -> bool {
    !value.to_string_lossy().contains(char::is_control)
}

const NO_PATH: &str = "is no path: it has line breaks or other control characters; name a file there, \
                       which is not the same as what is in it";
