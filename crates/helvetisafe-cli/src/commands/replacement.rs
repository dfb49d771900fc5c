//! A replacement of a whole secret: fields that the new content does not have are lost only on request.

use helvetisafe::{Error, ErrorKind, Field, KeyName, Secret, Secrets, Version, Written};

use crate::failure::Failure;
use crate::ui::terminal::escape_line;

/// The largest number of attempts. A write is repeated only if another client wrote meanwhile.
const MAX_WRITES: usize = 16;

/// The secret to write, and what may be lost.
#[derive(Clone, Copy)]
pub(super) struct Replacement<'a> {
    pub(super) key: &'a KeyName,
    /// The fields of the new content.
    pub(super) fields: &'a [&'a str],
    /// Set if all other fields may be lost. Then the present secret is not read.
    pub(super) drops_fields: bool,
    /// Set if the secret is created if there is none.
    pub(super) creates: bool,
}

/// The present secret, which the write may replace.
pub(super) enum Present {
    /// There is none.
    Absent,
    /// Only this version may be replaced.
    Version(Version),
    /// Any version may be replaced: the vault gives none, or the user allowed it.
    Any,
    /// The account may not read it, so its fields are unknown.
    Unread,
}

/// The reason why nothing was written.
pub(super) enum Refusal {
    /// These fields would be lost.
    LosesFields(Vec<String>),
    /// The present secret cannot be decrypted.
    IsUnreadable(Error),
    /// The vault did not make the write.
    Failed(Error),
}

impl Replacement<'_> {
    /// Reads the present secret, and writes unless fields would be lost. Repeats both if another client wrote in
    /// between.
    pub(super) fn run(
        &self,
        secrets: Secrets<'_>,
        write: impl Fn(&Present) -> Result<Written, Error>,
    ) -> Result<Written, Refusal> {
        self.run_after(self.present(secrets)?, secrets, write)
    }

    /// As [`Self::run`], after a first read.
    pub(super) fn run_after(
        &self,
        mut present: Present,
        secrets: Secrets<'_>,
        write: impl Fn(&Present) -> Result<Written, Error>,
    ) -> Result<Written, Refusal> {
        for _ in 1..MAX_WRITES {
            match write(&present) {
                Err(error) if present.has_changed(&error) => present = self.present(secrets)?,
                outcome => return outcome.map_err(Refusal::Failed),
            }
        }
        write(&present).map_err(Refusal::Failed)
    }

    /// Returns the present secret. Fails if the write would lose fields.
    pub(super) fn present(&self, secrets: Secrets<'_>) -> Result<Present, Refusal> {
        if self.drops_fields {
            return Ok(Present::Any);
        }
        match secrets.get_with_fields(self.key, self.fields) {
            // The account may only write.
            Err(error) if error.kind() == ErrorKind::Forbidden => Ok(Present::Unread),
            read => self.judge(read),
        }
    }

    /// Returns the names of the fields that a write over this secret loses.
    pub(super) fn lost(&self, read: &Result<Secret, Error>) -> Vec<String> {
        match read {
            Ok(secret) => lost_names(secret, self.fields),
            Err(error) => {
                let named = error.named_key().map(ToString::to_string);
                named.into_iter().collect()
            }
        }
    }

    /// Returns the secret that was read, with the fields of the new content named. Fails if the write would lose
    /// fields.
    pub(super) fn judge(&self, read: Result<Secret, Error>) -> Result<Present, Refusal> {
        let lost = self.lost(&read);
        match read {
            Err(error) if error.kind() == ErrorKind::NotFound && self.creates => {
                Ok(Present::Absent)
            }
            _ if !lost.is_empty() && !self.drops_fields => Err(Refusal::LosesFields(lost)),
            Ok(secret) => Ok(secret
                .version()
                .cloned()
                .map_or(Present::Any, Present::Version)),
            Err(error) if error.kind() != ErrorKind::Crypto => Err(Refusal::Failed(error)),
            Err(_) if self.drops_fields => Ok(Present::Any),
            Err(error) => Err(Refusal::IsUnreadable(error)),
        }
    }
}

impl Present {
    /// Returns true if a failed write shows that another client wrote or deleted the secret after it was read.
    fn has_changed(&self, error: &Error) -> bool {
        match self {
            Self::Absent | Self::Any | Self::Unread => error.kind() == ErrorKind::Conflict,
            Self::Version(_) => matches!(error.kind(), ErrorKind::Changed | ErrorKind::NotFound),
        }
    }
}

/// Returns the names of the members of a secret that a write with these fields loses, besides a single value.
pub(super) fn lost_names(secret: &Secret, fields: &[&str]) -> Vec<String> {
    let names = secret.fields().iter().map(Field::name);
    let names = names.chain(secret.other_names());
    let lost = names.filter(|name| !fields.contains(name));
    lost.map(str::to_owned).collect()
}

impl Refusal {
    /// Describes the refusal to replace `key`. `instead` begins the advice with what avoids the loss, and `explain`
    /// describes any other failure.
    pub(super) fn into_failure(
        self,
        key: &KeyName,
        instead: &str,
        explain: impl FnOnce(Error) -> Failure,
    ) -> Failure {
        match self {
            Self::LosesFields(names) => loses_fields(key, &names)
                .with_advice(&format!("{instead}--drop-fields replaces the whole secret")),
            Self::IsUnreadable(error) => match explain(error) {
                failure if failure.is_key_refused() => failure,
                failure => failure.with_advice(&format!(
                    "`{key}` was not changed, since it may have fields; --drop-fields replaces the whole secret"
                )),
            },
            Self::Failed(error) => explain(error),
        }
    }
}

/// Names the fields that a write would lose.
pub(super) fn loses_fields(key: &KeyName, names: &[String]) -> Failure {
    let s = if names.len() == 1 { "" } else { "s" };
    let names: Vec<_> = names.iter().map(|name| escape_line(name)).collect();
    Failure::usage(format_args!(
        "the secret `{key}` has the field{s} {}, which would be lost, so it was not changed",
        names.join(", ")
    ))
}
