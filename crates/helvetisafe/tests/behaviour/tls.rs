//! Certificates: an unknown authority is refused, an added one is trusted.

use crate::tls_server;
use crate::world::PEM;
use helvetisafe::{Client, ClientBuilder, Credentials, ErrorKind, KeySource};

fn builder(port: u16) -> ClientBuilder {
    let url = format!("https://localhost:{port}");
    Client::builder(url, Credentials::api_token("t"), KeySource::pem(PEM))
}

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

#[test]
fn what_is_no_certificate_is_refused() {
    for pem in ["", "not a certificate", PEM] {
        let error = builder(1).ca_certificate(pem).connect().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{pem}");
    }
}
