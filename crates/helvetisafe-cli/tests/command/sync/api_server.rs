//! An API server for Secrets alone, over TLS. It enforces what `sync` depends on: the bearer token, RBAC per
//! verb, content types, the field manager of an apply and its conflicts, managed fields, resource versions,
//! immutable Secrets and dry runs. docs/kubernetes.md lists what it does not check.

mod fields;
mod http;
mod store;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use helvetisafe_test_support::tls_server;
use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};

use self::http::{Request, read, respond};
use self::store::{Refusal, Store, Write};

pub(crate) const TOKEN: &str = "token-of-the-service-account";
pub(crate) const NAMESPACE: &str = "prod";
const USER: &str = "system:serviceaccount:prod:sync";

/// A server with its own authority; it ends with the process.
pub(crate) struct ApiServer {
    port: u16,
    authority: String,
    state: Arc<Mutex<State>>,
}

/// A write of another client.
type OtherWrite = Box<dyn FnOnce(&mut Store) + Send>;

struct State {
    verbs: BTreeSet<&'static str>,
    store: Store,
    log: Vec<String>,
    /// The number of next requests to refuse with 503.
    failures: usize,
    /// Runs after a read, as another client would in between; before that this many other reads.
    after_read: Option<(usize, OtherWrite)>,
}

impl ApiServer {
    /// Starts a server whose only account has these verbs on secrets.
    pub(crate) fn start(verbs: &[&'static str]) -> Self {
        let (config, authority) = tls_server::config("localhost");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            verbs: verbs.iter().copied().collect(),
            store: Store::default(),
            log: Vec::new(),
            failures: 0,
            after_read: None,
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = StreamOwned::new(connection, stream.unwrap());
                let state = Arc::clone(&shared);
                thread::spawn(move || {
                    while let Some(request) = read(&mut stream) {
                        let answer = state.lock().unwrap().answer(&request);
                        respond(&mut stream, answer);
                    }
                });
            }
        });
        Self {
            port,
            authority,
            state,
        }
    }

    /// Returns a kubeconfig for the server.
    pub(crate) fn kubeconfig(&self) -> String {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        let authority = STANDARD.encode(&self.authority);
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u", "namespace": NAMESPACE}}],
            "clusters": [{"name": "c", "cluster": {
                "server": format!("https://localhost:{}", self.port),
                "certificate-authority-data": authority,
            }}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
        })
        .to_string()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn allow(&self, verbs: &[&'static str]) {
        self.state.lock().unwrap().verbs = verbs.iter().copied().collect();
    }

    /// Refuses this many requests with 503.
    pub(crate) fn fail(&self, count: usize) {
        self.state.lock().unwrap().failures = count;
    }

    /// Writes as another client does right after a read, which `count` other reads precede.
    pub(crate) fn after_reads(
        &self,
        count: usize,
        write: impl FnOnce(&mut Store) + Send + 'static,
    ) {
        self.state.lock().unwrap().after_read = Some((count, Box::new(write)));
    }

    /// Writes a Secret as another client with this field manager.
    pub(crate) fn put(&self, manager: &str, name: &str, object: Value) {
        self.state.lock().unwrap().store.put(manager, name, object);
    }

    /// Returns the Secret as the server stores it.
    pub(crate) fn secret(&self, name: &str) -> Option<Value> {
        self.state.lock().unwrap().store.get(name)
    }

    /// Returns the decoded entries, as `NAME=VALUE`, sorted.
    pub(crate) fn entries(&self, name: &str) -> Vec<String> {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        let secret = self.secret(name).unwrap();
        let data = secret["data"].as_object().cloned().unwrap_or_default();
        let entries = data.iter().map(|(name, value)| {
            let value = STANDARD.decode(value.as_str().unwrap()).unwrap();
            format!("{name}={}", String::from_utf8(value).unwrap())
        });
        entries.collect()
    }

    /// Returns the fields that a manager owns by an operation, such as `data/A`.
    pub(crate) fn owned(&self, name: &str, manager: &str, operation: &str) -> Vec<String> {
        self.state
            .lock()
            .unwrap()
            .store
            .owned(name, manager, operation)
    }

    /// Returns and forgets the requests: method, content type without parameters, and query.
    pub(crate) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().log)
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> (u16, Value) {
        let content = request.header("content-type").unwrap_or_default();
        let entry = [&request.method, content, &request.query].join(" ");
        self.log.push(entry.trim_end().to_owned());
        match self.handle(request) {
            Ok((code, object)) => (code, object),
            Err(refusal) => (refusal.code, refusal.status()),
        }
    }

    fn handle(&mut self, request: &Request) -> Result<(u16, Value), Refusal> {
        if self.failures > 0 {
            self.failures -= 1;
            return Err(Refusal::new(
                503,
                "ServiceUnavailable",
                "the server is starting",
            ));
        }
        if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return Err(Refusal::new(401, "Unauthorized", "Unauthorized"));
        }
        let (namespace, name) = request.secret()?;
        let verb = match request.method.as_str() {
            "GET" => "get",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            _ => return Err(Refusal::new(405, "MethodNotAllowed", "not allowed")),
        };
        self.authorize(verb, name, namespace)?;
        let write = Write::parse(request)?;
        if verb == "get" {
            let found = self.store.get(name).filter(|_| namespace == NAMESPACE);
            let found = found.ok_or_else(|| Refusal::not_found(name))?;
            match self.after_read.take() {
                Some((0, write)) => write(&mut self.store),
                Some((count, write)) => self.after_read = Some((count - 1, write)),
                None => {}
            }
            return Ok((200, found));
        }
        if namespace != NAMESPACE {
            let message = format!("namespaces \"{namespace}\" not found");
            return Err(Refusal::new(404, "NotFound", &message));
        }
        if verb == "patch" && write.is_apply() && self.store.get(name).is_none() {
            self.authorize("create", name, namespace)?;
        }
        self.store.write(name, write)
    }

    fn authorize(&self, verb: &str, name: &str, namespace: &str) -> Result<(), Refusal> {
        if self.verbs.contains(verb) {
            return Ok(());
        }
        let message = format!(
            "secrets \"{name}\" is forbidden: User \"{USER}\" cannot {verb} resource \"secrets\" in API \
             group \"\" in the namespace \"{namespace}\""
        );
        Err(Refusal::new(403, "Forbidden", &message))
    }
}
