//! The agent as a real process, asked over real sockets.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe_test_support::{Action, answer, server, tls_server};
use serde_json::{Value, json};

use crate::world::{World, start_proxy};

/// A running agent. It is killed on drop.
pub(crate) struct Agent {
    child: Child,
    /// `127.0.0.1:PORT`, or the path of the socket.
    pub(crate) address: String,
    token: String,
    messages: Arc<Mutex<String>>,
}

impl Agent {
    /// Starts an agent, and returns once it listens.
    pub(crate) fn start(world: &World, base_url: &str, arguments: &[&str]) -> Self {
        let mut command = world.command();
        command
            .env("HELVETISAFE_BASE_URL", base_url)
            .arg("agent")
            .args(arguments);
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        Self::spawn(&mut command)
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (mut address, mut token) = (None, String::new());
        while address.is_none() {
            let mut line = String::new();
            assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended");
            if let Some(text) = line.trim().strip_prefix("helvetisafe: token: ") {
                token = text.to_owned();
            }
            if let Some(text) = line.trim().strip_prefix("helvetisafe: serving on ") {
                let text = text.trim_start_matches("http://");
                address = Some(text.trim_start_matches("unix:").to_owned());
            }
        }
        // Later messages must not block it.
        let messages = Arc::new(Mutex::new(String::new()));
        let later = Arc::clone(&messages);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut messages = later.lock().unwrap();
                messages.push_str(&line);
                messages.push('\n');
            }
        });
        Self {
            child,
            address: address.unwrap(),
            token,
            messages,
        }
    }

    /// Waits for a message, and returns all since the agent listens.
    #[cfg(unix)]
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let messages = self.messages.lock().unwrap().clone();
            if messages.contains(text) {
                return messages;
            }
            assert!(Instant::now() < end, "no `{text}` in {messages}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks until there is a message, and returns all since the agent listens.
    #[cfg(unix)]
    pub(crate) fn wait_for_asking(&self, path: &str, text: &str) -> String {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            self.get(path);
            let messages = self.messages.lock().unwrap().clone();
            if messages.contains(text) {
                return messages;
            }
            assert!(Instant::now() < end, "no `{text}` in {messages}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Starts an agent, and returns once it is ready.
    pub(crate) fn ready(world: &World, base_url: &str, arguments: &[&str]) -> Self {
        let agent = Self::start(world, base_url, arguments);
        agent.wait_until_ready();
        agent
    }

    pub(crate) fn wait_until_ready(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        while self.get("/ready").status != 200 {
            assert!(Instant::now() < end, "it does not become ready");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &self.headers())
    }

    pub(crate) fn headers(&self) -> String {
        format!(
            "Host: localhost\r\nAuthorization: Bearer {}\r\n",
            self.token
        )
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        let request = format!("{method} {path} HTTP/1.1\r\n{headers}\r\n");
        Answer::read(TcpStream::connect(&self.address).unwrap(), &request)
    }

    pub(crate) fn send(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Sends a signal, and returns the exit status.
    pub(crate) fn terminate(mut self, signal: &str) -> Option<i32> {
        self.send(signal);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the agent of a command, waits until it has the secrets, and ends it.
#[cfg(unix)]
pub(crate) fn start_once(command: &mut Command) {
    let agent = Agent::spawn(command.args(["agent", "--listen", "127.0.0.1:0"]));
    agent.wait_until_ready();
    assert_eq!(agent.terminate("-TERM"), Some(0));
}

/// Returns the status and the messages of an agent that ends by itself; `None` as the status if it does not
/// end.
pub(crate) fn ends(command: &mut Command) -> (Option<i32>, String) {
    let command = command.stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while child.try_wait().unwrap().is_none() && Instant::now() < end {
        thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

pub(crate) fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn read(mut stream: impl Read + Write, request: &str) -> Self {
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: serde_json::from_str(body).unwrap(),
        }
    }
}

fn set(world: &World, arguments: &[&str], value: &str) {
    let mut command = world.command();
    // A secret with one field may be another secret, until it has a second field.
    command.env("HELVETISAFE_ALLOW_UNBOUND", "true");
    command.arg("set").args(arguments).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(value.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
}

/// A world with two single secrets and one with two fields.
fn world() -> World {
    let world = World::new();
    set(&world, &["APP_A"], "a \"quoted\"\nvalue");
    set(&world, &["B"], "b");
    set(&world, &["APP_DB", "--field", "HOST"], "db");
    set(&world, &["APP_DB", "--field", "PASS"], "p");
    world
}

#[test]
fn the_agent_serves_flat_objects_that_must_not_be_cached() {
    let world = world();
    let agent = Agent::ready(&world, &world.name("URL"), &[]);
    let answer = agent.get("/secret/APP_A");
    assert_eq!(answer.body, json!({ "APP_A": "a \"quoted\"\nvalue" }));
    for header in [
        "content-type: application/json",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
    ] {
        assert!(answer.head.contains(header), "{}", answer.head);
    }
    assert!(!answer.head.contains("access-control"), "{}", answer.head);
    let fields = json!({ "HOST": "db", "PASS": "p" });
    assert_eq!(agent.get("/secret/APP_DB/?x=1").body, fields);
    for path in ["/secrets", "/secrets/", "/secrets//?x"] {
        let names = json!({ "keys": ["APP_A", "APP_DB", "B"] });
        assert_eq!(agent.get(path).body, names, "{path}");
    }

    for path in [
        "/secret",
        "/values",
        "/secret/NONE",
        "/secret/",
        "/secret/a%2fb",
        "/secret/../B",
        "/",
        "/x",
    ] {
        let answer = agent.get(path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(answer.body["error"].is_string(), "{path}: {answer:?}");
    }
    for method in ["POST", "PUT", "head", "OPTIONS"] {
        let answer = agent.ask(method, "/secrets", &agent.headers());
        assert_eq!(answer.status, 405);
        assert!(answer.head.contains("allow: get, head"), "{}", answer.head);
    }
}

#[test]
fn head_is_answered_as_get_without_a_body() {
    let world = world();
    let probes = format!("127.0.0.1:{}", free_port());
    let arguments = ["--serve-values", "--health-listen", &probes];
    let agent = Agent::ready(&world, &world.name("URL"), &arguments);
    let ask = |address: &str, method: &str, path: &str, headers: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    };
    for (address, path) in [
        (agent.address.as_str(), "/health"),
        (&agent.address, "/ready"),
        (&agent.address, "/secrets"),
        (&agent.address, "/secret/B"),
        (&agent.address, "/secret/NONE"),
        (&agent.address, "/values"),
        (&probes, "/health"),
        (&probes, "/ready"),
        (&probes, "/secrets"),
    ] {
        let (wanted, body) = ask(address, "GET", path, &agent.headers());
        assert!(!body.is_empty(), "{path}");
        let headers_alone = (wanted, String::new());
        assert_eq!(
            ask(address, "HEAD", path, &agent.headers()),
            headers_alone,
            "{path}"
        );
    }
    // A token is required as for GET.
    let (head, _) = ask(&agent.address, "HEAD", "/secret/B", "Host: localhost\r\n");
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
}

#[test]
fn all_values_are_served_on_demand() {
    let world = world();
    let agent = Agent::ready(&world, &world.name("URL"), &["--serve-values"]);
    let all = agent.get("/values").body;
    assert_eq!(all["APP_A"], "a \"quoted\"\nvalue");
    assert_eq!(all["B"], "b");
    let text = all["APP_DB"].as_str().unwrap();
    let fields = json!({ "HOST": "db", "PASS": "p" });
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), fields);
    assert_eq!(all.as_object().unwrap().len(), 3);
    assert_eq!(
        agent.ask("GET", "/values", "Host: localhost\r\n").status,
        401
    );
}

/// Both passwords are in it: the old one and the one that is not set yet.
#[test]
fn a_pending_rotation_is_not_served() {
    const PENDING: &str = "B__PENDING_ROTATION";
    let world = world();
    world.set(PENDING, "both passwords");
    for arguments in [
        &["--serve-values"][..],
        &["--serve-values", "--prefix", "B"],
    ] {
        let agent = Agent::ready(&world, &world.name("URL"), arguments);
        assert_eq!(agent.get("/secret/B").status, 200);
        assert_eq!(agent.get(&format!("/secret/{PENDING}")).status, 404);
        for path in ["/secrets", "/values"] {
            let answer = agent.get(path);
            assert_eq!(answer.status, 200);
            let text = answer.body.to_string();
            assert!(
                !text.contains("PENDING") && !text.contains("both"),
                "{text}"
            );
        }
    }
    let agent = Agent::ready(&world, &world.name("URL"), &["--key", PENDING]);
    assert_eq!(agent.get(&format!("/secret/{PENDING}")).status, 200);
}

#[test]
fn the_variables_of_the_kubernetes_package_set_the_address() {
    let world = world();
    let start = |host: &str, port: &str, arguments: &[&str]| {
        let mut command = world.command();
        command
            .env("HELVETISAFE_AGENT_HOST", host)
            .env("HELVETISAFE_AGENT_PORT", port)
            .arg("agent")
            .args(arguments);
        command
    };
    let port = free_port();
    let agent = Agent::spawn(&mut start("", &port, &["--no-token"]));
    assert_eq!(agent.address, format!("127.0.0.1:{port}"));
    let agent = Agent::spawn(&mut start("localhost", "0", &[]));
    assert!(agent.address.starts_with("127.0.0.1:"), "{}", agent.address);
    let flag = ["--listen", "127.0.0.2:0"];
    let agent = Agent::spawn(&mut start("0.0.0.0", "x", &flag));
    assert!(agent.address.starts_with("127.0.0.2:"), "{}", agent.address);
    for (host, port, wanted) in [
        ("0.0.0.0", "0", "0.0.0.0 is not a loopback address"),
        ("", "x", "the variable HELVETISAFE_AGENT_PORT is not a port"),
        (
            "",
            "65536",
            "the variable HELVETISAFE_AGENT_PORT is not a port",
        ),
        (
            "vault.example",
            "0",
            "the variable HELVETISAFE_AGENT_HOST is not an IP address",
        ),
    ] {
        let (status, messages) = ends(&mut start(host, port, &["--no-token"]));
        assert_eq!(status, Some(2), "{messages}");
        assert!(messages.contains(wanted), "{messages}");
    }
}

#[test]
fn other_machines_need_a_token_and_an_option() {
    let world = world();
    let remote = ["--listen", "0.0.0.0:0", "--allow-remote"];
    let agent = Agent::start(&world, &world.name("URL"), &remote);
    agent.wait_until_ready();
    // A pod's address is the name of the host.
    let host = "Host: 10.1.2.3:8080\r\n";
    assert_eq!(agent.ask("GET", "/secret/B", host).status, 401);
    let headers = format!("{host}Authorization: Bearer {}\r\n", agent.token);
    assert_eq!(agent.ask("GET", "/secret/B", &headers).status, 200);
    let mut command = world.command();
    let (status, _) = ends(command.arg("agent").args(remote).arg("--no-token"));
    assert_eq!(status, Some(2));
}

#[test]
fn a_probe_reports_the_state_of_an_agent() {
    let world = world();
    let is_open = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_open);
    let proxy = start_proxy(move |_, _| {
        while !flag.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
        Action::Forward
    });
    let agent = Agent::start(&world, &proxy.base_url(), &[]);
    let check = |options: &[&str]| {
        // A probe needs neither settings nor a token.
        let mut command = Command::new(env!("CARGO_BIN_EXE_helvetisafe"));
        command.env_clear().arg("agent").args(options);
        ends(&mut command)
    };
    let listen = ["--listen", &agent.address];
    let (status, messages) = check(&["--check", listen[0], listen[1]]);
    assert_eq!(status, Some(9), "{messages}");
    assert!(
        messages.contains("has not reached the vault yet"),
        "{messages}"
    );
    let health = check(&["--check=health", listen[0], listen[1]]);
    assert_eq!(health, (Some(0), String::new()));
    is_open.store(true, Ordering::SeqCst);
    agent.wait_until_ready();
    let ready = check(&["--check", listen[0], listen[1]]);
    assert_eq!(ready, (Some(0), String::new()));

    let address = agent.address.clone();
    drop(agent);
    let (status, messages) = check(&["--check", "--listen", &address]);
    assert_eq!(status, Some(9), "{messages}");
    assert!(messages.contains("no agent answers on"), "{messages}");
    // Another server.
    let other = server::serve_bytes("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    let other = other.trim_start_matches("http://");
    let (status, messages) = check(&["--check", "--listen", other]);
    assert_eq!(status, Some(1), "{messages}");
    assert!(messages.contains("answered 404 to /ready"), "{messages}");
}

#[test]
fn probes_have_an_address_of_their_own_without_secrets() {
    let world = world();
    let probes = format!("0.0.0.0:{}", free_port());
    let arguments = ["--health-listen", probes.as_str(), "--serve-values"];
    let agent = Agent::ready(&world, &world.name("URL"), &arguments);
    let address = probes.replace("0.0.0.0", "127.0.0.1");
    // A kubelet names the pod's address.
    let headers = format!(
        "Host: 10.1.2.3:8081\r\nAuthorization: Bearer {}\r\n",
        agent.token
    );
    let ask = |method: &str, path: &str| {
        let request = format!("{method} {path} HTTP/1.1\r\n{headers}\r\n");
        Answer::read(TcpStream::connect(&address).unwrap(), &request)
    };
    for path in ["/health", "/ready", "/ready/"] {
        let answer = ask("GET", path);
        assert_eq!(
            (answer.status, answer.body),
            (200, json!({ "status": "ok" }))
        );
    }
    for path in ["/secrets", "/secret/B", "/values", "/"] {
        assert_eq!(ask("GET", path).status, 404, "{path}");
    }
    assert_eq!(ask("POST", "/ready").status, 405);
    let mut check = world.command();
    check.args(["agent", "--check", "--health-listen", &probes]);
    assert_eq!(ends(&mut check).0, Some(0));
}

#[test]
fn a_token_is_needed_for_all_but_the_health() {
    let world = world();
    let agent = Agent::ready(&world, &world.name("URL"), &[]);
    assert_eq!(agent.token.len(), 64);
    let short = &agent.token[1..];
    for header in [
        String::new(),
        "Authorization: Bearer\r\n".to_owned(),
        "Authorization: Bearer \r\n".to_owned(),
        format!("Authorization: Bearer {short}\r\n"),
        format!("Authorization: Bearer {}x\r\n", agent.token),
        format!("Authorization: Basic {}\r\n", agent.token),
        agent
            .headers()
            .replacen("Host: localhost\r\n", "", 1)
            .repeat(2),
    ] {
        let header = format!("Host: localhost\r\n{header}");
        for path in ["/secrets", "/secret/B", "/secret/NONE", "/x"] {
            let answer = agent.ask("GET", path, &header);
            assert_eq!(answer.status, 401, "{header}: {answer:?}");
            assert!(answer.head.contains("www-authenticate: bearer"));
        }
        for path in ["/health", "/ready"] {
            assert_eq!(agent.ask("GET", path, &header).status, 200);
        }
    }

    let agent = Agent::ready(&world, &world.name("URL"), &["--no-token"]);
    assert_eq!(agent.token, "");
    assert_eq!(
        agent.ask("GET", "/secret/B", "Host: localhost\r\n").status,
        200
    );
}

#[test]
fn a_host_that_is_not_this_machine_is_refused() {
    let world = world();
    let agent = Agent::ready(&world, &world.name("URL"), &["--no-token"]);
    for (headers, status) in [
        ("Host: localhost\r\n", 200),
        ("Host: 127.0.0.1:8210\r\n", 200),
        ("Host: [::1]\r\n", 200),
        ("Host: evil.example\r\n", 403),
        ("Host: localhost.evil.example:8210\r\n", 403),
        ("Host: 127.0.0.1\r\nHost: evil.example\r\n", 400),
        ("", 400),
    ] {
        for path in ["/health", "/secrets", "/secret/B"] {
            let answer = agent.ask("GET", path, headers);
            assert_eq!(answer.status, status, "{headers}{path}");
        }
    }
    let long = format!("Host: localhost\r\nX: {}\r\n", "x".repeat(9000));
    assert_eq!(agent.ask("GET", "/secrets", &long).status, 431);
}

#[test]
fn the_agent_is_not_ready_before_it_reaches_the_vault() {
    let world = world();
    let is_open = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_open);
    let proxy = start_proxy(move |_, _| {
        while !flag.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
        Action::Forward
    });
    let agent = Agent::start(&world, &proxy.base_url(), &[]);
    for path in ["/ready", "/secrets", "/secret/B"] {
        let answer = agent.get(path);
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
    }
    assert_eq!(agent.get("/ready").body, json!({ "status": "starting" }));
    assert_eq!(agent.get("/health").body, json!({ "status": "ok" }));
    is_open.store(true, Ordering::SeqCst);
    agent.wait_until_ready();
    assert_eq!(agent.get("/ready").body, json!({ "status": "ok" }));
    assert_eq!(agent.get("/secret/B").body, json!({ "B": "b" }));
}

#[test]
fn the_agent_retries_a_vault_that_is_down() {
    let world = world();
    for status in [503, 500] {
        let is_up = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_up);
        let proxy = start_proxy(move |_, _| match flag.load(Ordering::SeqCst) {
            true => Action::Forward,
            false => answer(status, ""),
        });
        let agent = Agent::start(&world, &proxy.base_url(), &["--timeout", "1s"]);
        // Longer than one attempt to connect.
        thread::sleep(Duration::from_millis(1500));
        assert_eq!(agent.get("/ready").status, 503, "{status}");
        is_up.store(true, Ordering::SeqCst);
        agent.wait_until_ready();
    }
}

#[test]
fn an_untrusted_certificate_stops_the_agent() {
    let world = World::new();
    let (port, _) = tls_server::start();
    let base_url = format!("https://localhost:{port}");
    let mut command = world.command();
    command.env("HELVETISAFE_BASE_URL", base_url);
    let (status, messages) = ends(command.args(["agent", "--listen", "127.0.0.1:0", "--no-token"]));
    assert_eq!(status, Some(9), "{messages}");
    assert!(messages.contains("certificate"), "{messages}");
    assert!(!messages.contains("trying again"), "{messages}");
}

#[test]
fn one_fetch_serves_all_requests_within_the_ttl() {
    let world = world();
    let proxy = start_proxy(|_, _| Action::Forward);
    let agent = Agent::ready(
        &world,
        &proxy.base_url(),
        &["--ttl", "60s", "--serve-values"],
    );
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert_eq!(agent.get("/secret/B").status, 200));
        }
    });
    assert_eq!(proxy.count("GET", "/api/v1/secrets/B"), 1);
    for _ in 0..5 {
        assert_eq!(agent.get("/secrets").status, 200);
        assert_eq!(agent.get("/values").status, 200);
        assert_eq!(agent.get("/secret/NONE").status, 404);
    }
    for (method, path) in [
        ("GET", "/api/v1/secrets"),
        ("GET", "/api/v1/secrets/APP_A"),
        ("GET", "/api/v1/secrets/B"),
        ("GET", "/api/v1/secrets/NONE"),
        ("POST", "/oauth/token"),
    ] {
        assert_eq!(proxy.count(method, path), 1, "{path}");
    }
}

#[test]
fn a_large_vault_fits_into_the_cache() {
    let world = World::new();
    let lines: Vec<_> = (0..1100).map(|n| format!("K{n}=v\n")).collect();
    world.write(".env", &lines.concat(), 0o600);
    let status = world.command().args(["import", ".env"]).status();
    assert!(status.unwrap().success());
    let proxy = start_proxy(|_, _| Action::Forward);
    let agent = Agent::ready(&world, &proxy.base_url(), &["--serve-values"]);
    for _ in 0..2 {
        let all = agent.get("/values").body;
        assert_eq!(all.as_object().unwrap().len(), 1100);
    }
    let log = proxy.log();
    let reads = log.iter().filter(|seen| seen.path.contains("/secrets/K"));
    assert_eq!(reads.count(), 1100);
}

#[test]
fn after_the_ttl_a_new_value_is_served() {
    let world = world();
    let agent = Agent::ready(&world, &world.name("URL"), &["--ttl", "1s"]);
    assert_eq!(agent.get("/secret/B").body, json!({ "B": "b" }));
    set(&world, &["B"], "new");
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(agent.get("/secret/B").body, json!({ "B": "new" }));
}

#[test]
fn a_secret_is_not_cached_past_its_expiry() {
    let world = world();
    set(&world, &["SHORT", "--expires-in", "2s"], "value");
    let agent = Agent::ready(&world, &world.name("URL"), &[]);
    assert_eq!(agent.get("/secret/SHORT").status, 200);
    thread::sleep(Duration::from_millis(2100));
    assert_eq!(agent.get("/secret/SHORT").status, 404);
}

#[test]
fn a_later_failure_of_the_vault_is_reported_and_cached() {
    let world = world();
    let proxy = start_proxy(|seen, _| match seen.path.as_str() {
        "/api/v1/secrets/B" => Action::Answer(429, "Retry-After: 40\r\n", Vec::new()),
        "/api/v1/secrets/APP_A" => answer(403, ""),
        _ => Action::Forward,
    });
    let agent = Agent::ready(&world, &proxy.base_url(), &["--serve-values"]);
    for _ in 0..3 {
        let answer = agent.get("/secret/APP_A");
        assert_eq!(answer.status, 500, "{answer:?}");
        assert!(!answer.head.contains("retry-after"), "{answer:?}");
        let answer = agent.get("/secret/B");
        assert_eq!(answer.status, 500, "{answer:?}");
        assert!(answer.head.contains("retry-after: 40"), "{answer:?}");
        assert_eq!(agent.get("/values").status, 500, "a part is not all");
    }
    assert_eq!(proxy.count("GET", "/api/v1/secrets/B"), 1);
    assert_eq!(proxy.count("GET", "/api/v1/secrets/APP_A"), 1);
}

#[test]
fn the_list_and_its_failure_are_cached() {
    let world = world();
    let proxy = start_proxy(|seen, before| {
        let lists = before
            .iter()
            .filter(|seen| seen.route() == "/api/v1/secrets");
        match seen.route() == "/api/v1/secrets" && lists.count() == 0 {
            true => Action::Answer(429, "Retry-After: 61\r\n", Vec::new()),
            false => Action::Forward,
        }
    });
    let agent = Agent::ready(&world, &proxy.base_url(), &["--ttl", "60s"]);
    for _ in 0..3 {
        let answer = agent.get("/secrets");
        assert_eq!(answer.status, 500, "{answer:?}");
        assert!(answer.head.contains("retry-after: 61"), "{answer:?}");
    }
    assert_eq!(proxy.count("GET", "/api/v1/secrets"), 1);
    // The vault asked for a pause, but one request a second is still sent, and secrets that need no list are
    // served.
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(agent.get("/secret/B").status, 200);
}

#[test]
fn only_selected_secrets_are_served() {
    let world = world();
    let proxy = start_proxy(|_, _| Action::Forward);
    let served = |agent: &Agent| {
        agent.wait_until_ready();
        agent.get("/secrets").body["keys"].clone()
    };
    let agent = Agent::start(&world, &proxy.base_url(), &["--key", "B"]);
    assert_eq!(served(&agent), json!(["B"]));
    assert_eq!(agent.get("/secret/APP_A").status, 404);
    assert_eq!(proxy.count("GET", "/api/v1/secrets/APP_A"), 0);
    assert_eq!(
        proxy.count("GET", "/api/v1/secrets"),
        0,
        "no list is needed"
    );

    let agent = Agent::start(&world, &proxy.base_url(), &["--prefix", "APP_"]);
    assert_eq!(served(&agent), json!(["APP_A", "APP_DB"]));
    assert_eq!(agent.get("/secret/B").status, 404);

    let mut command = world.command();
    command
        .env("HELVETISAFE_SECRET_KEYS", "APP_A, B")
        .args(["agent", "--listen", "127.0.0.1:0"]);
    let agent = Agent::spawn(&mut command);
    assert_eq!(served(&agent), json!(["APP_A", "B"]));
    assert_eq!(agent.get("/secret/APP_DB").status, 404);
}

#[cfg(unix)]
#[test]
fn an_invalid_limit_is_an_error() {
    use std::os::unix::ffi::OsStrExt;

    let world = World::new();
    for list in [&b"B\xff"[..], b"B;A", b" , "] {
        let mut command = world.command();
        command
            .env("HELVETISAFE_SECRET_KEYS", OsStr::from_bytes(list))
            .args(["agent", "--listen", "127.0.0.1:0", "--no-token"]);
        let (status, messages) = ends(&mut command);
        assert_eq!(status, Some(2), "{messages}");
        assert!(
            messages.contains("the variable HELVETISAFE_SECRET_KEYS: "),
            "{messages}"
        );
        assert!(!messages.contains("serving"), "{messages}");
    }
}

#[cfg(unix)]
#[test]
fn the_socket_is_private_and_removed_at_exit() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixListener, UnixStream};

    let world = world();
    let path = world.folder.path().join("s");
    // A leftover socket without a listener.
    drop(UnixListener::bind(&path).unwrap());
    let arguments = ["--listen", "unix:s", "--token-file", "token"];
    let agent = Agent::start(&world, &world.name("URL"), &arguments);
    assert_eq!((agent.address.as_str(), agent.token.as_str()), ("s", ""));
    let mode = |name| {
        fs::metadata(world.folder.path().join(name))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode("s") & 0o777, 0o600);
    assert_eq!(mode("token") & 0o777, 0o600);
    let token = fs::read_to_string(world.folder.path().join("token")).unwrap();
    let ask = |request: &str| Answer::read(UnixStream::connect(&path).unwrap(), request);
    while ask("GET /ready HTTP/1.1\r\n\r\n").status != 200 {
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(ask("GET /secret/B HTTP/1.1\r\n\r\n").status, 401);
    let request = format!("GET /secret/B HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\r\n");
    assert_eq!(ask(&request).body, json!({ "B": "b" }));

    let second = world
        .command()
        .args(["agent", "--listen", "unix:s"])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(2), "it is in use");
    assert_eq!(agent.terminate("-TERM"), Some(0));
    assert!(!path.exists());
    let left = fs::read_dir(world.folder.path()).unwrap();
    let is_temporary = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with(".s-");
    assert!(!left.flatten().any(|entry| is_temporary(&entry.file_name())));
}

#[test]
fn a_token_on_standard_output_is_a_line() {
    let world = world();
    let mut command = world.command();
    command.args(["agent", "--listen", "127.0.0.1:0", "--token-file", "-"]);
    let mut agent = Agent::spawn(command.stdout(Stdio::piped()));
    let mut stdout = BufReader::new(agent.child.stdout.take().unwrap());
    stdout.read_line(&mut agent.token).unwrap();
    assert_eq!(agent.token.pop(), Some('\n'));
    agent.wait_until_ready();
    assert_eq!(agent.get("/secret/B").body, json!({ "B": "b" }));
    assert_eq!(agent.terminate("-TERM"), Some(0));
}

#[cfg(unix)]
#[test]
fn a_mode_opens_the_socket_and_the_token_to_the_group() {
    use std::os::unix::fs::MetadataExt;

    let world = world();
    let group = rustix::process::getegid().as_raw().to_string();
    let arguments = [
        "--listen",
        "unix:s",
        "--token-file",
        "token",
        "--mode",
        "660",
        "--group",
        &group,
    ];
    let agent = Agent::start(&world, &world.name("URL"), &arguments);
    for (name, mode) in [("s", 0o660), ("token", 0o640)] {
        let metadata = fs::metadata(world.folder.path().join(name)).unwrap();
        assert_eq!(metadata.mode() & 0o777, mode, "{name}");
        assert_eq!(metadata.gid().to_string(), group, "{name}");
    }
    assert_eq!(agent.terminate("-TERM"), Some(0));
}

#[cfg(unix)]
#[test]
fn signals_stop_the_agent_before_it_is_ready_too() {
    let world = world();
    let silent = server::serve_bytes("");
    for signal in ["-TERM", "-INT"] {
        let agent = Agent::start(&world, &silent, &[]);
        let begin = Instant::now();
        assert_eq!(agent.terminate(signal), Some(0));
        assert!(begin.elapsed() < Duration::from_secs(4));
    }
}

/// A script starts its background jobs like this: Ctrl-C is not meant for them.
#[cfg(target_os = "linux")]
#[test]
fn an_ignored_signal_stays_ignored() {
    let world = world();
    let mut command = Command::new("sh");
    world.prepare(&mut command);
    let script = "trap '' INT HUP; exec helvetisafe agent --listen 127.0.0.1:0";
    let agent = Agent::spawn(command.args(["-c", script]));
    agent.wait_until_ready();
    for signal in ["-INT", "-HUP"] {
        agent.send(signal);
    }
    // It looks for signals ten times a second.
    thread::sleep(Duration::from_millis(500));
    assert_eq!(agent.get("/health").status, 200);
    assert_eq!(agent.terminate("-TERM"), Some(0));
}

#[test]
fn neither_a_value_nor_a_token_is_logged() {
    let world = world();
    let mut command = world.command();
    command
        .args([
            "agent",
            "--listen",
            "127.0.0.1:0",
            "--no-token",
            "--verbose",
        ])
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut log = String::new();
    while !log.contains("ready") {
        stderr.read_line(&mut log).unwrap();
    }
    let start = log.split("http://").nth(1).unwrap();
    let address = start.lines().next().unwrap();
    let request = "GET /secret/APP_A HTTP/1.1\r\nHost: localhost\r\n\
                   Authorization: Bearer canary\r\n\r\n";
    let answer = Answer::read(TcpStream::connect(address).unwrap(), request);
    assert_eq!(answer.status, 200);
    child.kill().unwrap();
    child.wait().unwrap();
    stderr.read_to_string(&mut log).unwrap();
    assert!(log.contains("GET /secret/APP_A 200"), "{log}");
    assert!(!log.contains("quoted") && !log.contains("canary"), "{log}");
}
