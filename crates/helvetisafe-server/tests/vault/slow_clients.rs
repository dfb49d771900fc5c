//! Clients that hold a connection without using it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::raw::{answer_to, read_answer};
use crate::support::{NONCE, Site, site_of};

const TIMEOUT: Duration = Duration::from_millis(400);

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n";

/// Far more than the timeout, for a busy machine.
const LATE: Duration = Duration::from_secs(15);

fn site_with_short_timeout() -> Site {
    site_of(
        crate::support::builder()
            .client_timeout(TIMEOUT)
            .max_connections(4),
    )
}

fn connect(site: &Site) -> TcpStream {
    let stream = TcpStream::connect(site.vault.address()).unwrap();
    stream.set_read_timeout(Some(LATE)).unwrap();
    stream
}

/// Checks that a new connection gets a complete answer in time.
fn check_health(site: &Site) {
    let answer = answer_to(site.vault.address(), HEALTH);
    answer.unwrap().success(200);
}

/// Waits until the vault closes the connection. Returns the time that this took.
fn closed(mut stream: TcpStream) -> Duration {
    let start = Instant::now();
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
    start.elapsed()
}

#[test]
fn a_missing_or_slow_head_closes_the_connection() {
    let site = site_with_short_timeout();
    for start in [
        "",
        "GET /health HTTP/1.1\r\n",
        "GET /health HTTP/1.1\r\nhost: a\r\nx",
    ] {
        let mut stream = connect(&site);
        stream.write_all(start.as_bytes()).unwrap();
        assert!(closed(stream) < LATE, "{start:?}");
    }
    // The timeout applies even while bytes arrive.
    let mut stream = connect(&site);
    stream.write_all(b"GET /health HTTP/1.1\r\n").unwrap();
    let start = Instant::now();
    while stream.write_all(b"x: y\r\n").is_ok() {
        assert!(start.elapsed() < LATE, "the vault still reads");
        std::thread::sleep(TIMEOUT / 10);
    }
}

#[test]
fn a_slow_body_is_408() {
    let site = site_with_short_timeout();
    let mut stream = connect(&site);
    let head = format!(
        "PUT /api/v1/secrets/a HTTP/1.1\r\nhost: a\r\nx-aegis-token: {}\r\n\
         content-type: application/json\r\ncontent-length: 100000\r\n\r\n",
        site.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        let start = Instant::now();
        while start.elapsed() < LATE && writer.write_all(b" ").is_ok() {
            std::thread::sleep(TIMEOUT / 10);
        }
    });
    let answer = read_answer(&mut stream, false).unwrap();
    assert_eq!(
        answer.error(408),
        "the body arrived too slowly: send the request again"
    );
    drop(stream);
    dripping.join().unwrap();
}

#[test]
fn an_idle_connection_is_closed_and_one_in_use_is_not() {
    // Longer than a busy machine needs between two requests.
    let timeout = Duration::from_secs(2);
    let site = site_of(crate::support::builder().client_timeout(timeout));
    let mut stream = connect(&site);
    let start = Instant::now();
    while start.elapsed() < timeout * 3 / 2 {
        stream.write_all(HEALTH).unwrap();
        assert_eq!(read_answer(&mut stream, false).unwrap().status, 200);
        std::thread::sleep(timeout / 40);
    }
    assert!(closed(stream) < LATE);
}

#[test]
fn silent_connections_with_a_credential_delay_others_only_for_a_limited_time() {
    let site = site_with_short_timeout();
    let request = format!(
        "GET /api/v1/secrets HTTP/1.1\r\nhost: a\r\nx-aegis-token: {}\r\n\r\n",
        site.token
    );
    let start = Instant::now();
    let silent: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = connect(&site);
            stream.write_all(request.as_bytes()).unwrap();
            read_answer(&mut stream, false).unwrap().success(200);
            stream
        })
        .collect();
    check_health(&site);
    assert!(
        start.elapsed() >= TIMEOUT,
        "more than four were served at a time"
    );
    drop(silent);
}

/// Connections of a revoked token give way to others, though they stay busy.
#[test]
fn connections_of_a_revoked_token_give_way() {
    let site = site_of(crate::support::builder().max_connections(4));
    let request = format!(
        "GET /api/v1/secrets HTTP/1.1\r\nhost: a\r\nx-aegis-token: {}\r\n\r\n",
        site.token
    );
    let ask = |stream: &mut TcpStream| {
        stream.write_all(request.as_bytes()).unwrap();
        read_answer(stream, false).unwrap()
    };
    let mut busy: Vec<TcpStream> = (0..4).map(|_| connect(&site)).collect();
    for stream in &mut busy {
        ask(stream).success(200);
    }
    site.vault.revoke_api_tokens(&site.account).unwrap();
    for stream in &mut busy {
        ask(stream).error(401);
    }
    check_health(&site);
    drop(busy);
}

#[test]
fn a_client_that_does_not_read_is_disconnected() {
    let site = site_with_short_timeout();
    // Far more than fits the buffers of both sockets.
    let value = "A".repeat(1_400_000);
    let body = json!({ "key": "a", "value": value, "nonce": NONCE });
    site.call("POST", "/api/v1/secrets", Some(body))
        .success(201);
    let request = format!(
        "GET /api/v1/secrets/a HTTP/1.1\r\nhost: a\r\nx-aegis-token: {}\r\n\r\n",
        site.token
    );
    let blocked: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = connect(&site);
            stream.write_all(request.repeat(20).as_bytes()).unwrap();
            stream
        })
        .collect();
    // These clients hold all four connections until the vault closes them.
    check_health(&site);
    drop(blocked);
}
