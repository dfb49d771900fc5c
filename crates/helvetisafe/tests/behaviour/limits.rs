//! Limits of time and size.

use std::time::{Duration, Instant};

use helvetisafe::{BodyLimits, ClientBuilder, ErrorKind, Timeouts};
use helvetisafe_test_support::{Action, SECRETS, World, answer};

use crate::extremes::extremes;

const DB: &str = "/api/v1/secrets/db";

/// Limits far below the defaults, since these tests run in real time.
fn quick(builder: ClientBuilder) -> ClientBuilder {
    builder.attempts(1).timeouts(Timeouts {
        connect: Duration::from_millis(500),
        attempt: Duration::from_millis(600),
        silence: Duration::from_millis(200),
        operation: Duration::from_secs(2),
    })
}

#[test]
fn silence_ends_an_attempt() {
    let world = World::new(|seen, _| {
        seen.is("GET", DB)
            .then_some(Action::Stall(Duration::from_secs(5)))
    });
    let client = quick(world.builder()).connect().unwrap();
    let begun = Instant::now();
    let error = client.secrets().get("db").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(
        error.to_string().contains("did not answer in time"),
        "{error}"
    );
    assert!(
        begun.elapsed() < Duration::from_millis(550),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_dripping_answer_ends_with_the_attempt() {
    let world = World::new(|seen, _| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".to_vec();
        seen.is("GET", DB)
            .then(|| Action::Drip([head, vec![b' '; 1000]].concat(), Duration::from_millis(20)))
    });
    let client = quick(world.builder()).connect().unwrap();
    let begun = Instant::now();
    let error = client.secrets().get("db").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(
        begun.elapsed() >= Duration::from_millis(500),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        begun.elapsed() < Duration::from_millis(1500),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn an_answer_that_is_too_large_is_refused() {
    let large = || {
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n".as_slice(),
            &[b' '; 3_000_000],
        ]
        .concat()
    };
    let endless = || {
        let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
        [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice(),
            &chunk.repeat(50),
        ]
        .concat()
    };
    for bytes in [large(), endless()] {
        let world =
            World::new(move |seen, _| seen.is("GET", DB).then(|| Action::Raw(bytes.clone())));
        let error = world.client().secrets().get("db").unwrap_err();
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (ErrorKind::Api, false),
            "{error}"
        );
        assert_eq!(world.proxy.count("GET", DB), 1);
    }
}

/// A transport of the application may ignore the limits.
#[test]
fn too_large_an_answer_is_refused_from_any_transport() {
    let sends_much = |_: &http::Request<Vec<u8>>| Ok(http::Response::new(vec![b' '; 70_000]));
    let world = World::new(|_, _| None);
    let error = world.builder().transport(sends_much).connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api);
    assert!(error.to_string().contains("larger than allowed"), "{error}");
}

#[test]
fn the_limits_can_be_set() {
    let body = [br#"{"keys":[]"#.as_slice(), &[b' '; 2000], b"}"].concat();
    let length = body.len();
    let world =
        World::new(move |seen, _| seen.is("GET", SECRETS).then(|| answer(200, body.clone())));
    let list = |limit| {
        let limits = BodyLimits {
            list: limit,
            ..BodyLimits::default()
        };
        let client = world.builder().body_limits(limits).connect().unwrap();
        client.secrets().list()
    };
    assert!(list(length).unwrap().is_empty());
    assert_eq!(list(length - 1).unwrap_err().kind(), ErrorKind::Api);
}

#[test]
fn a_value_too_large_to_read_is_not_written() {
    let world = World::new(|_, _| None);
    let limits = BodyLimits {
        secret: 10_000,
        ..BodyLimits::default()
    };
    let client = world.builder().body_limits(limits).connect().unwrap();
    let error = client
        .secrets()
        .create("db", "x".repeat(10_000), None)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(world.proxy.count("POST", SECRETS), 0);
    client
        .secrets()
        .create("db", "x".repeat(6_000), None)
        .unwrap();
    assert_eq!(
        client.secrets().get("db").unwrap().expose_secret().len(),
        6_000
    );
}

#[test]
fn a_value_of_one_mebibyte_is_stored_and_read() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let value = "é".repeat(1 << 19);
    client.secrets().create("db", &value, None).unwrap();
    assert_eq!(client.secrets().get("db").unwrap().expose_secret(), value);
}

#[test]
fn an_answer_that_is_not_http_is_refused() {
    for bytes in [
        &b"SSH-2.0-OpenSSH\r\n"[..],
        b"HTTP/9.9 abc\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
    ] {
        let world =
            World::new(move |seen, _| seen.is("GET", DB).then(|| Action::Raw(bytes.to_vec())));
        let error = world.client().secrets().get("db").unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Api | ErrorKind::Transport),
            "{error} {:?}",
            error.kind()
        );
    }
}

#[test]
fn maximum_timeouts_never_expire() {
    let world = World::new(|_, _| None);
    for (name, timeouts) in extremes(Duration::MAX) {
        let client = world.builder().timeouts(timeouts).connect();
        let client = client.unwrap_or_else(|error| panic!("{name}: {error}"));
        client.secrets().put("db", "v", None).unwrap();
        assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "v");
    }
}

#[test]
fn zero_timeouts_fail_each_call() {
    for (name, timeouts) in extremes(Duration::ZERO) {
        let world = World::new(|_, _| None);
        let outcome = world.builder().timeouts(timeouts).connect();
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (ErrorKind::Transport, true),
            "{name}: {error}"
        );
        assert!(world.proxy.log().is_empty(), "{name}: nothing is sent");
    }
}
