//! Prepares a database for its first organization.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::{check_exists, check_owner};
use crate::problem::Problem;
use crate::runtime::block_on;
use crate::store::{BootstrapAct, Moment, Schema, Store};
use crate::token::{self, Hash};
use crate::{Database, Error, private_files};

/// The settings of [`init`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct InitOptions {
    /// A file to write the token to, with mode 0600. It must not exist. Without it, the caller gets the token.
    pub token_file: Option<PathBuf>,
    /// Leaves the tables as they are, which must be those of this version.
    pub no_migrate: bool,
}

/// The outcome of [`init`].
#[non_exhaustive]
pub struct Initialized {
    /// The database, without credentials.
    pub database: String,
    /// The time at which the token expires.
    pub expires_at: Timestamp,
    /// The token; `None` if it is in a file.
    pub token: Option<SecretString>,
}

/// Makes a bootstrap token, with which one organization can be founded within 24 h. The database stores its SHA-256.
///
/// # Errors
///
/// [`Error::File`] or [`Error::Problem`] if the file of the token exists or cannot be written, or if the tables are not
/// those of this version; [`Error::Locked`] if a vault uses the SQLite file; [`Error::Database`]; [`Error::Random`].
pub fn init(database: &Database, options: InitOptions) -> Result<Initialized, Error> {
    if let Some(path) = database.sqlite_file() {
        if options.no_migrate {
            check_exists(path)?;
        }
        check_owner(path)?;
    }
    let token = token::generate(token::BOOTSTRAP_PREFIX)?;
    let file = options.token_file.as_deref();
    let file = file
        .map(|path| TokenFile::create(path, &token))
        .transpose()?;
    let expires_at = block_on(store(database, Hash::of(&token), options.no_migrate))?;
    let token = match file {
        Some(file) => {
            file.keep();
            None
        }
        None => Some(token),
    };
    Ok(Initialized {
        database: database.to_string(),
        expires_at: expires_at.into(),
        token,
    })
}

async fn store(database: &Database, hash: Hash, no_migrate: bool) -> Result<Moment, Error> {
    let store = Store::open(database).await?;
    let added = async {
        if no_migrate {
            check_schema(database, &store).await?;
        } else {
            store.migrate().await?;
        }
        let added = store.act(BootstrapAct(hash)).await;
        added.map_err(|error| store.error(error.into_store()))
    };
    let added = added.await;
    store.close().await;
    added
}

async fn check_schema(database: &Database, store: &Store) -> Result<(), Error> {
    let migrations = store.migrations().await;
    let schema = migrations.map_err(|error| store.error(error))?.schema();
    if schema.is_usable() {
        return Ok(());
    }
    let problem = match schema {
        Schema::Absent => "has no tables",
        _ => "does not have the tables of this version",
    };
    let name = format_args!("database {database}");
    Err(Problem::new(name, problem, database.migrate_remedy()).into())
}

/// The file of an earlier token, which is not replaced.
fn exists(path: &Path) -> Error {
    let remedy = format!(
        "use the token in it, if it is less than 24 h old and has founded nothing; else delete it with `rm -- {}`, and run the command \
         again, or give another --token-file",
        crate::error::quoted(path)
    );
    let subject = format_args!("cannot make a bootstrap token in {}", path.display());
    Problem::new(subject, "the file exists already", remedy).into()
}

/// A file with a token, removed on drop unless `keep` was called.
struct TokenFile {
    path: PathBuf,
    is_kept: bool,
}

impl TokenFile {
    fn create(path: &Path, token: &SecretString) -> Result<Self, Error> {
        let file = private_files::options()
            .write(true)
            .create_new(true)
            .open(path);
        let mut file = file.map_err(|reason| match reason.kind() {
            ErrorKind::AlreadyExists => exists(path),
            _ => Error::file("make", path)(reason),
        })?;
        let made = Self {
            path: path.to_owned(),
            is_kept: false,
        };
        let written = file
            .write_all(token.expose_secret().as_bytes())
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.sync_all());
        written.map_err(Error::file("write", path))?;
        Ok(made)
    }

    fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // The token in it is not valid.
            let _ = fs::remove_file(&self.path);
        }
    }
}
