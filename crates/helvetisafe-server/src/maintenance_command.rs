//! The commands `init`, `migrate`, `audit verify`, `backup`, `restore` and `copy`.

mod options;
mod output;

use std::fmt::{self, Display};
use std::path::PathBuf;
use std::process::ExitCode;

use helvetisafe_server::Error;
use helvetisafe_server::maintenance::{self, BackupOptions, InitOptions, RestoreOptions};
use secrecy::ExposeSecret;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::report_error;
use options::{database, quoted};
use output::{ProgressLine, print, say};

pub(super) use options::{
    AuditCommand, BackupArguments, CopyOptions, InitArguments, MigrateOptions, RestoreArguments,
};

/// The status for settings that are wrong, as for wrong arguments.
const USAGE: u8 = 2;

/// Runs `init`.
pub(super) fn init(arguments: InitArguments) -> ExitCode {
    run(arguments.json, || {
        let database = arguments.database.parse()?;
        let mut options = InitOptions::default();
        options.token_file.clone_from(&arguments.token_file);
        options.no_migrate = arguments.no_migrate;
        let made = maintenance::init(&database, options)?;
        if !arguments.json {
            say(&format_args!(
                "the bootstrap token founds one organization until {}",
                made.expires_at
            ));
            say(&next_step(&arguments));
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

/// Returns the commands that follow `init`, for this machine, and what they need for others.
fn next_step(arguments: &InitArguments) -> String {
    let no_migrate = if arguments.no_migrate {
        " --no-migrate"
    } else {
        ""
    };
    let database = arguments.database.options();
    let (token, copy) = match &arguments.token_file {
        Some(file) => {
            let whole = std::path::absolute(file);
            let file = whole.unwrap_or_else(|_| file.clone());
            (
                format!(" --token-file {}", quoted(&file)),
                "a copy of the file",
            )
        }
        None => (String::new(), "the token, for which it asks"),
    };
    let (listen, url) = match arguments.database.has_config() {
        true => ("with the address and the certificate of that file", "URL"),
        false => (
            "for other machines with --listen, --tls-cert and --tls-key",
            "http://127.0.0.1:8200",
        ),
    };
    format!(
        "next: `helvetisafe-server serve{database}{no_migrate}` serves the vault, {listen}; then `helvetisafe org create --base-url \
         {url}{token} --output-dir organization` founds the organization; the founder's machine needs {copy}, the vault's own \
         URL, and --ca-certificate FILE if the certificate is from an authority of your own"
    )
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
        let made = maintenance::backup(&database, &arguments.output, options)?;
        if let Some(warning) = made.warning() {
            say(&format_args!("WARNING: {warning}"));
        }
        Ok(made)
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
