//! Peers that hold TLS connections without using them.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustls::ALL_VERSIONS;

use crate::certificates::Authority;
use crate::process::{LATE, Serve};
use crate::state::State;
use crate::tls::{ask, client_config, connect};

#[test]
fn silent_peers_on_the_tls_port_do_not_keep_others_out() {
    let (state, authority) = (State::new(), Authority::new());
    let files = authority.pair().write(state.folder.path());
    let serve = Serve::start_tls(&state, &files, &["--max-connections", "8"]);
    let config = client_config(&authority, ALL_VERSIONS);
    let mut silent: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(serve.address).unwrap())
        .collect();
    let start = Instant::now();
    let mut stream = connect(&config, serve.address).unwrap();
    let answer = ask(&mut stream, "/health").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // Less than the timeout of a handshake, so they were closed for it.
    assert!(
        start.elapsed() < Duration::from_secs(25),
        "{:?}",
        start.elapsed()
    );
    let first = &mut silent[0];
    first.set_read_timeout(Some(LATE)).unwrap();
    assert_eq!(first.read(&mut [0]).unwrap_or(0), 0, "it was closed");

    // A stop waits for no handshake.
    let start = Instant::now();
    serve.stop();
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
}

/// Waits until the vault closes the connection.
fn wait_for_close(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(LATE)).unwrap();
    let mut buffer = [0; 16 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "it is not closed");
                return;
            }
        }
    }
}

#[test]
fn a_slow_handshake_head_or_reader_is_closed_after_the_timeout() {
    let (state, authority) = (State::new(), Authority::new());
    let files = authority.pair().write(state.folder.path());
    let serve = Serve::start_tls(&state, &files, &["--client-timeout", "1s"]);
    let config = client_config(&authority, ALL_VERSIONS);

    let start = Instant::now();
    let mut silent = TcpStream::connect(serve.address).unwrap();
    wait_for_close(&mut silent);
    assert!(
        start.elapsed() >= Duration::from_millis(900),
        "{:?}",
        start.elapsed()
    );

    // The start of a hello, byte by byte: the timeout is of the whole handshake.
    let mut dripping = TcpStream::connect(serve.address).unwrap();
    let start = Instant::now();
    for byte in [22, 3, 1, 2, 0].into_iter().chain([0; 500]) {
        if dripping.write_all(&[byte]).is_err() {
            break;
        }
        assert!(start.elapsed() < LATE, "it still reads");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );

    let mut idle = connect(&config, serve.address).unwrap();
    ask(&mut idle, "/health").unwrap();
    wait_for_close(&mut idle.sock);

    // Requests whose answers are never read. The document is large, so that it fills the buffers.
    let mut deaf = connect(&config, serve.address).unwrap();
    let request = "GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n".repeat(50);
    let start = Instant::now();
    while deaf.write_all(request.as_bytes()).is_ok() {
        assert!(start.elapsed() < LATE, "it still reads");
        std::thread::sleep(Duration::from_millis(20));
    }
    serve.stop();
}
