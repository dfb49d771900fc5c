//! Peers that hold TLS connections without using them.

use std::io::Read;
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
