//! Trusted proxies: who may connect without TLS, and whose headers are believed.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};

use serde_json::Value;

use crate::drain::connect;
use crate::metrics::scrape;
use crate::process::{Serve, run};
use crate::state::State;
use crate::tls::ask;

/// Sends a request with these headers.
fn send(address: SocketAddr, headers: &str) {
    let mut stream = connect(address);
    let request = format!("GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

fn logged_client(options: &[&str], headers: &str) -> String {
    let state = State::new();
    let mut all = vec!["--access-log", "--log-format=json"];
    all.extend(options);
    let mut serve = Serve::start(&state, &all);
    send(serve.address, headers);
    let line: Value = serde_json::from_str(&serve.line("\"access\"")).unwrap();
    serve.stop();
    line["client"].as_str().unwrap().to_owned()
}

#[test]
fn headers_are_believed_from_trusted_proxies_alone() {
    let list = "x-forwarded-for: 203.0.113.7\r\n";
    assert_eq!(
        logged_client(&["--trusted-proxy", "127.0.0.0/8"], list),
        "203.0.113.7"
    );
    assert_eq!(
        logged_client(&["--trusted-proxy", "10.0.0.0/8"], list),
        "127.0.0.1"
    );
    assert_eq!(logged_client(&[], list), "127.0.0.1");
    let forwarded = "forwarded: for=203.0.113.8\r\n";
    assert_eq!(
        logged_client(&["--trusted-proxy", "127.0.0.1"], forwarded),
        "203.0.113.8"
    );
}

/// Returns an address of this machine that is not loopback, if there is one. Nothing is sent.
fn outer_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[test]
fn without_tls_only_proxies_and_this_machine_may_connect() {
    let state = State::new();
    let listen = ["--listen", "0.0.0.0:0", "--metrics-listen", "127.0.0.1:0"];
    let with = |proxy: &str| {
        let mut options = listen.to_vec();
        options.extend(["--trusted-proxy", proxy]);
        Serve::start(&state, &options)
    };
    let Some(outer) = outer_address() else {
        eprintln!("skipped: this machine has no address but loopback");
        return;
    };
    let mut serve = with("198.51.100.9");
    let metrics = serve.metrics_address();
    ask(&mut connect(serve.address), "/health").unwrap();
    let mut refused = TcpStream::connect((outer, serve.address.port())).unwrap();
    assert!(ask(&mut refused, "/health").is_err());
    let line = serve.line("closed a plain connection of");
    assert!(
        line.contains(&outer.to_string()) && line.contains("--trusted-proxy"),
        "{line}"
    );
    let mut refused = TcpStream::connect((outer, serve.address.port())).unwrap();
    assert!(ask(&mut refused, "/health").is_err());
    assert!(scrape(metrics).contains("connections_refused_total 2\n"));
    let lines = serve.stop().join("\n");
    assert_eq!(lines.matches("closed a plain").count(), 1, "{lines}");

    let serve = with(&outer.to_string());
    let mut admitted = TcpStream::connect((outer, serve.address.port())).unwrap();
    assert!(
        ask(&mut admitted, "/health")
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
    serve.stop();
}

#[test]
fn a_public_listener_without_tls_or_proxy_is_refused() {
    let state = State::new();
    let (database, port) = (state.database(), TcpListener::bind("127.0.0.1:0").unwrap());
    drop(port);
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8200"] {
        let arguments = ["serve", "--database", &database, "--listen", listen];
        let (code, _, stderr) = run(&arguments);
        assert_eq!(code, Some(2), "{stderr}");
        for part in [
            "--listen: ",
            "not a loopback address",
            "--tls-cert",
            "--trusted-proxy",
        ] {
            assert!(stderr.contains(part), "{stderr}");
        }
    }
}
