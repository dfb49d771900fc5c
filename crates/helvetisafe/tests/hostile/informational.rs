//! «Informational answers (100, 102, 103, …) without end.»

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use helvetisafe::{Client, Credentials, Error, ErrorKind, KeySource};
use helvetisafe_server::faults::{Fault, Requests, StatusCode};
use helvetisafe_test_support::{ClientKind, PEM};

use crate::clients::{Clients, fails, runtime};
use crate::world::World;

/// An informational answer with a header.
const HINT: &str = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";

#[test]
fn informational_answers_without_end_are_a_malformed_answer() {
    let world = World::new();
    let clients = Clients::new(&world);
    for status in [100, 102, 103, 199] {
        let flood = Fault::endless_informational(StatusCode::from_u16(status).unwrap());
        world.faults.clear();
        world.faults.on(Requests::any()).then(flood);
        let before = world.faults.count(Requests::any());
        for error in fails(|| clients.list()) {
            assert_eq!(error.kind(), ErrorKind::Api, "{status}: {error}");
            assert!(!error.is_retryable(), "{status}: {error}");
        }
        for error in fails(|| clients.delete()) {
            assert_eq!(error.kind(), ErrorKind::Ambiguous, "{status}: {error}");
        }
        let requests = world.faults.count(Requests::any()) - before;
        let clients = ClientKind::ALL.len();
        assert_eq!(requests, 2 * clients, "none was sent again");
    }
}

#[test]
fn a_few_informational_answers_are_skipped() {
    let list = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n\
                {\"keys\":[]}";
    let world = World::new();
    let clients = Clients::new(&world);
    for (informational, count, is_answer) in [
        ("", 1, true),
        ("HTTP/1.1 100 Continue\r\n\r\n", 1, true),
        (HINT, 1, true),
        (HINT, 8, true),
        (HINT, 9, false),
    ] {
        world.faults.clear();
        let answer = informational.repeat(count) + list;
        world.faults.on(Requests::any()).then(Fault::raw(answer));
        // The second read uses another connection, whose count starts at zero.
        for outcome in [clients.list(), clients.list()].concat() {
            assert_eq!(
                outcome.is_ok(),
                is_answer,
                "{count} × {informational}: {outcome:?}"
            );
        }
    }
}

/// A vault that sends `first` `times` times, in pieces of `at_once` bytes, and then `last`.
fn vault(first: String, times: usize, at_once: usize, last: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            let request = BufReader::new(stream.try_clone().unwrap());
            let mut lines = request.lines();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            let all = first.as_bytes().chunks(at_once);
            for piece in all.cycle().take(times * first.len().div_ceil(at_once)) {
                if stream.write_all(piece).is_err() {
                    break;
                }
                thread::sleep(Duration::from_micros(300));
            }
            let _ = stream.write_all(last.as_bytes());
        }
    });
    format!("http://{address}")
}

/// The error of each client at that vault.
fn connect(url: &str) -> Vec<Error> {
    let (credentials, key) = (|| Credentials::api_token("t"), || KeySource::pem(PEM));
    let blocking = Client::builder(url, credentials(), key()).attempts(1);
    vec![
        blocking.connect().unwrap_err(),
        runtime()
            .block_on(
                helvetisafe::AsyncClient::builder(url, credentials(), key())
                    .attempts(1)
                    .connect(),
            )
            .unwrap_err(),
    ]
}

#[test]
fn informational_answers_are_counted_across_reads() {
    const FORBIDDEN: &str = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
    let long = format!("HTTP/1.1 103 x\r\nlink: {}\r\n\r\n", "x".repeat(8000));
    let empty_line = format!("\r\n{HINT}");
    for (first, at_once) in [
        (HINT.to_owned(), 1),
        (HINT.to_owned(), HINT.len()),
        (HINT.repeat(3), 3 * HINT.len() - 5),
        (empty_line, 7),
        (long, 3000),
    ] {
        let endless = vault(first.clone(), 1 << 20, at_once, "");
        for error in fails(|| connect(&endless).into_iter().map(Err::<(), _>).collect()) {
            assert_eq!(error.kind(), ErrorKind::Api, "{at_once}: {error}");
        }
        let few = vault(first, 2, at_once, FORBIDDEN);
        for error in connect(&few) {
            assert_eq!(error.kind(), ErrorKind::Forbidden, "{at_once}: {error}");
        }
    }
}

#[test]
fn an_unrequested_protocol_switch_is_an_error() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
    let url = vault(switch.to_owned(), 1 << 20, switch.len(), "");
    for error in fails(|| connect(&url).into_iter().map(Err::<(), _>).collect()) {
        assert_eq!(error.kind(), ErrorKind::Api, "{error}");
    }
}
