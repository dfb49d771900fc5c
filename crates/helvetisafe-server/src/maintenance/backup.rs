//! A complete copy of a SQLite database in one file, made while a vault serves it.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::new_file::{self, Existing, NewFile};
use super::{Contents, check_exists, failed, sqlite_file};
use crate::problem::Problem;
use crate::store::{CopyError, Schema, incompatible, sqlite};
use crate::{Database, Error};

/// Options of [`backup`].
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct BackupOptions {
    /// Replaces an existing file.
    pub replace: bool,
}

/// A backup that was made.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Backup {
    /// The database.
    pub database: String,
    /// The file.
    pub output: String,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The contents of the file.
    #[serde(flatten)]
    pub contents: Contents,
}

/// Copies a SQLite database into a file with mode 0600, as of one moment. A vault may serve it meanwhile; the two do not
/// wait for each other. The copy is checked before it gets its name, so an existing backup is replaced by a complete one or not at all.
///
/// # Errors
///
/// [`Error::Problem`] for PostgreSQL, a file that exists or is a database in use, a full disk, and a database that is damaged
/// or not of a vault; [`Error::Locked`] if another process makes the same file; [`Error::File`] if it cannot be written.
pub fn backup(database: &Database, output: &Path, options: BackupOptions) -> Result<Backup, Error> {
    let source = sqlite_file(database, "backup", || {
        let url = database.quoted();
        let file = crate::error::quoted(output);
        format!("pg_dump --format=custom --file={file} --dbname={url}")
    })?;
    check_exists(source)?;
    check_output(source, output)?;
    let file = NewFile::create(output, Existing::of(options.replace))?;
    let contents = fill(source, output, file.partial())?;
    if contents.migrations.schema() == Schema::Incompatible {
        return Err(incompatible(&database.to_string()).into());
    }
    let metadata = file.file().metadata();
    let bytes = metadata.map_err(Error::file("read", output))?.len();
    file.complete()?;
    Ok(Backup {
        database: database.to_string(),
        output: output.display().to_string(),
        bytes,
        contents: Contents::of(&contents),
    })
}

fn fill(source: &Path, output: &Path, partial: &Path) -> Result<sqlite::Contents, Error> {
    sqlite::copy_online(source, partial).map_err(|error| match error {
        CopyError::Source(error) => failed(source)(error),
        CopyError::Target(error) => failed(output)(error),
    })?;
    sqlite::inspect(partial).map_err(failed(output))
}

/// Refuses a file that is a database in use, which a new one must not replace.
fn check_output(source: &Path, output: &Path) -> Result<(), Error> {
    if output == Path::new("-") {
        let problem = "would be standard output, where a part of a failed backup looks like one";
        return Err(Problem::new("-", problem, "name a file").into());
    }
    let is_source = [output, &new_file::partial_path(output)]
        .iter()
        .any(|path| new_file::is_same(source, path));
    if !is_source && !sqlite::has_log(output) && !sqlite::is_in_use(output) {
        return Ok(());
    }
    let problem = "is a database in use";
    Err(Problem::new(output.display(), problem, "choose another file").into())
}

impl Backup {
    /// Returns the warning to the operator about values under replaced org keys.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let count = self.contents.old_secrets;
        (count > 0).then(|| {
            format!(
                "the backup has values under replaced org keys ({count}). A vault removes them 10 minutes after the rotation. If a \
                 key was replaced because another person may know it, make a new backup then, and delete this one"
            )
        })
    }
}

impl fmt::Display for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (database, output, bytes) = (&self.database, &self.output, self.bytes);
        writeln!(f, "saved {database} to {output}, {bytes} bytes")?;
        write!(f, "{}", self.contents)
    }
}
