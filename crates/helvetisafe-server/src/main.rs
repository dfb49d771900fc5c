//! The command `helvetisafe-server`.

mod limit_options;
mod maintenance_command;
mod serve_command;

use std::fmt::Display;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
#[cfg(feature = "faults")]
use helvetisafe_server::faults::{Faults, Spec};
use helvetisafe_server::{Database, DevVault, Vault, VaultBuilder};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use limit_options::LimitOptions;
use maintenance_command::{
    AuditCommand, BackupArguments, CopyOptions, InitArguments, MigrateOptions, RestoreArguments,
};

/// A HelvetiSafe vault on SQLite or PostgreSQL.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a vault for development, with one account that has all scopes.
    ///
    /// When it accepts connections, it prints the environment variables for a client on standard output,
    /// as lines for a shell. SIGTERM or Ctrl-C stops it.
    Dev {
        /// The loopback address to listen on; port 0 is any free port.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8200")]
        listen: SocketAddr,
        /// A folder for the database, the private key and the credentials, made with mode 0700. Without it
        /// all data is lost when the vault stops.
        #[arg(long, value_name = "FOLDER")]
        state: Option<PathBuf>,
        /// The database: sqlite:PATH, or postgres://HOST/DATABASE. Without it, it is vault.db in the folder of
        /// --state, or in memory.
        // A text, since an error of the parser would show it, and it may have a password.
        #[arg(long)]
        database: Option<String>,
        #[command(flatten)]
        limits: LimitOptions,
        /// Misbehave on purpose, to test a client: REQUESTS:FAULT[:WHEN], such as
        /// create:reset-after:once or read=KEY:status=503:percent=20, or the preset flaky. May be
        /// given several times. The documentation of the library's module faults lists all of them.
        #[cfg(feature = "faults")]
        #[arg(long, value_name = "RULE")]
        faults: Vec<Spec>,
    },
    /// Prepare a database for its first organization, and make the token that founds it.
    ///
    /// The token is printed on standard output, or written to a file. It is valid for 24 hours and for one organization,
    /// which `helvetisafe org create` founds with it. A vault on SQLite has to be stopped.
    Init(InitArguments),
    /// Make the tables of a database, or bring those of an earlier version up to date.
    ///
    /// It prints the migrations that it ran, and does nothing if none is pending. A vault on SQLite has to be stopped.
    /// Nodes on PostgreSQL continue to serve. If several migrate at the same time, one does; the others wait, and
    /// report that nothing was left to do.
    Migrate(MigrateOptions),
    /// Verify the audit record.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Copy a SQLite database into a file, while a vault serves it or not.
    ///
    /// The file has the state of one moment. It is checked, and gets its name when it is complete. For PostgreSQL, use
    /// pg_dump.
    Backup(BackupArguments),
    /// Make a SQLite database from a backup.
    ///
    /// The backup is copied and checked before it gets the name of the database, whose vault has to be stopped. Tokens that
    /// were revoked after the backup are valid again, unless they have expired; see --without-tokens.
    Restore(RestoreArguments),
    /// Copy a whole vault into an empty database, such as from SQLite to PostgreSQL.
    ///
    /// Accounts, wrapped keys, tokens and secrets with their versions are copied, so clients need no change. Both
    /// databases are compared before the copy becomes visible as a whole. A vault on SQLite has to be stopped. PostgreSQL is
    /// read as of one moment: stop its nodes, or later writes are not in the copy.
    Copy(CopyOptions),
}

fn main() -> ExitCode {
    let command = Args::command()
        .subcommand(serve_command::serve_command())
        .subcommand(serve_command::check_command());
    let matches = command.get_matches();
    match matches.subcommand() {
        Some(("serve", matches)) => serve_command::serve(matches),
        Some(("check", matches)) => serve_command::report(matches),
        _ => run(Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())),
    }
}

fn run(args: Args) -> ExitCode {
    match args.command {
        Command::Dev {
            listen,
            state,
            database,
            limits,
            #[cfg(feature = "faults")]
            faults,
        } => {
            let builder = Vault::builder().listen(listen).rate_limits(limits.rates());
            #[cfg(feature = "faults")]
            let builder = with_faults(builder, faults);
            run_dev(builder, state, database.as_deref())
        }
        Command::Init(arguments) => maintenance_command::init(arguments),
        Command::Migrate(options) => maintenance_command::migrate(options),
        Command::Audit(command) => maintenance_command::audit(command),
        Command::Backup(arguments) => maintenance_command::backup(arguments),
        Command::Restore(arguments) => maintenance_command::restore(arguments),
        Command::Copy(options) => maintenance_command::copy(options),
    }
}

fn run_dev(builder: VaultBuilder, state: Option<PathBuf>, database: Option<&str>) -> ExitCode {
    match dev(builder, state, database) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report_error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Writes an error to standard error, with the mark that errors have in the log of the vault.
fn report_error(error: &dyn Display) {
    eprintln!("helvetisafe-server: ERROR: {error}");
}

fn dev(
    mut builder: VaultBuilder,
    state: Option<PathBuf>,
    database: Option<&str>,
) -> Result<(), Box<dyn std::error::Error>> {
    let database = database.map(str::parse::<Database>).transpose()?;
    if let Some(database) = &database {
        builder = builder.database(database.clone());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // First, so that a signal during the start leads to a clean stop.
        let stop = stop_signal()?;
        let vault = DevVault::start_with(builder, state.as_deref())?;
        print_introduction(&vault, state.is_some(), database.as_ref());
        print_variables(&vault)?;
        stop.await;
        vault.stop()?;
        eprintln!("helvetisafe-server: stopped");
        Ok(())
    })
}

/// Adds the faults, with a warning; without any, requests do not pass through them.
#[cfg(feature = "faults")]
fn with_faults(builder: VaultBuilder, specs: Vec<Spec>) -> VaultBuilder {
    if specs.is_empty() {
        return builder;
    }
    eprintln!("helvetisafe-server: WARNING: the vault misbehaves on purpose, because of --faults");
    let faults = Faults::new();
    specs.into_iter().for_each(|spec| faults.add_spec(spec));
    builder.faults(faults)
}

fn print_introduction(vault: &DevVault, is_persistent: bool, database: Option<&Database>) {
    let (url, folder) = (vault.vault().base_url(), vault.folder().display());
    let say = |text: &dyn Display| eprintln!("helvetisafe-server: {text}");
    say(&format_args!(
        "a vault for development serves {url} on this machine only"
    ));
    match (is_persistent, database) {
        (true, None) => say(&format_args!(
            "database, private key and credentials are in {folder}"
        )),
        (true, Some(database)) => say(&format_args!(
            "the database is {database}; private key and credentials are in {folder}"
        )),
        (false, None) => say(
            &"secrets, keys and credentials are lost when it stops, and the next start prints other variables; to save them, use --state FOLDER",
        ),
        (false, Some(database)) => say(&format_args!(
            "keys and credentials are lost when it stops, and no later start reads the secrets that stay in {database}; to save them, use --state FOLDER"
        )),
    }
    if !is_persistent {
        say(&format_args!(
            "until it stops, private key and credentials are in {folder}"
        ));
    }
    say(&"stop it with Ctrl-C or SIGTERM");
}

/// Prints the variables on standard output, as lines for a shell.
fn print_variables(vault: &DevVault) -> io::Result<()> {
    let credentials = vault.credentials();
    let fingerprint = vault.org_key_fingerprint().to_string();
    let path = credentials.private_key_path.to_string_lossy();
    let variables = [
        ("HELVETISAFE_BASE_URL", credentials.base_url.as_str()),
        ("HELVETISAFE_CLIENT_ID", &credentials.client_id),
        (
            "HELVETISAFE_CLIENT_SECRET",
            credentials.client_secret.expose_secret(),
        ),
        ("HELVETISAFE_PRIVATE_KEY_PATH", &path),
        ("HELVETISAFE_ORG_KEY_FINGERPRINT", &fingerprint),
    ];
    let mut stdout = io::stdout().lock();
    for (name, value) in variables {
        let quoted = Zeroizing::new(value.replace('\'', r"'\''"));
        writeln!(stdout, "export {name}='{}'", *quoted)?;
    }
    stdout.flush()
}

/// Registers for the signals at once. The future is ready after one has arrived.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a handler, Ctrl-C ends the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
