//! One secret of an import.

use std::sync::atomic::{AtomicBool, Ordering};

use helvetisafe::{Error, ErrorKind, Expiry, Secret, Secrets};
use zeroize::Zeroizing;

use super::entry::{Content, Entry};
use crate::failure::Failure;

/// What became of it; of a dry run, what would.
pub(super) enum Outcome {
    Created,
    Updated,
    /// It exists.
    Exists,
    /// It exists and is the same.
    Same,
    Failed(Failure),
    /// Others had failed in a way that they all would.
    NotTried,
}

/// Writes entries, from many threads.
pub(super) struct Writer<'a> {
    secrets: Secrets<'a>,
    overwrite: bool,
    dry_run: bool,
    is_hopeless: AtomicBool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(secrets: Secrets<'a>, overwrite: bool, dry_run: bool) -> Self {
        Self {
            secrets,
            overwrite,
            dry_run,
            is_hopeless: AtomicBool::new(false),
        }
    }

    pub(super) fn write(&self, entry: &Entry) -> Outcome {
        if self.is_hopeless.load(Ordering::Relaxed) {
            return Outcome::NotTried;
        }
        let outcome = if self.overwrite {
            self.replace(entry)
        } else {
            self.create_new(entry)
        };
        outcome.unwrap_or_else(|error| {
            // A vault that refuses the credential or does not answer would do so for all, each
            // after a long wait.
            if matches!(
                error.kind(),
                ErrorKind::Auth
                    | ErrorKind::RateLimited
                    | ErrorKind::Transport
                    | ErrorKind::Ambiguous
            ) {
                self.is_hopeless.store(true, Ordering::Relaxed);
            }
            Outcome::Failed(error.into())
        })
    }

    fn create_new(&self, entry: &Entry) -> Result<Outcome, Error> {
        if self.dry_run {
            let exists = self.secrets.exists(&entry.key)?;
            return Ok(if exists {
                Outcome::Exists
            } else {
                Outcome::Created
            });
        }
        match self.create(entry) {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(Outcome::Exists),
            outcome => outcome.map(|()| Outcome::Created),
        }
    }

    fn replace(&self, entry: &Entry) -> Result<Outcome, Error> {
        match self
            .secrets
            .get_with_fields(&entry.key, &entry.content.field_names())
        {
            Ok(secret) if entry.content.is_in(&secret) => Ok(Outcome::Same),
            Ok(_) => {
                self.update(entry)?;
                Ok(Outcome::Updated)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.create(entry)?;
                Ok(Outcome::Created)
            }
            // It is not what the entry holds, whichever secret it is.
            Err(error) if error.named_key().is_some() => {
                self.update(entry)?;
                Ok(Outcome::Updated)
            }
            Err(error) => Err(error),
        }
    }

    fn create(&self, entry: &Entry) -> Result<(), Error> {
        if self.dry_run {
            return Ok(());
        }
        let created = match &entry.content {
            Content::Value(value) => self.secrets.create(&entry.key, value, None),
            Content::Fields(fields) => self.secrets.create_fields(&entry.key, &texts(fields), None),
        };
        created.map(drop)
    }

    fn update(&self, entry: &Entry) -> Result<(), Error> {
        if self.dry_run {
            return Ok(());
        }
        let keep = Expiry::Keep;
        let updated = match &entry.content {
            Content::Value(value) => self.secrets.update(&entry.key, value, keep),
            Content::Fields(fields) => self.secrets.update_fields(&entry.key, &texts(fields), keep),
        };
        updated.map(drop)
    }
}

impl Content {
    fn field_names(&self) -> Vec<&str> {
        match self {
            Self::Value(_) => Vec::new(),
            Self::Fields(fields) => fields.iter().map(|(name, _)| name.as_str()).collect(),
        }
    }

    /// Whether a secret holds just this.
    fn is_in(&self, secret: &Secret) -> bool {
        match self {
            Self::Value(value) => {
                !secret.is_multi_field() && secret.expose_secret() == value.as_str()
            }
            Self::Fields(fields) => {
                let stored = secret.fields().iter();
                stored
                    .map(|field| (field.name(), field.expose_secret()))
                    .eq(texts(fields))
            }
        }
    }
}

fn texts(fields: &[(String, Zeroizing<String>)]) -> Vec<(&str, &str)> {
    let texts = fields.iter();
    texts
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}
