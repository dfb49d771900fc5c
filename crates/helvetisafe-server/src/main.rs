//! The command `helvetisafe-server`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use helvetisafe_server::faults::{Faults, Spec};
use helvetisafe_server::{DevCredentials, DevVault};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

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
        faults,
    } = Args::parse().command;
    match dev(listen, state, faults) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("helvetisafe-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dev(
    listen: SocketAddr,
    state: Option<PathBuf>,
    faults: Vec<Spec>,
) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Before anything is made, so that a signal while it is made ends in a clean stop.
        let stop = stop_signal()?;
        let misbehaves = !faults.is_empty();
        let vault = start(listen, state.as_deref(), faults)?;
        introduce(&vault, state.is_some(), misbehaves);
        print(vault.credentials())?;
        stop.await;
        vault.stop()?;
        eprintln!("helvetisafe-server: stopped");
        Ok(())
    })
}

/// Without a fault there is nothing of them in the way of a request.
fn start(
    listen: SocketAddr,
    state: Option<&Path>,
    specs: Vec<Spec>,
) -> Result<DevVault, helvetisafe_server::Error> {
    if specs.is_empty() {
        return DevVault::start(listen, state);
    }
    let faults = Faults::new();
    specs.into_iter().for_each(|spec| faults.add_spec(spec));
    DevVault::start_with_faults(listen, state, faults)
}

fn introduce(vault: &DevVault, is_kept: bool, misbehaves: bool) {
    let (url, folder) = (vault.vault().base_url(), vault.folder().display());
    eprintln!("helvetisafe-server: a vault for development serves {url} on this machine only");
    if is_kept {
        eprintln!("helvetisafe-server: database, private key and credentials are in {folder}");
    } else {
        eprintln!("helvetisafe-server: secrets are in memory and gone when it stops; use --state");
        eprintln!("helvetisafe-server: until then, private key and credentials are in {folder}");
    }
    if misbehaves {
        eprintln!("helvetisafe-server: WARNING: it misbehaves on purpose, as --faults says");
    }
    eprintln!("helvetisafe-server: stop it with Ctrl-C or SIGTERM");
}

/// Lines for a shell, and nothing else, on standard output.
fn print(credentials: &DevCredentials) -> io::Result<()> {
    let path = credentials.private_key_path.to_string_lossy();
    let variables = [
        ("HELVETISAFE_BASE_URL", credentials.base_url.as_str()),
        ("HELVETISAFE_CLIENT_ID", &credentials.client_id),
        (
            "HELVETISAFE_CLIENT_SECRET",
            credentials.client_secret.expose_secret(),
        ),
        ("HELVETISAFE_PRIVATE_KEY_PATH", &path),
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
