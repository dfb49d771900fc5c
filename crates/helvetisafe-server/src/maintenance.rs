//! The work of an operator on a database beside serving it: [`init`], [`migrate`], [`verify_audit`], [`backup`],
//! [`restore`] and [`copy`].
//!
//! ```no_run
//! use helvetisafe_server::maintenance::{BackupOptions, backup, migrate};
//!
//! let database = "sqlite:/var/lib/helvetisafe/vault.db".parse()?;
//! let saved = backup(&database, "/backup/vault.db".as_ref(), BackupOptions::default())?;
//! println!("{saved}");
//! println!("{}", migrate(&database)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audit;
mod backup;
mod contents;
mod copy;
mod init;
mod migrate;
mod new_file;
mod restore;

use std::path::Path;

#[cfg(unix)]
use crate::folder::{check_folder_of, folder_of};
use crate::problem::Problem;
use crate::runtime::block_on;
use crate::store::{CHECK_OWNER, StoreError};
use crate::{Database, Error};

pub use audit::{VerifiedAudit, VerifiedRecord, verify_audit};
pub use backup::{Backup, BackupOptions, backup};
pub use contents::Contents;
pub use copy::{Copied, CopiedTable, Progress, copy};
pub use init::{InitOptions, Initialized, init};
pub use migrate::{Migration, migrate, pending_migrations};
pub use restore::{RestoreOptions, Restored, restore};

/// Returns a function for `map_err` that adds the path of a copy to an error.
fn failed(file: &Path) -> impl FnOnce(StoreError) -> Error {
    move |error| {
        let (problem, remedy) = match error {
            StoreError::Full => (
                "cannot be written: the disk is full".to_owned(),
                "free space, or choose a folder on another disk",
            ),
            StoreError::Denied(reason) => (reason, CHECK_OWNER),
            error => (
                format!("cannot be used: {error}"),
                "check that it is a database of a vault, that this user may write its folder, and that its disk works \
                 and has free space within ulimit -f",
            ),
        };
        Problem::new(file.display(), problem, remedy).into()
    }
}

/// Refuses a database that does not exist, since opening it would make it.
fn check_exists(path: &Path) -> Result<(), Error> {
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::new(path.display(), "does not exist", "check the path").into()),
        Err(error) => Err(Error::file("read", path)(error)),
    }
}

/// Refuses root for the files of another user, whose vault could not read files of root.
#[cfg(unix)]
fn check_owner(database: &Path) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;
    check_folder_of(database)?;
    let existing = match database.exists() {
        true => database,
        false => folder_of(database),
    };
    let owner = std::fs::metadata(existing).map_err(Error::file("read", existing))?;
    if !rustix::process::geteuid().is_root() || owner.uid() == 0 {
        return Ok(());
    }
    let user = owner.uid();
    let problem = format_args!("belongs to the user {user}, who could not read the files of root");
    let remedy = format!("run the command as that user: sudo -u '#{user}' helvetisafe-server …");
    Err(Problem::new(existing.display(), problem, remedy).into())
}

#[cfg(not(unix))]
fn check_owner(_: &Path) -> Result<(), Error> {
    Ok(())
}

/// Returns the file of a SQLite database. For PostgreSQL, returns an error that names the equivalent program.
fn sqlite_file<'a>(
    database: &'a Database,
    verb: &str,
    command: impl FnOnce() -> String,
) -> Result<&'a Path, Error> {
    database.sqlite_file().ok_or_else(|| {
        let problem = format!("{verb} is for SQLite; PostgreSQL has programs of its own");
        let remedy = format!("run {}, as docs/self-hosting.md describes", command());
        Problem::new(format_args!("database {database}"), problem, remedy).into()
    })
}
