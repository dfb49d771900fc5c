//! A TLS server with its own certificate authority.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};

/// Starts a TLS server for `localhost` that answers each request with 404. Returns its port and the
/// certificate of its authority as PEM.
pub fn start() -> (u16, String) {
    start_for("localhost")
}

/// Starts the same server for another name.
pub fn start_for(name: &str) -> (u16, String) {
    let (port, authority, _) = serve(name, "404 Not Found");
    (port, authority)
}

/// Starts a TLS server that answers the first request of each connection with this status. Returns
/// its port, the certificate of its authority as PEM, and the kind of each handshake.
pub fn serve(name: &str, status: &'static str) -> (u16, String, Receiver<Option<HandshakeKind>>) {
    let (config, authority) = config(name);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, begun) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            let _ = stream.read(&mut [0; 4096]);
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
            let _ = sender.send(stream.conn.handshake_kind());
        }
    });
    (port, authority, begun)
}

/// Returns the configuration of a server of this name, with a certificate of a new authority, and the
/// certificate of the authority as PEM.
pub fn config(name: &str) -> (Arc<ServerConfig>, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // With one name for both, OpenSSL takes the server's certificate for self-signed.
    let names = &mut authority.distinguished_name;
    names.push(DnType::CommonName, "authority of a test");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = names.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (Arc::new(config), authority.pem())
}
