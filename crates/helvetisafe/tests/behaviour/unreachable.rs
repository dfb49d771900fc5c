//! Every failure of a proxy and of TLS, with both clients, direct and behind `HTTPS_PROXY`: nothing
//! reached the vault, so no write is `Ambiguous`, only what may pass is tried again, and the error names the
//! host and the proxy.

use std::env;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use helvetisafe::{
    AsyncClient, Client, ClientBuilder, Credentials, Error, ErrorKind, Event, KeySource,
    RetryPolicy, Timeouts,
};
use helvetisafe_crypto::OrgKey;
use helvetisafe_test_support::tls_server::{self, Flaw};
use helvetisafe_test_support::{
    AnyClient, ClientKind, ORG_KEY, PEM, TokioClient, wrapped_for_test_key,
};
use http::{Request, Response};
use rustls::version::{TLS12, TLS13};

/// A failure, whether it may pass, and what the error names.
struct Row {
    host: &'static str,
    flaw: Option<Flaw>,
    is_retryable: bool,
    names: &'static str,
}

const fn proxy_row(host: &'static str, is_retryable: bool, names: &'static str) -> Row {
    Row {
        host,
        flaw: None,
        is_retryable,
        names,
    }
}

const fn tls_row(flaw: Flaw, names: &'static str) -> Row {
    Row {
        host: "vault.example",
        flaw: Some(flaw),
        is_retryable: false,
        names,
    }
}

/// The hosts are those that the proxy of this test knows.
const PROXY: &[Row] = &[
    proxy_row("status-407.example", false, "407"),
    proxy_row("status-403.example", false, "403"),
    proxy_row("status-502.example", true, "502"),
    proxy_row("status-503.example", true, "503"),
    proxy_row("closes.example", true, "proxy"),
    proxy_row("garbage.example", false, "proxy"),
    proxy_row("stalls.example", true, "nothing was sent"),
];

const TLS: &[Row] = &[
    tls_row(Flaw::UnknownIssuer, "certificate"),
    tls_row(Flaw::WrongName, "certificate"),
    tls_row(Flaw::Expired, "certificate"),
    tls_row(
        Flaw::IsAuthority,
        "give the vault one with basicConstraints CA:FALSE",
    ),
    tls_row(Flaw::WantsCertificate(&TLS13), "client certificate"),
    tls_row(Flaw::WantsCertificate(&TLS12), "client certificate"),
    tls_row(Flaw::NoTls, "TLS"),
];

#[test]
fn no_tls_failure_of_a_direct_connection_is_ambiguous() {
    assert_right(TLS.iter().flat_map(|row| wrong(row, "localhost")));
}

#[test]
fn no_failure_behind_a_proxy_is_ambiguous() {
    run(
        "unreachable::behind_a_proxy",
        &[("HTTPS_PROXY", &start_proxy())],
    );
}

#[test]
#[ignore = "run by the test above, with an environment of its own"]
fn behind_a_proxy() {
    let rows = PROXY.iter().chain(TLS);
    assert_right(rows.flat_map(|row| wrong(row, row.host)));
}

fn assert_right(wrong: impl Iterator<Item = String>) {
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Runs an ignored test of this program in a process with these variables.
pub(crate) fn run(test: &str, variables: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored"]);
    for name in ["HTTPS_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("1 passed"), "{stdout}");
}

/// Returns what is not as the row says.
fn wrong(row: &Row, host: &str) -> Vec<String> {
    let (port, authority) = match row.flaw {
        Some(flaw) => tls_server::flawed(host, flaw),
        None => (443, tls_server::config(host).1),
    };
    let url = format!("https://{host}:{port}");
    let mut wrong = Vec::new();
    for &kind in ClientKind::ALL {
        for write in [Change::Create, Change::Update, Change::Delete] {
            let (error, attempts) = fail(kind, &url, &authority, write);
            let expected = if row.is_retryable { 3 } else { 1 };
            let reached = error.transport_error().unwrap();
            let is_right = error.kind() == ErrorKind::Transport
                && reached.host() == Some(&*format!("{host}:{port}"))
                && reached.proxy().map(|it| format!("http://{it}")) == env::var("HTTPS_PROXY").ok()
                && error.is_retryable() == row.is_retryable
                && error.to_string().contains(row.names)
                && attempts == expected;
            if !is_right {
                let what = format!("{} {:?}, {kind:?}, {write:?}", row.host, row.flaw);
                wrong.push(format!("{what}: {attempts} attempts, {error:?}"));
            }
        }
    }
    wrong
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Create,
    Update,
    Delete,
}

/// Writes with a client whose org key came from elsewhere. Returns the error and the number of attempts.
fn fail(kind: ClientKind, url: &str, authority: &str, write: Change) -> (Error, u32) {
    let attempts = Arc::new(AtomicU32::new(0));
    let client = connect(kind, url, authority, Arc::clone(&attempts));
    attempts.store(0, Ordering::SeqCst);
    let outcome = match write {
        Change::Create => client.create("a", "v").map(drop),
        Change::Update => client.update("a", "v").map(drop),
        Change::Delete => client.delete("a"),
    };
    (outcome.unwrap_err(), attempts.load(Ordering::SeqCst))
}

fn connect(
    kind: ClientKind,
    url: &str,
    authority: &str,
    attempts: Arc<AtomicU32>,
) -> Box<dyn AnyClient> {
    let org_key = wrapped_for_test_key(&OrgKey::generate().unwrap());
    let (credentials, key) = (Credentials::api_token("t"), KeySource::pem(PEM));
    match kind {
        ClientKind::Blocking => {
            let builder = configure(Client::builder(url, credentials, key), authority, attempts);
            let builder = builder.around_transport(|inner| {
                move |request: &Request<Vec<u8>>| match request.uri().path() {
                    ORG_KEY => Ok(Response::new(org_key.clone().into_bytes())),
                    _ => inner.send(request),
                }
            });
            Box::new(builder.connect().unwrap())
        }
        ClientKind::Async => {
            let builder = AsyncClient::builder(url, credentials, key);
            let builder = configure(builder, authority, attempts).around_transport(|inner| {
                move |request: Request<Vec<u8>>| {
                    let (inner, org_key) = (Arc::clone(&inner), org_key.clone());
                    async move {
                        match request.uri().path() {
                            ORG_KEY => Ok(Response::new(org_key.into_bytes())),
                            _ => inner.send(request).await,
                        }
                    }
                }
            });
            Box::new(TokioClient::connect(builder).unwrap())
        }
    }
}

fn configure<P>(
    builder: ClientBuilder<P>,
    authority: &str,
    attempts: Arc<AtomicU32>,
) -> ClientBuilder<P> {
    let timeouts = Timeouts {
        connect: Duration::from_millis(500),
        ..Timeouts::default()
    };
    let policy = RetryPolicy {
        base: Duration::from_millis(1),
        ..RetryPolicy::default()
    };
    builder
        .ca_certificate(authority)
        .timeouts(timeouts)
        .retry_policy(policy)
        .on_event(move |event| {
            if matches!(event, Event::Sending { .. }) {
                attempts.fetch_add(1, Ordering::SeqCst);
            }
        })
}

/// Starts a proxy that fails as the name of the vault says. It tunnels any other name to this machine.
pub(crate) fn start_proxy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || respond(stream.unwrap()));
        }
    });
    url
}

fn respond(mut client: TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(client.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default();
    let (host, port) = target.split_once(':').unwrap_or_default();
    if let Some(status) = host.strip_prefix("status-") {
        let status = status.trim_end_matches(".example");
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        let _ = client.write_all(head.as_bytes());
        return;
    }
    match host {
        "closes.example" => {}
        "garbage.example" => {
            let _ = client.write_all(b"\x15\x03\x01 what?\r\n\r\n\r\n\r\n");
        }
        "stalls.example" => thread::sleep(Duration::from_secs(5)),
        _ => tunnel(client, port.parse().unwrap()),
    }
}

fn tunnel(mut client: TcpStream, port: u16) {
    let mut vault = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
    let (mut from, mut to) = (client.try_clone().unwrap(), vault.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let _ = std::io::copy(&mut vault, &mut client);
    let _ = client.shutdown(std::net::Shutdown::Both);
}
