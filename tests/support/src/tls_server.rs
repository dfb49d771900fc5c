//! A TLS server with its own certificate authority.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::{
    ALL_VERSIONS, ClientConfig, ConfigBuilder, HandshakeKind, RootCertStore, ServerConfig,
    ServerConnection, StreamOwned, SupportedProtocolVersion,
};

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
    let (port, begun) = accept(config, status);
    (port, authority, begun)
}

fn accept(
    config: Arc<ServerConfig>,
    status: &'static str,
) -> (u16, Receiver<Option<HandshakeKind>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, begun) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            if stream.read(&mut [0; 4096]).is_err() {
                continue;
            }
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
            let _ = sender.send(stream.conn.handshake_kind());
        }
    });
    (port, begun)
}

/// A TLS server that a client must not accept, or that does not accept the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Its authority is not the one that the client gets.
    UnknownIssuer,
    /// It has a certificate for another name.
    WrongName,
    /// Its certificate has expired.
    Expired,
    /// Its certificate is that of an authority.
    IsAuthority,
    /// It wants a client certificate, with TLS 1.3 or 1.2.
    WantsCertificate(&'static SupportedProtocolVersion),
    /// It speaks HTTP without TLS.
    NoTls,
}

/// Starts a server with this flaw. Returns its port, and an authority for the client to trust.
pub fn flawed(name: &str, flaw: Flaw) -> (u16, String) {
    let own = Authority::new();
    let config = match flaw {
        Flaw::NoTls => return (serve_plain(), own.pem()),
        Flaw::UnknownIssuer => return (accept(config(name).0, "404 Not Found").0, own.pem()),
        Flaw::WrongName => own.server("other.example", |_| ()),
        Flaw::Expired => own.server(name, |it| it.not_after = date_time_ymd(2001, 1, 1)),
        Flaw::IsAuthority => own.server(name, |it| {
            it.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }),
        Flaw::WantsCertificate(version) => own.mutual_server(name, &[version]),
    };
    (accept(config, "404 Not Found").0, own.pem())
}

/// Starts a server that wants a client certificate. Returns its port, its authority, and a client's
/// certificate and key, all as PEM.
pub fn mutual(name: &str) -> (u16, String, [String; 2]) {
    let own = Authority::new();
    let (port, _) = accept(own.mutual_server(name, ALL_VERSIONS), "404 Not Found");
    let (key, certificate) = own.issue("client.example", |_| ());
    (port, own.pem(), [certificate.pem(), key.serialize_pem()])
}

/// Returns an authority, and a certificate of it for a name with its key, all as PEM.
pub fn files(name: &str) -> [String; 3] {
    let own = Authority::new();
    let (key, certificate) = own.issue(name, |_| ());
    [own.pem(), certificate.pem(), key.serialize_pem()]
}

fn serve_plain() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    port
}

/// Returns the configuration of a server of this name, with a certificate of a new authority, and the
/// certificate of the authority as PEM.
pub fn config(name: &str) -> (Arc<ServerConfig>, String) {
    let authority = Authority::new();
    (authority.server(name, |_| ()), authority.pem())
}

/// An authority of tests.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        // Two authorities of one name would be one whose signature is wrong.
        let name = &mut authority.distinguished_name;
        name.push(DnType::CommonName, format!("authority {number}"));
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(authority, key).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn issue(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (KeyPair, Certificate) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (key, certificate)
    }

    fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth();
        self.finish(builder, name, change)
    }

    fn mutual_server(
        &self,
        name: &str,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap());
        self.finish(builder, name, |_| ())
    }

    fn finish(
        &self,
        builder: ConfigBuilder<ServerConfig, WantsServerCert>,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Arc<ServerConfig> {
        let (key, certificate) = self.issue(name, change);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain = vec![certificate.der().clone()];
        Arc::new(builder.with_single_cert(chain, key).unwrap())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Returns the configuration of a client that trusts this authority, given as PEM.
pub fn client_config(authority: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();
    roots.add(authority).unwrap();
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}
