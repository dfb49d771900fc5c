//! A SQLite database from a backup.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use serde::Serialize;

use super::new_file::{self, Existing, NewFile};
use super::{Contents, check_exists, check_owner, failed, sqlite_file};
use crate::problem::Problem;
use crate::store::{Schema, StoreError, incompatible, sqlite};
use crate::{Database, Error, private_files};

/// Options of [`restore`].
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct RestoreOptions {
    /// Replaces an existing database.
    pub replace: bool,
    /// Leaves out all tokens, so that none is valid which was revoked after the backup. Accounts log in again with their
    /// client secrets, and need new API tokens.
    pub without_tokens: bool,
}

/// A backup that was restored.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Restored {
    /// The backup.
    pub input: String,
    /// The database.
    pub database: String,
    /// Set if it replaced an existing one.
    pub replaced: bool,
    /// The contents of the database.
    #[serde(flatten)]
    pub contents: Contents,
}

/// Makes a SQLite database from a backup. The backup is copied and checked first, and then gets the name of the database: at
/// any moment there is the old database or the new one.
///
/// # Errors
///
/// [`Error::Problem`] for PostgreSQL, a database that exists, and an input that is damaged, not a database of a vault, of a
/// newer version, or in use; [`Error::Locked`] if a vault uses the database; [`Error::File`] if it cannot be written.
pub fn restore(
    input: &Path,
    database: &Database,
    options: RestoreOptions,
) -> Result<Restored, Error> {
    let path = sqlite_file(database, "restore", || {
        let (url, file) = (database.quoted(), crate::error::quoted(input));
        format!("pg_restore --exit-on-error --single-transaction --dbname={url} {file}")
    })?;
    check_input(input, path)?;
    check_owner(path)?;
    // Through a link, the file that it points to is replaced.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let _lock = private_files::lock(path)?;
    let file = NewFile::create(path, Existing::of(options.replace))?;
    let contents = fill(input, &file, options)?;
    let replaced = path.exists();
    retire(path, options.replace)?;
    file.complete()?;
    Ok(Restored {
        input: input.display().to_string(),
        database: database.to_string(),
        replaced,
        contents: Contents::of(&contents),
    })
}

/// Copies the backup, and checks the copy.
fn fill(input: &Path, file: &NewFile, options: RestoreOptions) -> Result<sqlite::Contents, Error> {
    let mut source = File::open(input).map_err(Error::file("read", input))?;
    std::io::copy(&mut source, &mut file.file()).map_err(|error| match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => failed(file.path())(StoreError::Full),
        _ => Error::file("write", file.partial())(error),
    })?;
    // A vault may have started during the copy.
    check_unused(input)?;
    let inspect = || sqlite::inspect(file.partial()).map_err(failed(input));
    let contents = inspect()?;
    if contents.migrations.schema() == Schema::Incompatible {
        return Err(incompatible(&input.display().to_string()).into());
    }
    if !options.without_tokens {
        return Ok(contents);
    }
    sqlite::drop_tokens(file.partial()).map_err(failed(file.partial()))?;
    inspect()
}

/// Completes the old database, so that no log of it is applied to the new one.
fn retire(path: &Path, replace: bool) -> Result<(), Error> {
    if !path.exists() && sqlite::has_log(path) && !replace {
        let problem = "does not exist, but a log of it does";
        let remedy = "choose another path, or remove the log with --replace";
        return Err(Problem::new(path.display(), problem, remedy).into());
    }
    if path.exists() && sqlite::finish_log(path).map_err(failed(path))? {
        return Ok(());
    }
    sqlite::remove_logs(path)
}

const SQLITE: &[u8] = b"SQLite format 3\0";
const PG_DUMP: &[u8] = b"PGDMP";

/// Refuses an input that is not one complete file of SQLite.
fn check_input(input: &Path, path: &Path) -> Result<(), Error> {
    check_exists(input)?;
    let refuse =
        |problem: &str, remedy: String| Err(Problem::new(input.display(), problem, remedy).into());
    let mut start = Vec::new();
    let file = File::open(input).map_err(Error::file("read", input))?;
    let length = SQLITE.len() as u64;
    let read = file.take(length).read_to_end(&mut start);
    read.map_err(Error::file("read", input))?;
    if start.starts_with(PG_DUMP) {
        let remedy = "run pg_restore, as docs/self-hosting.md describes";
        return refuse("is a dump of PostgreSQL", remedy.to_owned());
    }
    if start != SQLITE {
        let remedy = "choose a file that helvetisafe-server backup has made";
        return refuse("is not a database of SQLite", remedy.to_owned());
    }
    match new_file::is_same(input, &new_file::partial_path(path)) {
        true => Err(in_use(input)),
        false => check_unused(input),
    }
}

/// Refuses an input that a vault may change while it is copied.
fn check_unused(input: &Path) -> Result<(), Error> {
    match sqlite::is_in_use(input) || sqlite::has_log(input) {
        true => Err(in_use(input)),
        false => Ok(()),
    }
}

fn in_use(input: &Path) -> Error {
    let problem = "is in use, or has changes in a log beside it";
    let input_name = crate::error::quoted(input);
    let remedy = format!(
        "run helvetisafe-server backup --database sqlite:{input_name} --output FILE, and restore that file"
    );
    Problem::new(input.display(), problem, remedy).into()
}

impl Restored {
    /// Returns the warning to the operator about changes between the backup and its restore.
    #[must_use]
    pub fn warning(&self) -> String {
        let time = self.contents.last_change;
        let time = time.map_or_else(String::new, |time| {
            format!(", whose last change is of {time}")
        });
        let tokens = match self.contents.tokens {
            0 => "It has no tokens: accounts log in again, and API tokens have to be made again",
            _ => {
                "Tokens that were revoked since are valid again until they expire: if there are any, restore with \
                 --without-tokens"
            }
        };
        format!(
            "the vault is as it was at the backup{time}. Later writes are lost, values that were deleted or replaced \
             since are back, and accounts that were disabled since are active again. {tokens}"
        )
    }
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (input, database) = (&self.input, &self.database);
        let replaced = if self.replaced {
            ", in place of the old one"
        } else {
            ""
        };
        writeln!(f, "restored {input} to {database}{replaced}")?;
        write!(f, "{}", self.contents)
    }
}
