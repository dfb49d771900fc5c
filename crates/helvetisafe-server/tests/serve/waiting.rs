//! The start of a vault whose database cannot be reached.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use rustls::ALL_VERSIONS;
use serde_json::json;

use crate::certificates::Authority;
use crate::drain::{connect, get};
use crate::process::{LATE, Serve, command};
use crate::state::State;
use crate::tls::{ask, client_config};

/// Returns an address that was free a moment ago.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Returns a vault that listens on an address before it has reached its database.
fn begin(database: &str, address: SocketAddr) -> Serve {
    let listen = address.to_string();
    let mut serve = Serve::begin(command(&[
        "serve",
        "--database",
        database,
        "--listen",
        &listen,
    ]));
    serve.line(&format!("until then http://{address}/health is 200"));
    serve
}

#[test]
fn a_vault_without_its_database_is_healthy_and_not_ready_and_stops_at_once() {
    let (closed, address) = (free(), free());
    let database = format!("postgres://node@{closed}/vault");
    let mut serve = begin(&database, address);
    let reason = "ERROR: not ready: the database cannot be reached: ";
    assert!(
        serve.seen.iter().any(|it| it.contains(reason)),
        "{:#?}",
        serve.seen
    );
    for path in ["/health", "/ready", "/api/v1/secrets"] {
        let (status, body) = get(address, path);
        match path {
            "/health" => assert_eq!((status, body), (200, json!({"status": "ok"}))),
            "/ready" => {
                assert_eq!((status, &body["status"]), (503, &json!("not_ready")));
                assert_eq!(body["reasons"][0]["code"], "database");
            }
            _ => assert_eq!((status, &body["code"]), (503, &json!("busy"))),
        }
    }
    let answer = ask(&mut connect(address), "/api/v1/secrets").unwrap();
    assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
    let start = Instant::now();
    serve.signal("TERM");
    assert_eq!(serve.wait().code(), Some(0));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    serve.line("stopped before the database was reached");
    let logged = serve.seen.iter().filter(|it| it.contains(reason)).count();
    assert_eq!(logged, 1, "an unchanged reason: {:#?}", serve.seen);
}

/// A standby counts as a database that cannot be reached.
#[test]
fn a_vault_serves_when_its_database_is_reached() {
    let Some(primary) = helvetisafe_test_postgres::Server::start(&[]) else {
        return;
    };
    let (standby, address) = (primary.standby(), free());
    let mut serve = begin(&standby.url(), address);
    let mut lasting = connect(address);
    ask(&mut lasting, "/health").unwrap();
    assert_eq!(get(address, "/ready").0, 503);
    standby.promote();
    serve.line("the database is reached");
    serve.wait_until_it_serves();
    assert_eq!(serve.address, address);
    assert_eq!(get(address, "/ready").0, 200);
    assert!(ask(&mut lasting, "/health").is_err(), "of the wait");
    serve.stop();
}

#[test]
fn the_wait_for_a_database_has_tls() {
    let (state, authority) = (State::new(), Authority::new());
    let files = authority.pair().write(state.folder.path());
    let [cert, key] = files.each_ref().map(|it| it.to_str().unwrap());
    let (closed, address) = (free(), free());
    let database = format!("postgres://node@{closed}/vault");
    let listen = address.to_string();
    let mut arguments = vec!["serve", "--database", &database, "--listen", &listen];
    arguments.extend(["--tls-cert", cert, "--tls-key", key]);
    let mut serve = Serve::begin(command(&arguments));
    serve.line(&format!("until then https://{address}/health is 200"));
    let config = client_config(&authority, ALL_VERSIONS);
    let mut stream = crate::tls::connect(&config, address).unwrap();
    let answer = ask(&mut stream, "/health").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Otherwise systemd would end the start after 90 s.
#[cfg(target_os = "linux")]
#[test]
fn systemd_waits_for_a_vault_that_waits_for_its_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LATE)).unwrap();
    let database = format!("postgres://node@{}/vault", free());
    let mut command = command(&["serve", "--database", &database, "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", &path);
    let mut serve = Serve::begin(command);
    let next = || {
        let mut buffer = [0; 1024];
        let count = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    };
    for _ in 0..2 {
        assert_eq!(next().trim(), "EXTEND_TIMEOUT_USEC=60000000");
    }
    serve.signal("TERM");
    assert_eq!(serve.wait().code(), Some(0));
    assert_eq!(next().trim(), "STOPPING=1");
}
