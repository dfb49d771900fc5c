//! Readiness, the drain, and the second signal.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{LATE, Serve};
use crate::state::State;
use crate::tls::ask;

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LATE)).unwrap();
    stream
}

/// Returns the status and the body of a new connection's answer.
pub(crate) fn get(address: SocketAddr, path: &str) -> (u16, Value) {
    let answer = ask(&mut connect(address), path).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

const DELAY: Duration = Duration::from_secs(3);

#[test]
fn a_drain_answers_503_at_once_serves_for_the_delay_and_finishes_requests() {
    let state = State::new();
    let mut serve = Serve::start(&state, &["--drain-delay", "3s"]);
    let address = serve.address;
    let ready = (
        200,
        json!({"status": "ready", "reasons": [], "warnings": []}),
    );
    assert_eq!(get(address, "/ready"), ready);
    let mut lasting = connect(address);
    ask(&mut lasting, "/health").unwrap();

    let start = Instant::now();
    serve.signal("TERM");
    serve.line("draining for 3s");
    let (status, body) = get(address, "/ready");
    assert_eq!((status, &body["status"]), (503, &json!("not_ready")));
    assert_eq!(body["reasons"][0]["code"], "draining");
    assert_eq!(body["reasons"].as_array().unwrap().len(), 1);
    assert_eq!(get(address, "/health").0, 200, "it still serves");
    let answer = ask(&mut lasting, "/health").unwrap();
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(
        start.elapsed() < DELAY,
        "the machine is too slow for this test"
    );

    // A request whose body arrives in part before the delay is over, and in part after it.
    let mut slow = connect(address);
    let body =
        json!({"key": "a", "value": "AAAAAAAAAAAAAAAAAAAAAA==", "nonce": "AAAAAAAAAAAAAAAA"});
    let body = body.to_string();
    let head = format!(
        "POST /api/v1/secrets HTTP/1.1\r\nhost: a\r\nx-aegis-token: {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
        state.token,
        body.len(),
        &body[..10]
    );
    slow.write_all(head.as_bytes()).unwrap();
    while start.elapsed() < DELAY + Duration::from_millis(500) {
        thread::sleep(Duration::from_millis(20));
    }
    assert!(
        TcpStream::connect(address).is_err(),
        "no more connections are accepted"
    );
    slow.write_all(&body.as_bytes()[10..]).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(serve.wait().code(), Some(0));
    assert!(start.elapsed() >= DELAY);
    serve.line("stopped");
}

#[test]
fn a_second_signal_ends_at_once() {
    let state = State::new();
    for (first, second) in [("TERM", "TERM"), ("INT", "TERM")] {
        let mut serve = Serve::start(&state, &["--drain-delay", "1h"]);
        serve.signal(first);
        serve.line("draining for 3600s");
        serve.signal("HUP");
        assert_eq!(
            get(serve.address, "/health").0,
            200,
            "a reload stops nothing"
        );
        let start = Instant::now();
        serve.signal(second);
        assert_eq!(serve.wait().code(), Some(1));
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{:?}",
            start.elapsed()
        );
        serve.line("stopped at once by a second signal");
    }
    // Also while a request in flight keeps the vault from ending.
    let mut serve = Serve::start(&state, &[]);
    let mut stream = connect(serve.address);
    let head = format!(
        "POST /api/v1/secrets HTTP/1.1\r\nhost: a\r\nx-aegis-token: {}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{",
        state.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    serve.signal("TERM");
    while TcpStream::connect(serve.address).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(4));
        thread::sleep(Duration::from_millis(10));
    }
    assert!(
        serve.child.try_wait().unwrap().is_none(),
        "it waits for the request"
    );
    serve.signal("TERM");
    assert_eq!(serve.wait().code(), Some(1));
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_vault_that_was_killed_starts_again_and_is_ready() {
    let state = State::new();
    let mut serve = Serve::start(&state, &[]);
    serve.child.kill().unwrap();
    serve.child.wait().unwrap();
    let serve = Serve::start(&state, &["--no-migrate"]);
    assert_eq!(get(serve.address, "/ready").0, 200);
    serve.stop();
}

/// Monitors use it.
#[test]
fn head_is_get_without_a_body() {
    let state = State::new();
    let serve = Serve::start(&state, &["--metrics-listen", "127.0.0.1:0"]);
    for path in ["/health", "/ready", "/openapi.json"] {
        let answer = ask(&mut connect(serve.address), path).unwrap();
        let (expected, _) = answer.split_once("\r\n\r\n").unwrap();
        let mut stream = connect(serve.address);
        let head = format!("HEAD {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, "", "{path}");
        for line in expected.lines().filter(|it| !it.starts_with("date")) {
            assert!(head.lines().any(|it| it == line), "{line}\n{head}");
        }
    }
    serve.stop();
}
