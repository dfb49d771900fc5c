//! `agent`: serves secrets to the programs of this machine, or of this pod.
//!
//! Each of the [`connections`] has a thread, which reads one request. [`guard`] lets it through and
//! [`routes`] answers it from the [`cache`]. Until the vault has been reached there is no cache, and the answer
//! is 503.

mod cache;
mod connections;
mod guard;
mod http;
mod keys;
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
use std::time::{Duration, Instant};

use helvetisafe::{ClientBuilder, Timeouts};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::atomic_file;
use crate::config::Config;
use crate::connect::connect_to_read;
use crate::context::Context;
use crate::failure::Failure;
use crate::kept::TokenKeeper;
use crate::messages::Messages;
use crate::signals::not_ignored;
use crate::time_argument::second_to_day;
use cache::Cache;
use guard::{Guard, Token};
use keys::Keys;
use listen::Address;
use permits::Permits;
use routes::Agent;

const EXAMPLES: &str = "\
Examples:
  helvetisafe agent --token-file agent.token
  curl -H \"Authorization: Bearer $(cat agent.token)\" http://127.0.0.1:8210/secret/DB_PASSWORD
  helvetisafe agent --listen unix:/run/app/secrets.sock --prefix APP_ --ttl 5m
  curl --unix-socket /run/app/secrets.sock -H \"Authorization: Bearer $token\" http://localhost/secrets";

/// How often to look whether a signal came.
const TICK: Duration = Duration::from_millis(100);
/// Between attempts to reach the vault.
const PAUSE: Duration = Duration::from_secs(5);

/// Serve secrets over HTTP on a loopback address or a Unix socket.
///
/// GET /health is 200 once the vault was reached, and 503 before; it needs no token. GET /secrets
/// is a JSON object of all values by key; GET /secret/KEY is an object with that one, or with the
/// fields of a multi-field secret. All other requests need the header `Authorization: Bearer
/// TOKEN`. Answers are kept for --ttl. It ends with status 0 at SIGTERM and SIGINT.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A loopback address and a port, or unix: and the path of a socket, which gets mode 0600.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8210")]
    listen: Address,
    /// Serve this secret; fails when there is none. HELVETISAFE_SECRET_KEYS, where set, limits what
    /// is served. Without --key and --prefix all of them are.
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// Serve all secrets whose keys begin with this.
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// How long an answer of the vault is kept, from 1s to 24h.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = second_to_day)]
    ttl: Duration,
    /// Write the token into this file, with mode 0600, in place of standard error.
    #[arg(long, value_name = "FILE", conflicts_with = "no_token")]
    token_file: Option<PathBuf>,
    /// Ask for no token: every user of this machine can read what a loopback address serves.
    #[arg(long)]
    no_token: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let keys = Keys::new(&args.keys, args.prefix.as_deref())?;
    let config = Config::load(&context.global)?;
    config.check()?;
    let stop = on_signal()?;
    let listener = args.listen.bind()?;
    let token = token(args, context.messages)?;
    let agent = Arc::new(Agent {
        guard: Guard::new(token, listener.is_network()),
        cache: OnceLock::new(),
        permits: Permits::default(),
        messages: context.messages,
    });
    context.messages.note(format_args!("serving on {listener}"));
    let listener = server::start(listener, &agent)?;
    let (failed, failure) = channel();
    let connecting = Connecting {
        agent: Arc::clone(&agent),
        config,
        keys,
        ttl: args.ttl,
    };
    // It ends with the process.
    thread::spawn(move || connecting.run(&failed));
    let outcome = wait(&stop, &failure);
    listener.finish();
    outcome
}

/// A new token, told to whoever started the agent.
fn token(args: &Args, messages: Messages) -> Result<Option<Token>, Failure> {
    if args.no_token {
        return Ok(None);
    }
    let token = Token::generate()?;
    match &args.token_file {
        Some(file) => atomic_file::write(file, token.expose().as_bytes())?,
        None => messages.say(format_args!("token: {}", token.expose())),
    }
    Ok(Some(token))
}

/// A flag that SIGTERM and SIGINT raise, where they are not ignored.
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

/// The way to the vault.
struct Connecting {
    agent: Arc<Agent>,
    config: Config,
    keys: Keys,
    ttl: Duration,
}

impl Connecting {
    /// Tries until the vault is reached. What does not pass by itself, such as a refused credential
    /// or a certificate that is not trusted, ends the agent, so that whoever watches it sees why.
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
                    // The other end goes with the process.
                    let _ = failed.send(failure);
                    return;
                }
            }
        }
    }

    /// Named secrets are fetched too, so that a name that is none is seen at once.
    fn connect(&self, messages: Messages) -> Result<Cache, Failure> {
        let cached = |builder: ClientBuilder| builder.cache(cache::policy(self.ttl));
        let token = TokenKeeper::load(&self.config, messages)?;
        self.config.read_secrets()?;
        let usual = Timeouts::default().operation;
        let (time, begun) = (self.config.timeout()?.unwrap_or(usual), Instant::now());
        let client = connect_to_read(&self.config, &token, messages, Some(messages), cached)?;
        let cache = Cache::new(client, self.keys.clone(), self.ttl, time);
        cache.fetch_named(time.saturating_sub(begun.elapsed()))?;
        Ok(cache)
    }
}
