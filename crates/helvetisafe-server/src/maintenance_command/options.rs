//! The options of the commands.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use helvetisafe_server::Database;
use helvetisafe_server::serve::{Config, Origin, SETTINGS};

use super::Failure;

const DATABASE_VARIABLE: &str = "HELVETISAFE_SERVER_DATABASE";
const CONFIG_VARIABLE: &str = "HELVETISAFE_SERVER_CONFIG";

/// The database of a command.
#[derive(Args)]
pub(crate) struct DatabaseOptions {
    /// The database: sqlite:FILE, or postgres://HOST/DATABASE.
    // A text, since an error of the parser would show it, and it may have a password.
    #[arg(long, env = DATABASE_VARIABLE, hide_env_values = true)]
    database: Option<String>,
    /// The TOML file of serve, for its member database.
    #[arg(long, value_name = "FILE", env = CONFIG_VARIABLE)]
    config: Option<PathBuf>,
}

/// The options of `init`.
#[derive(Args)]
pub(crate) struct InitArguments {
    #[command(flatten)]
    pub(super) database: DatabaseOptions,
    /// Write the token to this file, with mode 0600, instead of printing it. The file must not exist.
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// Leave the tables as they are; they have to be those of this version.
    #[arg(long)]
    pub(super) no_migrate: bool,
    /// Print an object with the members database, expires_at, token and token_file.
    #[arg(long)]
    pub(super) json: bool,
}

/// The options of `migrate`.
#[derive(Args)]
pub(crate) struct MigrateOptions {
    #[command(flatten)]
    pub(super) database: DatabaseOptions,
    /// List the pending migrations, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Print an object with the members database, from, to, applied and pending.
    #[arg(long)]
    pub(super) json: bool,
}

/// The verbs of `audit`.
#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Verify the audit record of each organization: its acts, and the chain of hashes over them.
    ///
    /// It reads the database, which a vault may serve meanwhile. Store the output of --json where the vault's operator cannot
    /// write, and give it as --earlier the next time: a record that was made anew is not noticed otherwise. The status is 1
    /// if a record contradicts its seals.
    Verify(VerifyArguments),
}

/// The options of `audit verify`.
#[derive(Args)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    pub(super) database: DatabaseOptions,
    /// An earlier output of --json, whose heads have to be in the record.
    #[arg(long, value_name = "FILE")]
    pub(super) earlier: Option<PathBuf>,
    /// Print an object with the members database and organizations.
    #[arg(long)]
    pub(super) json: bool,
}

/// The options of `backup`.
#[derive(Args)]
pub(crate) struct BackupArguments {
    #[command(flatten)]
    pub(super) database: DatabaseOptions,
    /// The file to make, with mode 0600.
    #[arg(long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// Replace the file if it exists, once the new one is complete.
    #[arg(long)]
    pub(super) replace: bool,
    /// Print an object with the path, the size and the numbers of accounts and secrets.
    #[arg(long)]
    pub(super) json: bool,
}

/// The options of `restore`.
#[derive(Args)]
pub(crate) struct RestoreArguments {
    /// The backup.
    #[arg(long, value_name = "FILE")]
    pub(super) input: PathBuf,
    #[command(flatten)]
    pub(super) database: DatabaseOptions,
    /// Replace the database if it exists, once the backup is copied and checked.
    #[arg(long)]
    pub(super) replace: bool,
    /// Leave out all tokens, so that none is valid which was revoked after the backup. Accounts log in again with their
    /// client secrets; API tokens have to be made again.
    #[arg(long)]
    pub(super) without_tokens: bool,
    /// Print an object with the paths and the numbers of accounts and secrets.
    #[arg(long)]
    pub(super) json: bool,
}

/// The options of `copy`.
#[derive(Args)]
pub(crate) struct CopyOptions {
    /// The database to read: sqlite:FILE, whose vault is stopped, or postgres://HOST/DATABASE.
    #[arg(long, value_name = "DATABASE")]
    pub(super) from: String,
    /// The database to fill: sqlite:FILE, which does not exist, or postgres://HOST/DATABASE, which is empty.
    #[arg(long, value_name = "DATABASE")]
    pub(super) to: String,
    /// Print an object with the tables, their numbers of rows and their digests.
    #[arg(long)]
    pub(super) json: bool,
}

impl DatabaseOptions {
    /// Returns the options that `serve` needs for the same database, each after a space. `serve` reads the variables itself.
    pub(super) fn options(&self) -> String {
        let database = self.database.as_ref();
        let database = database.filter(|it| !is_in(DATABASE_VARIABLE, it.as_ref()));
        let config = self.config.as_ref();
        let config = config.filter(|it| !is_in(CONFIG_VARIABLE, it.as_ref()));
        // The parser takes no database with a password.
        let database = database.map(|it| format!(" --database {}", quoted(Path::new(it))));
        let config = config.map(|it| format!(" --config {}", quoted(it)));
        [config, database].into_iter().flatten().collect()
    }

    /// Returns true if there is a TOML file of `serve`.
    pub(super) fn has_config(&self) -> bool {
        self.config.is_some()
    }

    pub(super) fn parse(&self) -> Result<Database, Failure> {
        let setting = SETTINGS.iter().find(|setting| setting.name == "database");
        let given = setting.zip(self.database.clone());
        let given = given.map(|(setting, value)| setting.given(vec![value], Origin::Flag));
        let database = Config::database(given.into_iter().collect(), self.config.as_deref());
        let texts = |problems: Vec<_>| problems.iter().map(ToString::to_string).collect();
        database.map_err(|problems| Failure::Usage(texts(problems)))
    }
}

/// Returns true if a variable has the value of an option.
fn is_in(variable: &str, value: &OsStr) -> bool {
    std::env::var_os(variable).is_some_and(|it| it == value)
}

/// Quotes a path as one word of a shell command, if it needs quotes.
pub(super) fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:,=".contains(c);
    match !path.starts_with('-') && path.chars().all(is_plain) {
        true => path,
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

pub(super) fn database((option, text): (&str, &String)) -> Result<Database, Failure> {
    let database = text.parse::<Database>();
    // Without the text, which may have a password in it.
    database.map_err(|error| Failure::Usage(vec![format!("{option}: {error}")]))
}
