//! The writing of one secret of an import.

use std::sync::atomic::{AtomicBool, Ordering};

use helvetisafe::{Error, ErrorKind, Expiry, Secret, Secrets};
use zeroize::Zeroizing;

use super::new_secret::{Content, NewSecret};
use crate::failure::Failure;

/// The outcome for one secret, or in a dry run the expected one.
pub(super) enum Outcome {
    Created,
    Updated,
    /// The secret exists.
    Exists,
    /// The secret exists and is the same.
    Same,
    Failed(Failure),
    /// Another secret failed for a reason that concerns all.
    NotTried,
}

impl Outcome {
    /// Returns whether the secret exists now for certain.
    pub(super) fn shows_existence(&self, dry_run: bool) -> bool {
        match self {
            Self::Created => !dry_run,
            Self::Updated | Self::Exists | Self::Same => true,
            Self::Failed(_) | Self::NotTried => false,
        }
    }
}

/// Writes secrets, from many threads.
pub(super) struct Writer<'a> {
    secrets: Secrets<'a>,
    overwrite: bool,
    dry_run: bool,
    is_unavailable: AtomicBool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(secrets: Secrets<'a>, overwrite: bool, dry_run: bool) -> Self {
        Self {
            secrets,
            overwrite,
            dry_run,
            is_unavailable: AtomicBool::new(false),
        }
    }

    pub(super) fn write(&self, secret: &NewSecret) -> Outcome {
        if self.is_unavailable.load(Ordering::Relaxed) {
            return Outcome::NotTried;
        }
        let outcome = if self.overwrite {
            self.replace(secret)
        } else {
            self.create_new(secret)
        };
        outcome.unwrap_or_else(|error| {
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

    fn create_new(&self, secret: &NewSecret) -> Result<Outcome, Error> {
        if self.dry_run {
            return Ok(match self.secrets.exists(&secret.key)? {
                true => Outcome::Exists,
                false => Outcome::Created,
            });
        }
        match self.create(secret) {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(Outcome::Exists),
            outcome => outcome.map(|()| Outcome::Created),
        }
    }

    fn replace(&self, secret: &NewSecret) -> Result<Outcome, Error> {
        let fields = secret.content.field_names();
        match self.secrets.get_with_fields(&secret.key, &fields) {
            Ok(stored) if secret.content.is_in(&stored) => return Ok(Outcome::Same),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return self.create(secret).map(|()| Outcome::Created);
            }
            // It differs from the new secret, whichever secret it is.
            Err(error) if error.named_key().is_some() => {}
            Err(error) => return Err(error),
        }
        self.update(secret).map(|()| Outcome::Updated)
    }

    fn create(&self, secret: &NewSecret) -> Result<(), Error> {
        if self.dry_run {
            return Ok(());
        }
        let (secrets, key) = (self.secrets, &secret.key);
        let created = match &secret.content {
            Content::Value(value) => secrets.create(key, value, None),
            Content::Fields(fields) => secrets.create_fields(key, &texts(fields), None),
        };
        created.map(drop)
    }

    fn update(&self, secret: &NewSecret) -> Result<(), Error> {
        if self.dry_run {
            return Ok(());
        }
        let (secrets, key, expiry) = (self.secrets, &secret.key, Expiry::Keep);
        let updated = match &secret.content {
            Content::Value(value) => secrets.update(key, value, expiry),
            Content::Fields(fields) => secrets.update_fields(key, &texts(fields), expiry),
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

    /// Returns whether a secret has exactly this content.
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
