//! «Proxies»: `HTTPS_PROXY` for https, never for this machine.
//!
//! The environment belongs to the process, so each case runs this test program once more with one of
//! its own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use helvetisafe::{Client, Credentials, ErrorKind, KeySource};
use helvetisafe_test_support::tls_server;

use crate::world::World;

/// Runs an ignored test of this file in a process with these variables.
fn run(test: &str, variables: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("proxies::{test}"), "--ignored"]);
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    let output = command
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}");
    assert!(stdout.contains("1 passed"), "{stdout}");
}

/// A proxy that refuses every request, and the head of the first one.
fn proxy() -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let first = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut piece = [0; 1024];
            let count = stream.read(&mut piece).unwrap();
            assert!(count > 0, "it ends within its head");
            head.extend_from_slice(&piece[..count]);
        }
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        String::from_utf8_lossy(&head).into_owned()
    });
    (url, first)
}

#[test]
fn a_loopback_address_is_never_proxied() {
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let url = format!("http://{}", trap.local_addr().unwrap());
    let names = [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
    ];
    run(
        "connects_to_this_machine",
        &names.map(|name| (name, url.as_str())),
    );
    let came = trap.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(
        came,
        Err(std::io::ErrorKind::WouldBlock),
        "no client connected"
    );
}

#[test]
#[ignore = "run by a_loopback_address_is_never_proxied, with an environment of its own"]
fn connects_to_this_machine() {
    let world = World::new();
    world.client().secrets().create("a", "v", None).unwrap();
    assert_eq!(world.faults.writes().len(), 1);
    asynchronous::connects_to_this_machine(&world);
}

#[test]
fn a_remote_vault_is_reached_through_the_proxy_which_sees_only_its_name() {
    let (url, first) = proxy();
    run("asks_a_vault_elsewhere", &[("HTTPS_PROXY", &url)]);
    let asked = first.join().unwrap();
    assert!(
        asked.starts_with("CONNECT vault.example:443 HTTP/1."),
        "{asked}"
    );
    assert!(!asked.contains("canary"), "{asked}");
}

#[test]
#[ignore = "run by the test above, with an environment of its own"]
fn asks_a_vault_elsewhere() {
    let credentials = Credentials::api_token("canary");
    let builder = Client::builder(
        "https://vault.example",
        credentials,
        KeySource::password("p"),
    );
    let error = builder.attempts(1).connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
}

#[test]
fn the_asynchronous_client_uses_the_proxy_too() {
    let (url, first) = proxy();
    let url = url.replace("//", "//user:pass@");
    run(
        "asks_a_vault_elsewhere_asynchronously",
        &[("HTTPS_PROXY", &url)],
    );
    let asked = first.join().unwrap();
    assert!(
        asked.starts_with("CONNECT vault.example:443 HTTP/1."),
        "{asked}"
    );
    let asked = asked.to_ascii_lowercase();
    assert!(
        asked.contains("proxy-authorization: basic dxnlcjpwyxnz\r\n"),
        "{asked}"
    );
    assert!(!asked.contains("canary"), "{asked}");
}

#[test]
#[ignore = "run by the test above, with an environment of its own"]
fn asks_a_vault_elsewhere_asynchronously() {
    let error = asynchronous::connect_elsewhere(443, None);
    assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
    assert!(!format!("{error:?}").contains("pass"), "{error:?}");
}

#[test]
fn an_answer_comes_back_through_the_tunnel() {
    let (port, authority) = tls_server::start_for("vault.example");
    let url = tunnels_to(port);
    let variables = [
        ("HTTPS_PROXY", url.as_str()),
        ("AUTHORITY", &authority),
        ("NO_PROXY", "other.example"),
    ];
    run("asks_through_the_tunnel", &variables);
    let exempt = [
        ("HTTPS_PROXY", url.as_str()),
        ("AUTHORITY", &authority),
        ("NO_PROXY", "vault.example"),
        ("EXEMPT", "1"),
    ];
    run("asks_through_the_tunnel", &exempt);
}

#[test]
#[ignore = "run by the test above, with an environment of its own"]
fn asks_through_the_tunnel() {
    let authority = std::env::var("AUTHORITY").unwrap();
    let expected = match std::env::var("EXEMPT") {
        // No name server resolves it.
        Ok(_) => ErrorKind::Transport,
        Err(_) => ErrorKind::Api,
    };
    let builder = Client::builder(
        "https://vault.example",
        Credentials::api_token("t"),
        KeySource::password("p"),
    );
    let builder = builder.ca_certificate(authority.as_str());
    let error = builder.attempts(1).connect().unwrap_err();
    assert_eq!(error.kind(), expected, "{error}");
    let error = asynchronous::connect_elsewhere(443, Some(authority));
    assert_eq!(error.kind(), expected, "{error}");
}

/// A proxy whose tunnels all lead to this port.
fn tunnels_to(port: u16) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut inner = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && inner.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            let mut outer = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let _ = inner.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            let (mut from, mut to) = (inner.try_clone().unwrap(), outer.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut to));
            thread::spawn(move || std::io::copy(&mut outer, &mut inner));
        }
    });
    url
}

mod asynchronous {
    use helvetisafe::{AsyncClient, Credentials, Error, KeySource};
    use tokio::runtime::{Builder, Runtime};

    use crate::world::World;

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_all().build().unwrap()
    }

    pub(super) fn connects_to_this_machine(world: &World) {
        let key = KeySource::password("none");
        let builder =
            AsyncClient::builder(world.vault.base_url(), Credentials::api_token("t"), key);
        let error = runtime().block_on(builder.connect()).unwrap_err();
        assert_eq!(
            error.status().map(|status| status.as_u16()),
            Some(401),
            "{error}"
        );
    }

    pub(super) fn connect_elsewhere(port: u16, authority: Option<String>) -> Error {
        let url = format!("https://vault.example:{port}");
        let token = Credentials::api_token("canary");
        let mut builder = AsyncClient::builder(url, token, KeySource::password("p")).attempts(1);
        if let Some(authority) = authority {
            builder = builder.ca_certificate(authority);
        }
        runtime().block_on(builder.connect()).unwrap_err()
    }
}

#[test]
fn a_proxy_for_plain_http_is_not_used() {
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let url = format!("http://{}", trap.local_addr().unwrap());
    run(
        "asks_a_vault_elsewhere",
        &[("HTTP_PROXY", &url), ("http_proxy", &url)],
    );
    let came = trap.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(
        came,
        Err(std::io::ErrorKind::WouldBlock),
        "no client connected"
    );
}
