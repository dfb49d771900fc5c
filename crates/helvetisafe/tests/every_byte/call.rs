//! The calls, each made by a client of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use helvetisafe::{ClientBuilder, Credentials, Error, ErrorKind, Event, KeySource, Timeouts};
use helvetisafe_test_support::server::{End, Reply, Request, serve};
use helvetisafe_test_support::{AnyClient, ClientKind, DrivenClock, PEM, TokioClient};

use crate::framing::{Framing, closing};
use crate::recording::Recording;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Token,
    OrgKey,
    PrivateKey,
    List,
    Get,
    Create,
    Update,
    Delete,
}

impl Call {
    pub(crate) const ALL: [Self; 8] = [
        Self::Token,
        Self::OrgKey,
        Self::PrivateKey,
        Self::List,
        Self::Get,
        Self::Create,
        Self::Update,
        Self::Delete,
    ];

    /// Its method and path.
    pub(crate) fn line(self) -> (&'static str, &'static str) {
        match self {
            Self::Token => ("POST", "/oauth/token"),
            Self::OrgKey => ("GET", "/api/v1/credentials/org-key"),
            Self::PrivateKey => ("GET", "/api/v1/credentials/private-key"),
            Self::List => ("GET", "/api/v1/secrets"),
            Self::Get => ("GET", "/api/v1/secrets/db"),
            Self::Create => ("POST", "/api/v1/secrets"),
            Self::Update => ("PUT", "/api/v1/secrets/db"),
            Self::Delete => ("DELETE", "/api/v1/secrets/db"),
        }
    }
}

const SEALED_ELSEWHERE: &str = "sealed_elsewhere";

/// The secret that the read-back of a create finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Own,
    Foreign,
    Absent,
    Forbidden,
}

impl Found {
    pub(crate) const ALL: &[Self] = &[Self::Own, Self::Foreign, Self::Absent, Self::Forbidden];
}

type Script = Box<dyn Fn(usize) -> Reply + Send>;

/// The script of the server, and its counters.
#[derive(Default)]
struct Stage {
    script: Mutex<Option<Script>>,
    answered: AtomicUsize,
    /// The requests of the call so far.
    sent_requests: AtomicUsize,
    /// The bodies of the creates, by the path of the secret.
    sent: Mutex<HashMap<String, Vec<u8>>>,
    arrived: Condvar,
    /// The number of created secrets.
    created: AtomicUsize,
}

/// A client that repeats one call.
pub(crate) struct Client {
    kind: ClientKind,
    call: Call,
    server: SocketAddr,
    stage: Arc<Stage>,
    clock: DrivenClock,
    timeouts: Timeouts,
    attempts: u32,
    connected: Option<Box<dyn AnyClient>>,
}

impl Client {
    pub(crate) fn new(
        kind: ClientKind,
        recording: &Recording,
        call: Call,
        found: Found,
        silence: Duration,
        attempts: u32,
    ) -> Self {
        let stage = Arc::new(Stage::default());
        let server = serve(stage.clone().handler(recording, call, found));
        let timeouts = Timeouts {
            silence,
            ..Timeouts::default()
        };
        let mut client = Self {
            kind,
            call,
            server,
            stage,
            clock: DrivenClock::default(),
            timeouts,
            attempts,
            connected: None,
        };
        if call != Call::PrivateKey {
            client.connected = Some(client.connected());
        }
        client
    }

    /// Connects, and again if the short timeout of these tests expired.
    fn connected(&self) -> Box<dyn AnyClient> {
        let account = Credentials::service_account("id", "secret");
        let connect = || self.connect(account.clone(), KeySource::pem(PEM)).ok();
        std::iter::repeat_with(connect)
            .take(100)
            .flatten()
            .next()
            .unwrap()
    }

    fn connect(
        &self,
        credentials: Credentials,
        key_source: KeySource,
    ) -> Result<Box<dyn AnyClient>, Error> {
        let (url, clock) = (format!("http://{}", self.server), self.clock.clone());
        match self.kind {
            ClientKind::Blocking => {
                let builder = helvetisafe::Client::builder(url, credentials, key_source);
                let client = self.set(builder).clock(clock).connect()?;
                Ok(Box::new(client))
            }
            ClientKind::Async => {
                let builder = helvetisafe::AsyncClient::builder(url, credentials, key_source);
                let client = TokioClient::connect(self.set(builder).clock(clock))?;
                Ok(Box::new(client))
            }
        }
    }

    fn set<P>(&self, builder: ClientBuilder<P>) -> ClientBuilder<P> {
        builder
            .on_event(self.counter())
            .timeouts(self.timeouts)
            .attempts(self.attempts)
    }

    /// Counts the requests of the call.
    fn counter(&self) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
        let (stage, line) = (Arc::clone(&self.stage), self.call.line());
        move |event| {
            if let Event::Sending { call, .. } = event
                && (call.method(), call.path().as_str()) == line
            {
                stage.sent_requests.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// Makes the call with this script, and returns the number of its requests. Succeeds only when the
    /// value is exactly the one that was recorded.
    pub(crate) fn call_with(
        &self,
        script: impl Fn(usize) -> Reply + Send + 'static,
    ) -> (Result<(), Error>, usize) {
        *self.stage.script.lock().unwrap() = Some(Box::new(script));
        self.stage.answered.store(0, Ordering::SeqCst);
        self.stage.sent_requests.store(0, Ordering::SeqCst);
        let outcome = match &self.connected {
            Some(client) => self.call(&**client),
            None => self.connect_with(),
        };
        *self.stage.script.lock().unwrap() = None;
        (outcome, self.stage.sent_requests.load(Ordering::SeqCst))
    }

    fn call(&self, secrets: &dyn AnyClient) -> Result<(), Error> {
        match self.call {
            Call::Token => {
                self.clock.advance(Duration::from_secs(3600));
                secrets.list().map(drop)
            }
            // After a secret that does not open, the client reads the org key again.
            Call::OrgKey => but_no_crypto(secrets.get(SEALED_ELSEWHERE)),
            Call::List => secrets.list().map(|listed| {
                assert_eq!(listed.len(), 1);
                assert_eq!(listed[0].key().to_string(), "db");
                assert!(listed[0].created_at().is_some());
            }),
            Call::Get => secrets
                .get("db")
                .map(|secret| assert_eq!(secret.expose_secret(), "value")),
            Call::Create => {
                // Each call has its own name, since a request may arrive after its client timed out.
                let number = self.stage.created.fetch_add(1, Ordering::SeqCst);
                let created = secrets.create(&format!("k{number}"), "value");
                created.map(drop)
            }
            Call::Update => secrets
                .update("db", "value")
                .map(|updated| assert!(updated.updated_at().is_some())),
            _ => secrets.delete("db"),
        }
    }

    fn connect_with(&self) -> Result<(), Error> {
        let (token, password) = (Credentials::api_token("token"), KeySource::password("pass"));
        // The recorded key cannot be unlocked.
        but_no_crypto(self.connect(token, password))
    }
}

/// A call that received everything, but cannot open it.
fn but_no_crypto<T>(outcome: Result<T, Error>) -> Result<(), Error> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::Crypto => Ok(()),
        outcome => outcome.map(drop),
    }
}

impl Stage {
    /// The script answers the call. The recording answers all others, and the call too while there is no
    /// script.
    fn handler(
        self: Arc<Self>,
        recording: &Recording,
        call: Call,
        found: Found,
    ) -> impl Fn(&Request) -> Reply + Send + Sync + use<> {
        let answers = Call::ALL.map(|call| {
            let answer = Framing::Length.apply(recording.answer(call));
            (call.line(), closing(&answer.bytes))
        });
        move |request| {
            if is(request, call.line())
                && let Some(script) = &*self.script.lock().unwrap()
            {
                self.keep(request);
                return script(self.answered.fetch_add(1, Ordering::SeqCst));
            }
            let recorded = answers.iter().find(|(line, _)| is(request, *line));
            let bytes = match (recorded, found) {
                _ if request.route().ends_with(SEALED_ELSEWHERE) => sealed_elsewhere(),
                (Some((_, bytes)), _) => bytes.clone(),
                (None, Found::Own) => answer("200 OK", &self.sent(request.route())),
                (None, Found::Foreign) => answer("200 OK", &foreign(&self.sent(request.route()))),
                (None, Found::Absent) => answer("404 Not Found", br#"{"error":"no"}"#),
                (None, Found::Forbidden) => answer("403 Forbidden", b""),
            };
            Reply::new(bytes, End::Close)
        }
    }

    fn keep(&self, request: &Request) {
        let body = &request.body;
        if let Some(name) = name(body) {
            let path = format!("/api/v1/secrets/{name}");
            self.sent.lock().unwrap().insert(path, body.clone());
            self.arrived.notify_all();
        }
    }

    /// Waits for the body of the create of this secret.
    fn sent(&self, path: &str) -> Vec<u8> {
        let sent = self.sent.lock().unwrap();
        let is_missing = |sent: &mut HashMap<_, _>| !sent.contains_key(path);
        let sent = self.arrived.wait_while(sent, is_missing).unwrap();
        sent[path].clone()
    }
}

fn is(request: &Request, (method, path): (&str, &str)) -> bool {
    request.is(method, path)
}

/// The name in the body of a create.
fn name(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).unwrap();
    let (_, rest) = text.split_once("{\"key\":\"")?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// The same secret with another nonce.
fn foreign(sent: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(sent).unwrap();
    let (before, after) = text.split_once("\"nonce\":\"").unwrap();
    format!("{before}\"nonce\":\"AAAAAAAAAAAAAAAA{}", &after[16..]).into_bytes()
}

/// A secret that does not open.
fn sealed_elsewhere() -> Vec<u8> {
    let (value, nonce) = ("A".repeat(43) + "=", "A".repeat(16));
    let body = format!(r#"{{"key":"{SEALED_ELSEWHERE}","value":"{value}","nonce":"{nonce}"}}"#);
    answer("200 OK", body.as_bytes())
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n");
    closing(&[head.as_bytes(), body].concat())
}
