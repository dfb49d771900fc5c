//! The writing of one secret of an import.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use helvetisafe::{Error, ErrorKind, Expiry, Secret, Secrets, Timeouts, Written};

use super::Args;
use super::new_secret::NewSecret;
use crate::commands::content::Content;
use crate::commands::replacement::{Present, Refusal, Replacement};
use crate::failure::Failure;
use crate::session::may_wait;

/// The outcome for one secret, or in a dry run the expected one.
pub(super) enum Outcome {
    Created,
    /// These fields of the secret are lost.
    Updated {
        dropped: Vec<String>,
    },
    /// The secret exists.
    Exists,
    /// The secret exists and is the same.
    Same,
    Failed(Failure),
    /// Another secret failed for a reason that concerns all.
    NotTried,
}

impl Outcome {
    /// Returns true if the secret was written, or in a dry run would be.
    pub(super) fn is_written(&self) -> bool {
        matches!(self, Self::Created | Self::Updated { .. })
    }

    /// Explains a failure, after all threads have ended.
    pub(super) fn explained(self, explain: impl FnOnce(Failure) -> Failure) -> Self {
        match self {
            Self::Failed(failure) => Self::Failed(explain(failure)),
            other => other,
        }
    }

    /// Returns true if the secret exists now for certain.
    pub(super) fn shows_existence(&self, dry_run: bool) -> bool {
        match self {
            Self::Created => !dry_run,
            Self::Updated { .. } | Self::Exists | Self::Same => true,
            Self::Failed(_) | Self::NotTried => false,
        }
    }
}

/// Writes secrets, from many threads.
pub(super) struct Writer<'a> {
    secrets: Secrets<'a>,
    args: &'a Args,
    /// The deadline of all secrets. If it is `None`, each secret has its own timeout.
    deadline: Option<Instant>,
    is_unavailable: AtomicBool,
}

impl<'a> Writer<'a> {
    /// Makes a writer. `time_left` is the timeout of all secrets, which `secrets` has too.
    pub(super) fn new(secrets: Secrets<'a>, args: &'a Args, time_left: Option<Duration>) -> Self {
        Self {
            secrets,
            args,
            deadline: time_left.and_then(|time| Instant::now().checked_add(time)),
            is_unavailable: AtomicBool::new(false),
        }
    }

    pub(super) fn write(&self, secret: &NewSecret) -> Outcome {
        if self.is_unavailable.load(Ordering::Relaxed) {
            return Outcome::NotTried;
        }
        self.write_in_time(secret).unwrap_or_else(|refusal| {
            let error = match refusal {
                Refusal::Failed(error) => error,
                other => {
                    return Outcome::Failed(other.into_failure(&secret.key, "", Failure::from));
                }
            };
            // A vault that refuses the credential or does not answer would do so for all secrets, each
            // after a long wait.
            if matches!(
                error.kind(),
                ErrorKind::Auth
                    | ErrorKind::RateLimited
                    | ErrorKind::Transport
                    | ErrorKind::Ambiguous
            ) {
                self.is_unavailable.store(true, Ordering::Relaxed);
            }
            Outcome::Failed(error.into())
        })
    }

    /// Writes a secret. Retries at the rate limit of the vault, within the timeout: many writes reach the limit more
    /// often than one call repeats itself.
    fn write_in_time(&self, secret: &NewSecret) -> Result<Outcome, Refusal> {
        let time = Timeouts::default().operation;
        let (secrets, deadline) = match self.deadline {
            Some(deadline) => (self.secrets, deadline),
            None => (self.secrets.within(time), Instant::now() + time),
        };
        let left = || deadline.saturating_duration_since(Instant::now());
        loop {
            match self.attempt(secret, secrets) {
                Err(Refusal::Failed(error)) if may_wait(&error, left()) => {}
                outcome => return outcome,
            }
        }
    }

    fn attempt(&self, secret: &NewSecret, secrets: Secrets<'_>) -> Result<Outcome, Refusal> {
        match self.args.overwrite {
            true => self.replace(secret, secrets),
            false => self.create_new(secret, secrets).map_err(Refusal::Failed),
        }
    }

    fn create_new(&self, secret: &NewSecret, secrets: Secrets<'_>) -> Result<Outcome, Error> {
        if self.args.dry_run {
            return Ok(match secrets.exists(&secret.key)? {
                true => Outcome::Exists,
                false => Outcome::Created,
            });
        }
        let content = secret.content.borrowed();
        match content.create(&secret.key, Expiry::Keep, secrets) {
            // Without a status another client may have changed what was written.
            Err(error) if error.kind() == ErrorKind::Conflict && error.status().is_some() => {
                Ok(Outcome::Exists)
            }
            outcome => outcome.map(|_| Outcome::Created),
        }
    }

    fn replace(&self, secret: &NewSecret, secrets: Secrets<'_>) -> Result<Outcome, Refusal> {
        let (key, content) = (&secret.key, secret.content.borrowed());
        let fields = content.field_names();
        let replacement = Replacement {
            key,
            fields: &fields,
            drops_fields: self.args.drop_fields,
            creates: true,
        };
        let read = secrets.get_with_fields(key, &fields);
        if read.as_ref().is_ok_and(|stored| is_in(&content, stored)) {
            return Ok(Outcome::Same);
        }
        let dropped = replacement.lost(&read);
        let present = replacement.judge(read)?;
        if self.args.dry_run {
            return Ok(match present {
                Present::Absent => Outcome::Created,
                _ => Outcome::Updated { dropped },
            });
        }
        let write =
            |present: &Present| content.write_over(present, key, Expiry::Keep, true, secrets);
        let written = replacement.run_after(present, secrets, write)?;
        Ok(match written {
            Written::Created(_) => Outcome::Created,
            Written::Updated(_) => Outcome::Updated { dropped },
        })
    }
}

/// Returns true if a secret has exactly this content.
fn is_in(content: &Content<'_>, secret: &Secret) -> bool {
    match content {
        Content::Value(value) => !secret.is_multi_field() && secret.expose_secret() == *value,
        Content::Fields(fields) => {
            let stored = secret.fields().iter();
            let stored = stored.map(|field| (field.name(), field.expose_secret()));
            stored.eq(fields.iter().copied())
        }
    }
}
