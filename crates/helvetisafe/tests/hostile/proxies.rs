//! «Proxies»: `HTTPS_PROXY` for https, never for this machine.
//!
//! The environment belongs to the process, so each case runs this test program once more with one of
//! its own.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;

use helvetisafe::{Client, Credentials, ErrorKind, KeySource};

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

/// A proxy that says no to whoever comes, and what the first of them asked for.
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
    assert_eq!(came, Err(std::io::ErrorKind::WouldBlock), "nobody came");
}

#[test]
#[ignore = "run by a_loopback_address_is_never_proxied, with an environment of its own"]
fn connects_to_this_machine() {
    let world = World::new();
    world.client().secrets().create("a", "v", None).unwrap();
    assert_eq!(world.faults.writes().len(), 1);
}

#[test]
fn a_vault_elsewhere_is_asked_through_the_proxy_which_sees_only_its_name() {
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
fn a_proxy_for_plain_http_is_not_used() {
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let url = format!("http://{}", trap.local_addr().unwrap());
    run(
        "asks_a_vault_elsewhere",
        &[("HTTP_PROXY", &url), ("http_proxy", &url)],
    );
    let came = trap.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(came, Err(std::io::ErrorKind::WouldBlock), "nobody came");
}
