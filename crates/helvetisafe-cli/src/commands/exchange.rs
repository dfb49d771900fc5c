//! An exchange: a secret, or one field of it, gets a new value, but only in place of the old one.

use helvetisafe::{Error, ErrorKind, Expiry, Field, KeyName, Secret, SecretMetadata, Secrets};
use secrecy::{ExposeSecret, SecretString};

use super::{field, replacement};
use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::Vault;
use crate::ui::terminal::escape_line;

/// The maximum number of writes. A write is repeated only if its answer was lost, or another client wrote meanwhile.
const MAX_WRITES: usize = 4;

pub(super) struct Exchange<'a> {
    pub(super) key: &'a KeyName,
    pub(super) field: Option<&'a str>,
    pub(super) old: &'a SecretString,
    pub(super) new: &'a SecretString,
    pub(super) expiry: Expiry,
}

/// The effect of the writes so far.
#[derive(Clone, Copy)]
enum Effect {
    None,
    /// The answer to a write was lost, so it may have happened, or may happen yet.
    Unknown,
    Written,
}

impl Exchange<'_> {
    /// Writes the new value if the secret has the old one, until it reads the new one back. Returns the secret;
    /// `None` if another client has written neither of the two.
    pub(super) fn run(&self, vault: &Vault) -> Result<Option<Secret>, Failure> {
        let mut effect = Effect::None;
        for _ in 0..=MAX_WRITES {
            let read = read(self.key, self.field, vault);
            let (value, secret) = read.map_err(|failure| self.after(effect, failure))?;
            if value.expose_secret() == self.new.expose_secret() {
                return Ok(Some(secret));
            }
            if value.expose_secret() != self.old.expose_secret() {
                return self.overtaken(effect).map_or(Ok(None), Err);
            }
            match vault.write(|secrets| self.write(&secret, secrets))? {
                Ok(_) => effect = Effect::Written,
                // The next read shows what happened.
                Err(error) if error.kind() == ErrorKind::Ambiguous => effect = Effect::Unknown,
                Err(error) if error.kind() == ErrorKind::Changed => {}
                Err(error) => return Err(self.after(effect, vault.failure(error))),
            }
        }
        Err(Failure::new(
            Status::Conflict,
            format_args!(
                "`{}` was written, but still has the old value when it is read back",
                self.key
            ),
        ))
    }

    /// Returns the failure if another client has changed what a write of this command may have stored.
    fn overtaken(&self, effect: Effect) -> Option<Failure> {
        let key = self.key;
        let before = match effect {
            Effect::None => return None,
            Effect::Unknown => {
                format!("`{key}` may have had the new value: the answer to its update was lost")
            }
            Effect::Written => format!("`{key}` was updated"),
        };
        let changed = format_args!("{before}, and another client has changed it since");
        Some(self.compare(Failure::new(Status::Conflict, changed)))
    }

    /// Adds to a failure what the writes before it may have changed.
    fn after(&self, effect: Effect, failure: Failure) -> Failure {
        let key = self.key;
        let before = match effect {
            Effect::None => return failure,
            Effect::Unknown => format!(
                "`{key}` may have the new value: the answer to its update was lost, and the next request failed"
            ),
            Effect::Written => format!("`{key}` was updated, and the next request failed"),
        };
        // This is about the last request alone.
        let failure = failure.without_advice("nothing was sent");
        self.compare(failure.after(&before))
    }

    fn compare(&self, failure: Failure) -> Failure {
        failure.with_advice(&format!(
            "{} shows which value it has: compare it before you continue",
            advice::command(format_args!("get {}", self.key))
        ))
    }

    /// Replaces the value. If the vault gives versions, nothing is written if the secret has changed meanwhile.
    fn write(&self, secret: &Secret, secrets: Secrets<'_>) -> Result<SecretMetadata, Error> {
        let (key, new, expiry) = (self.key, self.new.expose_secret(), self.expiry);
        match (self.field, secret.version()) {
            // This method compares versions itself, and keeps the other fields.
            (Some(field), _) => secrets.update_field(key, field, new, expiry),
            (None, Some(version)) => secrets.update_if_unchanged(key, Some(version), new, expiry),
            (None, None) => secrets.update(key, new, expiry),
        }
    }
}

/// Reads a secret, and returns its value or that of the field.
pub(super) fn read(
    key: &KeyName,
    name: Option<&str>,
    vault: &Vault,
) -> Result<(SecretString, Secret), Failure> {
    let fields: Vec<_> = name.into_iter().collect();
    let secret = vault.write(|secrets| secrets.get_with_fields(key, &fields))?;
    let secret = secret.map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            vault.note_name(key, false);
        }
        vault.failure(error)
    })?;
    vault.note_name(key, true);
    let value = match name {
        Some(name) => field::find(&secret, name)?,
        None if secret.is_multi_field() => {
            let names = secret.fields().iter().map(Field::name).map(escape_line);
            let names = names.collect::<Vec<_>>().join(", ");
            return Err(Failure::usage(format_args!(
                "the secret `{key}` has fields; name one of them with --field: {names}"
            )));
        }
        None if secret.other_names().next().is_some() => {
            let set = advice::command(format_args!("set {key} --drop-fields"));
            return Err(
                replacement::loses_fields(key, &replacement::lost_names(&secret, &[]))
                    .with_advice(&format!("{set} replaces the whole secret")),
            );
        }
        None => secret.expose_secret(),
    };
    Ok((value.into(), secret))
}
