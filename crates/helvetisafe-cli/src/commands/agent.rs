//! `agent`: serves secrets to the programs of this machine, or of this pod.
//!
//! Each of the [`connections`] has a thread, which reads one request. [`guard`] checks it, and [`routes`]
//! answers it from the [`cache`]. Until the vault has been reached there is no cache, and the answer is
//! 503.

mod cache;
mod connections;
mod guard;
mod http;
mod listen;
mod permits;
mod routes;
mod server;
mod timed;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use clap::ArgGroup;
use helvetisafe::{ClientBuilder, Timeouts};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::selection::Keys;
use crate::failure::Failure;
use crate::session::{Budget, CachedToken, Connector};
use crate::settings::Settings;
use crate::signals::not_ignored;
use crate::ui::duration::second_to_day;
use crate::ui::messages::Messages;
use crate::ui::output_file::{self, AccessArgs};
use cache::Cache;
use guard::{Guard, Token};
use listen::Address;
use permits::Permits;
use routes::Agent;

const EXAMPLES: &str = "\
Examples:
  helvetisafe agent --token-file agent.token
  curl -H \"Authorization: Bearer $(cat agent.token)\" http://127.0.0.1:8210/secret/DB_PASSWORD
  helvetisafe agent --listen unix:/run/app/secrets.sock --prefix APP_ --ttl 5m
  curl --unix-socket /run/app/secrets.sock -H \"Authorization: Bearer $token\" http://localhost/secrets";

/// The interval of checks for a signal.
const TICK: Duration = Duration::from_millis(100);
/// The pause between attempts to reach the vault.
const PAUSE: Duration = Duration::from_secs(5);

/// Serve secrets over HTTP on a loopback address or a Unix socket.
///
/// GET /health is 200 once the vault was reached, and 503 before; it needs no token. GET /secrets is a
/// JSON object of all values by key; GET /secret/KEY is an object with that one, or with the fields of
/// a multi-field secret. Both need the header `Authorization: Bearer TOKEN`. Answers are cached for
/// --ttl. The agent ends with status 0 at SIGTERM and SIGINT.
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    group = ArgGroup::new("destination").args(["listen", "token_file"]).multiple(true)
)]
pub(crate) struct Args {
    /// A loopback address and a port, or unix: and the path of a socket, which gets mode 0600.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8210")]
    listen: Address,
    /// Serve this secret; fails if it does not exist. Without --key and --prefix all secrets are served.
    /// If HELVETISAFE_SECRET_KEYS is set, only those it names are.
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// Serve all secrets whose keys begin with this.
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// The time for which an answer of the vault is cached, from 1s to 24h.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = second_to_day)]
    ttl: Duration,
    /// Write the token into this file, with mode 0600, instead of standard error.
    #[arg(long, value_name = "FILE", conflicts_with = "no_token")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
    /// Require no token: every user of this machine can read what a loopback address serves.
    #[arg(long)]
    no_token: bool,
}

pub(crate) fn run(args: &Args, settings: &Settings, messages: Messages) -> Result<(), Failure> {
    let keys = Keys::new(&args.keys, args.prefix.as_deref())?.within_variable()?;
    let stop = on_signal()?;
    let listener = args.listen.bind(args.access.access())?;
    let token = token(args, messages)?;
    let agent = Arc::new(Agent {
        guard: Guard::new(token, listener.is_network()),
        cache: OnceLock::new(),
        permits: Permits::default(),
        messages,
    });
    messages.note(format_args!("serving on {listener}"));
    let listener = server::start(listener, &agent)?;
    let (failed, failure) = channel();
    let connecting = Connecting {
        agent: Arc::clone(&agent),
        settings: settings.clone(),
        keys,
        ttl: args.ttl,
    };
    // The thread ends with the process.
    thread::spawn(move || connecting.run(&failed));
    let outcome = wait(&stop, &failure);
    listener.finish();
    outcome
}

/// Generates a token, and prints it or writes it to a file.
fn token(args: &Args, messages: Messages) -> Result<Option<Token>, Failure> {
    if args.no_token {
        return Ok(None);
    }
    let token = Token::generate()?;
    match &args.token_file {
        Some(file) => {
            let access = args.access.access().written_by_owner();
            output_file::write(file, token.expose().as_bytes(), access, messages)?;
        }
        None => messages.info(format_args!("token: {}", token.expose())),
    }
    Ok(Some(token))
}

/// Returns a flag that SIGTERM and SIGINT set, unless they are ignored.
fn on_signal() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in not_ignored(&[SIGTERM, SIGINT]) {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|error| Failure::other(format_args!("cannot wait for signals: {error}")))?;
    }
    Ok(stop)
}

fn wait(stop: &AtomicBool, failure: &std::sync::mpsc::Receiver<Failure>) -> Result<(), Failure> {
    while !stop.load(Ordering::Relaxed) {
        match failure.recv_timeout(TICK) {
            Ok(failure) => return Err(failure),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => thread::sleep(TICK),
        }
    }
    Ok(())
}

/// The connection to the vault, in a thread of its own.
struct Connecting {
    agent: Arc<Agent>,
    settings: Settings,
    keys: Keys,
    ttl: Duration,
}

impl Connecting {
    /// Tries until the vault is reached. A lasting failure, such as a refused credential or an untrusted
    /// certificate, ends the agent.
    fn run(self, failed: &Sender<Failure>) {
        let messages = self.agent.messages;
        loop {
            match self.connect(messages) {
                Ok(cache) => {
                    let _ = self.agent.cache.set(cache);
                    return messages.note("ready");
                }
                Err(failure) if failure.may_pass() => {
                    messages.failure(&failure);
                    messages.note(format_args!("trying again in {} s", PAUSE.as_secs()));
                    thread::sleep(PAUSE);
                }
                Err(failure) => {
                    // The receiver lives as long as the process.
                    let _ = failed.send(failure);
                    return;
                }
            }
        }
    }

    /// Connects, and fetches the named secrets, so that a missing one is noticed at once.
    fn connect(&self, messages: Messages) -> Result<Cache, Failure> {
        let token = CachedToken::load(&self.settings, messages)?;
        self.settings.read_secrets()?;
        let timeout = self.settings.timeout;
        let timeout = timeout.unwrap_or(Timeouts::default().operation);
        let budget = Budget::new(Some(timeout));
        let connector = Connector {
            settings: &self.settings,
            token: token.as_ref(),
            accepted_org_key: None,
            messages,
        };
        let cached = |builder: ClientBuilder| builder.cache(cache::policy(self.ttl));
        let client = budget.spend(|| connector.read_with(Some(messages), cached))?;
        let cache = Cache::new(client, self.keys.clone(), self.ttl, timeout);
        cache.fetch_named(&budget)?;
        Ok(cache)
    }
}
