//! Certificates: an unknown authority is refused, an added one is trusted, and an empty store is an
//! error that says so.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
#[cfg(all(feature = "platform-roots", target_os = "linux"))]
use std::process::Command;
use std::thread;

use helvetisafe::{Client, ClientBuilder, Credentials, Error, ErrorKind, KeySource};
use helvetisafe_test_support::{PEM, tls_server};
use rustls::HandshakeKind;

fn builder(port: u16) -> ClientBuilder {
    let url = format!("https://localhost:{port}");
    Client::builder(url, Credentials::api_token("t"), KeySource::pem(PEM))
}

#[cfg(any(feature = "platform-roots", feature = "bundled-roots"))]
#[test]
fn a_certificate_of_an_unknown_authority_is_refused_once() {
    let (port, _) = tls_server::start();
    let error = builder(port).connect().unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::Transport, false),
        "{error}"
    );
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[test]
fn an_added_authority_is_trusted() {
    let (port, authority) = tls_server::start();
    let error = builder(port)
        .ca_certificate(authority)
        .connect()
        .unwrap_err();
    assert_eq!(error.status().unwrap(), 404, "TLS worked: {error}");
}

/// Connections share TLS sessions, and the platform's certificates are read once.
#[test]
fn a_new_connection_resumes_the_tls_session() {
    // After a 401, an API token is sent in the other header.
    let (port, authority, begun) = tls_server::serve("localhost", "401 Unauthorized");
    let error = builder(port)
        .ca_certificate(authority)
        .connect()
        .unwrap_err();
    assert_eq!(error.status().unwrap(), 401, "{error}");
    assert_eq!(begun.recv().unwrap(), Some(HandshakeKind::Full));
    assert_eq!(begun.recv().unwrap(), Some(HandshakeKind::Resumed));
}

#[test]
fn an_invalid_certificate_is_refused() {
    for pem in ["", "not a certificate", PEM] {
        let error = builder(1).ca_certificate(pem).connect().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{pem}");
    }
}

#[cfg(feature = "bundled-roots")]
#[test]
fn bundled_roots_can_be_combined_with_an_added_authority() {
    let (port, authority) = tls_server::start();
    let error = builder(port).bundled_roots().connect().unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
    let builder = builder(port).bundled_roots().ca_certificate(authority);
    let error = builder.connect().unwrap_err();
    assert_eq!(error.status().unwrap(), 404, "TLS worked: {error}");
}

/// The error of each client for a vault with TLS.
fn errors(port: u16) -> Vec<Error> {
    let blocking = builder(port).connect().unwrap_err();
    vec![blocking, async_error(port)]
}

fn async_error(port: u16) -> Error {
    let url = format!("https://localhost:{port}");
    let credentials = Credentials::api_token("t");
    let builder = helvetisafe::AsyncClient::builder(url, credentials, KeySource::pem(PEM));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.unwrap();
    runtime.block_on(builder.connect()).unwrap_err()
}

/// Answers each connection in plain HTTP, and returns the port.
fn serve_plain_http() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
            client.write_all(answer).unwrap();
            // Unread data at its end would reset the connection.
            client.shutdown(Shutdown::Write).unwrap();
            let _ = client.read_to_end(&mut Vec::new());
        }
    });
    port
}

#[cfg(any(feature = "platform-roots", feature = "bundled-roots"))]
#[test]
fn a_vault_without_tls_is_named_as_such() {
    let port = serve_plain_http();
    for error in errors(port) {
        let text = error.to_string();
        let wanted = format!("localhost:{port} does not speak TLS; is it http://?");
        assert!(text.contains(&wanted), "{text}");
        let kind = (error.kind(), error.is_retryable());
        assert_eq!(kind, (ErrorKind::Transport, false), "{text}");
        assert!(error.transport_error().unwrap().is_without_tls());
    }
}

#[cfg(all(feature = "platform-roots", target_os = "linux"))]
#[test]
fn an_empty_certificate_store_is_named_in_the_error() {
    // The environment belongs to the process, so this test program runs itself once more.
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tls::without_a_certificate_store", "--ignored"]);
    command
        .env("SSL_CERT_FILE", "/dev/null")
        .env_remove("SSL_CERT_DIR");
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}");
    assert!(stdout.contains("1 passed"), "{stdout}");
}

#[test]
#[ignore = "run by the test above, with an environment of its own"]
fn without_a_certificate_store() {
    let (port, authority) = tls_server::start();
    for error in errors(port) {
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (ErrorKind::Config, false),
            "{error}"
        );
        let text = error.to_string();
        assert!(
            text.contains("the system has no trusted certificates"),
            "{text}"
        );
        assert!(text.contains("`ca_certificate`"), "{text}");
    }
    let error = builder(port)
        .ca_certificate(authority)
        .connect()
        .unwrap_err();
    assert_eq!(error.status().unwrap(), 404, "TLS worked: {error}");
}

#[cfg(not(any(feature = "platform-roots", feature = "bundled-roots")))]
#[test]
fn without_roots_only_an_added_authority_is_trusted() {
    let (port, authority) = tls_server::start();
    for error in errors(port) {
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        let text = error.to_string();
        assert!(
            text.contains("no certificate authority is trusted"),
            "{text}"
        );
    }
    let error = builder(port)
        .ca_certificate(authority)
        .connect()
        .unwrap_err();
    assert_eq!(error.status().unwrap(), 404, "TLS worked: {error}");
    // Without TLS no authority is needed.
    helvetisafe_test_support::World::new(|_, _| None).client();
}
