//! `agent`: serves secrets to the programs of this machine, or of this pod.
//!
//! Each of the [`connections`] has a thread, which reads one request. [`guard`] checks it, and [`routes`]
//! answers it from the [`cache`]. Until the vault has been reached there is no cache, and the answer is
//! 503.

mod cache;
mod connecting;
mod connections;
mod failing;
mod guard;
mod http;
mod listen;
mod members;
mod permits;
mod probe;
mod routes;
mod server;
#[cfg_attr(
    not(all(feature = "systemd", target_os = "linux")),
    path = "agent/no_systemd.rs"
)]
mod systemd;
mod timed;

use std::os::raw::c_int;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use clap::ArgGroup;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::selection::Keys;
use crate::failure::Failure;
use crate::session::outage::Outage;
use crate::session::{OfflineArgs, Vault};
use crate::signals::not_ignored;
use crate::ui::duration::second_to_day;
use crate::ui::lasting::Lasting;
use crate::ui::messages::Messages;
use crate::ui::output_file::{self, AccessArgs};
use connecting::Connecting;
use guard::{Guard, Token};
use http::Request;
use listen::{Address, Listener};
use permits::Permits;
use probe::Probe;
use routes::Agent;
use server::Running;

const EXAMPLES: &str = "\
Examples:
  helvetisafe agent --token-file agent.token
  curl -H \"Authorization: Bearer $(cat agent.token)\" http://127.0.0.1:8210/secret/DB_PASSWORD
  helvetisafe agent --listen unix:/run/app/secrets.sock --prefix APP_ --ttl 5m
  curl --unix-socket /run/app/secrets.sock -H \"Authorization: Bearer $token\" http://localhost/secrets
  HELVETISAFE_AGENT_PORT=8080 helvetisafe agent --no-token --health-listen 0.0.0.0:8081
  helvetisafe agent --check --listen unix:/run/app/secrets.sock";

/// The interval of checks for a signal.
const TICK: Duration = Duration::from_millis(100);
/// The interval of writes to the offline cache, and of reports about the vault.
const SAVING: Duration = Duration::from_secs(1);

/// Serve secrets over HTTP on a loopback address or a Unix socket.
///
/// GET /health is 200 while the agent runs, and GET /ready once it has reached the vault; they need no
/// token. GET /secrets is {"keys": […]}, the names; GET /secret/KEY is a JSON object with that value, or
/// with the fields of a multi-field secret. These need the header `Authorization: Bearer TOKEN`. Answers
/// are cached for --ttl. SIGHUP reads the settings and secrets again; at SIGTERM and SIGINT the agent
/// ends with status 0.
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    group = ArgGroup::new("destination").args(["listen", "health_listen", "token_file"]).multiple(true)
)]
pub(crate) struct Args {
    /// A loopback address and a port, or unix: and the path of a socket, which gets mode 0600.
    ///
    /// Without it the address is HELVETISAFE_AGENT_HOST, else 127.0.0.1, and the port is
    /// HELVETISAFE_AGENT_PORT, else 8210.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<Address>,
    /// Listen on an address that other machines can connect to. Tokens and secrets cross the network
    /// unencrypted.
    #[arg(long, conflicts_with = "no_token")]
    allow_remote: bool,
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
    /// Also serve GET /values, a JSON object of all values by key.
    #[arg(long)]
    serve_values: bool,
    /// Also serve GET /health and GET /ready, and nothing else, on this address, which may be any. It is
    /// for the probes of Kubernetes.
    #[arg(long, value_name = "ADDRESS")]
    health_listen: Option<Address>,
    /// Check whether a running agent is ready, or with --check=health whether it runs, and end with 0 if
    /// so. It asks on the address of --health-listen, else on that of --listen.
    #[arg(
        long,
        value_name = "STATE",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "ready"
    )]
    check: Option<Probe>,
    #[command(flatten)]
    offline: OfflineArgs,
}

impl Args {
    /// Returns the address for secrets.
    fn address(&self) -> Result<Address, Failure> {
        match &self.listen {
            Some(address) => Ok(address.clone()),
            None => Address::from_variables(),
        }
    }

    /// Refuses `--mode` and `--group` if no file gets them, so that no user relies on them.
    fn refuse_unused_access(&self) -> Result<(), Failure> {
        let is_socket = |address: &Option<Address>| matches!(address, Some(Address::Socket(_)));
        let has_file = output_file::named(&self.token_file).is_some();
        if !self.access.is_set()
            || has_file
            || is_socket(&self.listen)
            || is_socket(&self.health_listen)
        {
            return Ok(());
        }
        Err(Failure::usage(
            "--mode and --group are for files, and neither a TCP address nor standard output is one: every user \
             of this machine can connect to a loopback address; use --listen unix:PATH or --token-file FILE, or \
             leave --mode and --group out",
        ))
    }

    /// Returns the listener for secrets: the socket of systemd, or one on the address.
    fn listener(&self) -> Result<Listener, Failure> {
        let refuse_remote = |address: &Address| match self.allow_remote {
            true => Ok(()),
            false => address.refuse_remote(),
        };
        match systemd::listener()? {
            Some(_) if self.listen.is_some() => Err(Failure::usage(
                "systemd has opened a socket for the agent; leave --listen out",
            )),
            Some(activated) => {
                activated.address().as_ref().map_or(Ok(()), refuse_remote)?;
                Ok(activated)
            }
            None => {
                let address = self.address()?;
                refuse_remote(&address)?;
                address.bind(self.access.access())
            }
        }
    }

    /// Asks a running agent for its state.
    fn check(&self, probe: Probe) -> Result<(), Failure> {
        match &self.health_listen {
            Some(address) => probe::check(address, probe),
            None => probe::check(&self.address()?, probe),
        }
    }
}

pub(crate) fn run(args: &Args, vault: &Vault) -> Result<(), Failure> {
    if let Some(probe) = args.check {
        return args.check(probe);
    }
    args.refuse_unused_access()?;
    let (settings, messages) = (vault.settings()?, vault.messages);
    let keys = Keys::new(&args.keys, args.prefix.as_deref())?.within_variable()?;
    // Before the first thread is started.
    let listener = args.listener()?;
    let signals = Signals::handle()?;
    let probes = args.health_listen.as_ref();
    let probes = probes
        .map(|address| address.bind(args.access.access()))
        .transpose()?;
    let token = token(args, messages)?;
    let agent = Arc::new(Agent {
        guard: Guard::new(token, listener.is_loopback()),
        cache: RwLock::default(),
        permits: Permits::default(),
        serves_values: args.serve_values,
        outage: Outage::default(),
        messages,
    });
    let servers = Servers::start(listener, probes, &agent)?;
    let (failed, failure) = channel();
    let (reload, reloads) = channel();
    let connecting = Connecting {
        agent: Arc::clone(&agent),
        args: vault.settings_args().clone(),
        settings: settings.clone(),
        offline: args.offline.clone(),
        keys,
        ttl: args.ttl,
        failed_starts: Lasting::default(),
    };
    // The thread ends with the process.
    thread::spawn(move || connecting.run(&failed, &reloads));
    let outcome = signals.wait(&agent, &failure, &reload);
    systemd::stopping();
    servers.finish();
    agent.save();
    outcome
}

/// The running servers: for secrets, and for probes alone.
struct Servers(Vec<Running>);

impl Servers {
    fn start(
        listener: Listener,
        probes: Option<Listener>,
        agent: &Arc<Agent>,
    ) -> Result<Self, Failure> {
        let messages = agent.messages;
        let mut servers = Vec::new();
        if let Some(probes) = probes {
            messages.note(format_args!("answering probes on {probes}"));
            let agent = Arc::clone(agent);
            let routes = move |request: &Request| agent.answer_probe(request);
            servers.push(server::start(probes, Arc::new(routes))?);
        }
        messages.note(format_args!("serving on {listener}"));
        let address = listener.address();
        let agent = Arc::clone(agent);
        let routes = move |request: &Request| agent.answer(request);
        servers.push(server::start(listener, Arc::new(routes))?);
        if let Some(address) = address {
            systemd::start_watchdog(address);
        }
        Ok(Self(servers))
    }

    fn finish(self) {
        self.0.into_iter().for_each(Running::finish);
    }
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

/// The signals that end the agent or let it reload, unless they are ignored.
struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Signals {
    fn handle() -> Result<Self, Failure> {
        let signals = Self {
            stop: Arc::default(),
            reload: Arc::default(),
        };
        register(&[SIGTERM, SIGINT], &signals.stop)?;
        #[cfg(unix)]
        register(&[signal_hook::consts::SIGHUP], &signals.reload)?;
        Ok(signals)
    }

    /// Waits for the end, and passes reloads on.
    fn wait(
        &self,
        agent: &Agent,
        failure: &Receiver<Failure>,
        reload: &Sender<()>,
    ) -> Result<(), Failure> {
        let mut saved = Instant::now();
        while !self.stop.load(Ordering::Relaxed) {
            match failure.recv_timeout(TICK) {
                Ok(failure) => return Err(failure),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::sleep(TICK),
            }
            if self.reload.swap(false, Ordering::Relaxed) {
                // The receiver lives as long as the process.
                let _ = reload.send(());
            }
            if saved.elapsed() >= SAVING {
                agent.save();
                agent.report_outage();
                saved = Instant::now();
            }
        }
        Ok(())
    }
}

fn register(signals: &[c_int], flag: &Arc<AtomicBool>) -> Result<(), Failure> {
    for signal in not_ignored(signals) {
        signal_hook::flag::register(signal, Arc::clone(flag))
            .map_err(|error| Failure::other(format_args!("cannot wait for signals: {error}")))?;
    }
    Ok(())
}
