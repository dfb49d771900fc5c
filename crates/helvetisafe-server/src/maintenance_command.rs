//! The commands `init`, `migrate`, `audit verify`, `backup`, `restore` and `copy`.

use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use helvetisafe_server::maintenance::{self, BackupOptions, InitOptions, Progress, RestoreOptions};
use helvetisafe_server::serve::{Config, Origin, SETTINGS};
use helvetisafe_server::{Database, Error};
use secrecy::ExposeSecret;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::report_error;

/// The status for settings that are wrong, as for wrong arguments.
const USAGE: u8 = 2;

/// The database of a command.
#[derive(Args)]
struct DatabaseOptions {
    /// The database: sqlite:FILE, or postgres://HOST/DATABASE.
    // A text, since an error of the parser would show it, and it may have a password.
    #[arg(long, env = "HELVETISAFE_SERVER_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// The TOML file of serve, for its member database.
    #[arg(long, value_name = "FILE", env = "HELVETISAFE_SERVER_CONFIG")]
    config: Option<PathBuf>,
}

/// The options of `init`.
#[derive(Args)]
pub(super) struct InitArguments {
    #[command(flatten)]
    database: DatabaseOptions,
    /// Write the token to this file, with mode 0600, instead of printing it. The file must not exist.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Leave the tables as they are; they have to be those of this version.
    #[arg(long)]
    no_migrate: bool,
    /// Print an object with the members database, expires_at, token and token_file.
    #[arg(long)]
    json: bool,
}

/// The options of `migrate`.
#[derive(Args)]
pub(super) struct MigrateOptions {
    #[command(flatten)]
    database: DatabaseOptions,
    /// List the pending migrations, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print an object with the members database, from, to, applied and pending.
    #[arg(long)]
    json: bool,
}

/// The verbs of `audit`.
#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Verify the audit record of each organization: its acts, and the chain of hashes over them.
    ///
    /// It reads the database, which a vault may serve meanwhile. Store the output of --json where the vault's operator cannot
    /// write, and give it as --earlier the next time: a record that was made anew is not noticed otherwise. The status is 1
    /// if a record contradicts its seals.
    Verify(VerifyArguments),
}

/// The options of `audit verify`.
#[derive(Args)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    database: DatabaseOptions,
    /// An earlier output of --json, whose heads have to be in the record.
    #[arg(long, value_name = "FILE")]
    earlier: Option<PathBuf>,
    /// Print an object with the members database and organizations.
    #[arg(long)]
    json: bool,
}

/// The options of `backup`.
#[derive(Args)]
pub(super) struct BackupArguments {
    #[command(flatten)]
    database: DatabaseOptions,
    /// The file to make, with mode 0600.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the file if it exists, once the new one is complete.
    #[arg(long)]
    replace: bool,
    /// Print an object with the path, the size and the numbers of accounts and secrets.
    #[arg(long)]
    json: bool,
}

/// The options of `restore`.
#[derive(Args)]
pub(super) struct RestoreArguments {
    /// The backup.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    #[command(flatten)]
    database: DatabaseOptions,
    /// Replace the database if it exists, once the backup is copied and checked.
    #[arg(long)]
    replace: bool,
    /// Leave out all tokens, so that none is valid which was revoked after the backup. Accounts log in again with their
    /// client secrets; API tokens have to be made again.
    #[arg(long)]
    without_tokens: bool,
    /// Print an object with the paths and the numbers of accounts and secrets.
    #[arg(long)]
    json: bool,
}

/// The options of `copy`.
#[derive(Args)]
pub(super) struct CopyOptions {
    /// The database to read: sqlite:FILE, whose vault is stopped, or postgres://HOST/DATABASE.
    #[arg(long, value_name = "DATABASE")]
    from: String,
    /// The database to fill: sqlite:FILE, which does not exist, or postgres://HOST/DATABASE, which is empty.
    #[arg(long, value_name = "DATABASE")]
    to: String,
    /// Print an object with the tables, their numbers of rows and their digests.
    #[arg(long)]
    json: bool,
}

/// Runs `init`.
pub(super) fn init(arguments: InitArguments) -> ExitCode {
    run(arguments.json, || {
        let database = arguments.database.parse()?;
        let mut options = InitOptions::default();
        options.token_file.clone_from(&arguments.token_file);
        options.no_migrate = arguments.no_migrate;
        let made = maintenance::init(&database, options)?;
        let hint = format!(
            "the bootstrap token founds one organization until {}: serve the database, then run helvetisafe org \
             create --base-url URL with the token",
            made.expires_at
        );
        if !arguments.json {
            say(&hint);
        }
        Ok(NewToken {
            database: made.database,
            expires_at: made.expires_at.to_string(),
            token: made
                .token
                .map(|token| Zeroizing::new(token.expose_secret().to_owned())),
            token_file: arguments.token_file,
        })
    })
}

/// A bootstrap token as it is printed.
#[derive(Serialize)]
struct NewToken {
    database: String,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    token: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_file: Option<PathBuf>,
}

fn exposed<S: Serializer>(
    token: &Option<Zeroizing<String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    token
        .as_ref()
        .map(|token| token.as_str())
        .serialize(serializer)
}

impl Display for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.token, &self.token_file) {
            (Some(token), _) => f.write_str(token),
            (None, Some(file)) => write!(f, "{}: the bootstrap token", file.display()),
            (None, None) => Ok(()),
        }
    }
}

/// Runs `migrate`.
pub(super) fn migrate(options: MigrateOptions) -> ExitCode {
    run(options.json, || {
        let database = options.database.parse()?;
        Ok(match options.dry_run {
            true => maintenance::pending_migrations(&database)?,
            false => maintenance::migrate(&database)?,
        })
    })
}

/// Runs `audit verify`.
pub(super) fn audit(command: AuditCommand) -> ExitCode {
    let AuditCommand::Verify(arguments) = command;
    let mut is_intact = true;
    let printed = run(arguments.json, || {
        let database = arguments.database.parse()?;
        let verified = maintenance::verify_audit(&database, arguments.earlier.as_deref())?;
        is_intact = verified.is_intact();
        Ok(verified)
    });
    match is_intact {
        true => printed,
        false => {
            report_error(
                &"the audit record is not intact: acts were changed, added or removed in the database",
            );
            ExitCode::FAILURE
        }
    }
}

/// Runs `backup`.
pub(super) fn backup(arguments: BackupArguments) -> ExitCode {
    run(arguments.json, || {
        let database = arguments.database.parse()?;
        let mut options = BackupOptions::default();
        options.replace = arguments.replace;
        Ok(maintenance::backup(&database, &arguments.output, options)?)
    })
}

/// Runs `restore`.
pub(super) fn restore(arguments: RestoreArguments) -> ExitCode {
    run(arguments.json, || {
        let database = arguments.database.parse()?;
        let mut options = RestoreOptions::default();
        options.replace = arguments.replace;
        options.without_tokens = arguments.without_tokens;
        let restored = maintenance::restore(&arguments.input, &database, options)?;
        say(&format_args!("WARNING: {}", restored.warning()));
        Ok(restored)
    })
}

/// Runs `copy`.
pub(super) fn copy(options: CopyOptions) -> ExitCode {
    run(options.json, || {
        let [from, to] = [("--from", &options.from), ("--to", &options.to)].map(database);
        let mut line = ProgressLine::new();
        let copied = maintenance::copy(&from?, &to?, |progress| line.show(progress));
        line.clear();
        Ok(copied?)
    })
}

/// The failure of a command.
enum Failure {
    /// The arguments are wrong.
    Usage(Vec<String>),
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl DatabaseOptions {
    fn parse(&self) -> Result<Database, Failure> {
        let setting = SETTINGS.iter().find(|setting| setting.name == "database");
        let given = setting.zip(self.database.clone());
        let given = given.map(|(setting, value)| setting.given(vec![value], Origin::Flag));
        let database = Config::database(given.into_iter().collect(), self.config.as_deref());
        let texts = |problems: Vec<_>| problems.iter().map(ToString::to_string).collect();
        database.map_err(|problems| Failure::Usage(texts(problems)))
    }
}

fn database((option, text): (&str, &String)) -> Result<Database, Failure> {
    let database = text.parse::<Database>();
    // Without the text, which may have a password in it.
    database.map_err(|error| Failure::Usage(vec![format!("{option}: {error}")]))
}

/// Runs a command, and prints its result.
fn run<T: Display + Serialize>(
    is_json: bool,
    work: impl FnOnce() -> Result<T, Failure>,
) -> ExitCode {
    let printed = work().and_then(|result| print(&result, is_json));
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(problems)) => {
            problems.iter().for_each(|problem| report_error(problem));
            ExitCode::from(USAGE)
        }
        Err(Failure::Error(error)) => {
            report_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn print(result: &(impl Display + Serialize), is_json: bool) -> Result<(), Failure> {
    let text = match is_json {
        true => serde_json::to_string_pretty(result).map_err(io::Error::from),
        false => Ok(result.to_string()),
    };
    let written = text.and_then(|text| writeln!(io::stdout(), "{text}"));
    written.map_err(|reason| {
        let (action, path) = ("write", "standard output".into());
        Failure::Error(Error::File {
            action,
            path,
            reason,
        })
    })
}

fn say(text: &dyn Display) {
    eprintln!("helvetisafe-server: {text}");
}

/// A line on the terminal that is overwritten.
struct ProgressLine {
    is_shown: bool,
    last: Option<Instant>,
}

impl ProgressLine {
    fn new() -> Self {
        Self {
            is_shown: io::stderr().is_terminal(),
            last: None,
        }
    }

    fn show(&mut self, progress: Progress) {
        const INTERVAL: Duration = Duration::from_millis(200);
        let is_due = self.last.is_none_or(|last| last.elapsed() >= INTERVAL);
        if self.is_shown && is_due {
            self.last = Some(Instant::now());
            let Progress {
                table, rows, total, ..
            } = progress;
            eprint!("\r\x1b[Kcopying {table}: {rows} of {total}");
        }
    }

    fn clear(&self) {
        if self.last.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
