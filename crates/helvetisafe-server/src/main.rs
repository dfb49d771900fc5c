//! The command `helvetisafe-server`.

mod limit_options;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use helvetisafe_server::faults::{Faults, Spec};
use helvetisafe_server::{DevVault, Vault, VaultBuilder};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use limit_options::LimitOptions;

/// A HelvetiSafe vault with an embedded database.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a vault for development, with one account that may do everything.
    ///
    /// As soon as it accepts connections, the environment variables that a client needs are on
    /// standard output, as lines for a shell. SIGTERM or Ctrl-C stops it.
    Dev {
        /// Where to listen: a loopback address; port 0 is any that is free.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8200")]
        listen: SocketAddr,
        /// A folder, made with mode 0700, that keeps the database, the private key and the
        /// credentials for the next start. Without it all is gone when the vault stops.
        #[arg(long, value_name = "FOLDER")]
        state: Option<PathBuf>,
        #[command(flatten)]
        limits: LimitOptions,
        /// Misbehave on purpose, to see how a client copes: REQUESTS:FAULT[:WHEN], such as
        /// create:reset-after:once or read=KEY:status=503:percent=20, or the preset flaky. May be
        /// given several times. The documentation of the library's module faults has all of them.
        #[arg(long, value_name = "RULE")]
        faults: Vec<Spec>,
    },
}

fn main() -> ExitCode {
    let Command::Dev {
        listen,
        state,
        limits,
        faults,
    } = Args::parse().command;
    let misbehaves = !faults.is_empty();
    let builder = Vault::builder().listen(listen).rate_limits(limits.rates());
    match dev(with_faults(builder, faults), state, misbehaves) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("helvetisafe-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dev(
    builder: VaultBuilder,
    state: Option<PathBuf>,
    misbehaves: bool,
) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Before anything is made, so that a signal while it is made ends in a clean stop.
        let stop = stop_signal()?;
        let vault = DevVault::start_with(builder, state.as_deref())?;
        introduce(&vault, state.is_some(), misbehaves);
        print(&vault)?;
        stop.await;
        vault.stop()?;
        eprintln!("helvetisafe-server: stopped");
        Ok(())
    })
}

/// Without a fault there is nothing of them in the way of a request.
fn with_faults(builder: VaultBuilder, specs: Vec<Spec>) -> VaultBuilder {
    if specs.is_empty() {
        return builder;
    }
    let faults = Faults::new();
    specs.into_iter().for_each(|spec| faults.add_spec(spec));
    builder.faults(faults)
}

fn introduce(vault: &DevVault, is_kept: bool, misbehaves: bool) {
    let (url, folder) = (vault.vault().base_url(), vault.folder().display());
    eprintln!("helvetisafe-server: a vault for development serves {url} on this machine only");
    if is_kept {
        eprintln!("helvetisafe-server: database, private key and credentials are in {folder}");
    } else {
        eprintln!(
            "helvetisafe-server: secrets, keys and credentials are gone when it stops, and the next start prints other variables; use --state"
        );
        eprintln!("helvetisafe-server: until then, private key and credentials are in {folder}");
    }
    if misbehaves {
        eprintln!("helvetisafe-server: WARNING: it misbehaves on purpose, as --faults says");
    }
    eprintln!("helvetisafe-server: stop it with Ctrl-C or SIGTERM");
}

/// Lines for a shell, and nothing else, on standard output.
fn print(vault: &DevVault) -> io::Result<()> {
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

/// Listens for the signals at once; the future is done when one has come.
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
        // If it cannot be listened for, the system's own handling ends the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
