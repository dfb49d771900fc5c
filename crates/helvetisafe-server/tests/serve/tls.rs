//! TLS: versions, wrong peers, the client library, and the pairs that are refused.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use helvetisafe::{Client, Credentials, KeySource};
use rcgen::date_time_ymd;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{
    ALL_VERSIONS, ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};

use crate::certificates::{Authority, Pair, write_key};
use crate::process::{LATE, Serve, run};
use crate::state::State;

pub(crate) type TlsStream = StreamOwned<ClientConnection, TcpStream>;

pub(crate) fn client_config(
    authority: &Authority,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let pem = authority.pem();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// Connects and makes the handshake.
pub(crate) fn connect(
    config: &Arc<ClientConfig>,
    address: SocketAddr,
) -> std::io::Result<TlsStream> {
    let mut tcp = TcpStream::connect(address)?;
    tcp.set_read_timeout(Some(LATE)).unwrap();
    let name = "localhost".try_into().unwrap();
    let mut connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut tcp)?;
    }
    Ok(StreamOwned::new(connection, tcp))
}

/// Sends a request and returns status line, headers and body.
pub(crate) fn ask(stream: &mut (impl Read + Write), path: &str) -> std::io::Result<String> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes())?;
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let answer = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = answer.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |it| it.parse().unwrap()) {
                return Ok(answer);
            }
        }
        match stream.read(&mut buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => text.extend_from_slice(&buffer[..count]),
        }
    }
}

#[test]
fn the_client_library_uses_a_vault_over_https() {
    let (state, authority) = (State::new(), Authority::new());
    let files = authority.pair().write(state.folder.path());
    let serve = Serve::start_tls(&state, &files, &[]);
    assert!(
        serve.base_url.starts_with("https://127.0.0.1:"),
        "{}",
        serve.base_url
    );
    let account = &state.account;
    let credentials =
        Credentials::service_account(account.client_id.clone(), account.client_secret.clone());
    let key = KeySource::pem(account.private_key_pem.as_bytes());
    let builder = Client::builder(&serve.base_url, credentials, key);
    let client = builder.trust_only(authority.pem()).connect().unwrap();
    client
        .secrets()
        .create("database", "correct horse", None)
        .unwrap();
    let secret = client.secrets().get("database").unwrap();
    assert_eq!(secret.expose_secret(), "correct horse");

    // The untrusted authority of another test.
    let credentials =
        Credentials::service_account(account.client_id.clone(), account.client_secret.clone());
    let key = KeySource::pem(account.private_key_pem.as_bytes());
    let builder = Client::builder(&serve.base_url, credentials, key);
    assert!(
        builder
            .trust_only(Authority::new().pem())
            .connect()
            .is_err()
    );
    serve.stop();
}

#[test]
fn tls_1_2_and_1_3_are_served_over_http_1_1() {
    let (state, authority) = (State::new(), Authority::new());
    let files = authority.pair().write(state.folder.path());
    let serve = Serve::start_tls(&state, &files, &[]);
    for version in ALL_VERSIONS {
        let config = client_config(&authority, &[version]);
        let mut config = ClientConfig::clone(&config);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut stream = connect(&Arc::new(config), serve.address).unwrap();
        assert_eq!(stream.conn.protocol_version(), Some(version.version));
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        for _ in 0..2 {
            let answer = ask(&mut stream, "/health").unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    }
    assert!(
        ALL_VERSIONS
            .iter()
            .any(|it| it.version == ProtocolVersion::TLSv1_2)
    );
    serve.stop();
}

#[test]
fn peers_that_do_not_speak_tls_are_closed_and_others_go_on() {
    let (state, authority) = (State::new(), Authority::new());
    let files = authority.pair().write(state.folder.path());
    let serve = Serve::start_tls(&state, &files, &[]);
    let config = client_config(&authority, ALL_VERSIONS);
    let mut before = connect(&config, serve.address).unwrap();
    for request in [
        b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(),
        // The start of a hello of SSL 2, a record that is too long, and noise.
        vec![0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10],
        vec![22, 3, 1, 0xff, 0xff, 0, 0, 0, 0],
        vec![0; 4096],
    ] {
        let mut stream = TcpStream::connect(serve.address).unwrap();
        stream.set_read_timeout(Some(LATE)).unwrap();
        stream.write_all(&request).unwrap();
        let mut answer = Vec::new();
        // A reset is an end, too.
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
    assert!(
        ask(&mut before, "/health")
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
    let mut after = connect(&config, serve.address).unwrap();
    assert!(
        ask(&mut after, "/health")
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
    serve.stop();
}

#[test]
fn a_pair_that_clients_would_refuse_is_refused_with_its_remedy() {
    let (state, authority) = (State::new(), Authority::new());
    let folder = state.folder.path();
    let (good, other) = (authority.pair(), authority.pair());
    let database = state.database();
    let refused = |certificate: &str, key: &str, mode: u32| {
        let files = [folder.join("a.crt"), folder.join("a.key")];
        fs::write(&files[0], certificate).unwrap();
        write_key(&files[1], key);
        fs::set_permissions(&files[1], fs::Permissions::from_mode(mode)).unwrap();
        let [cert, key] = files.each_ref().map(|it| it.to_str().unwrap());
        let options = ["--listen", "127.0.0.1:0", "--database", &database];
        let mut arguments = vec!["serve", "--tls-cert", cert, "--tls-key", key];
        arguments.extend(options);
        let (code, stdout, stderr) = run(&arguments);
        // As for other settings: a restart does not fix it.
        assert_eq!((code, &*stdout), (Some(2), ""), "{stderr}");
        stderr
    };
    let with_times = |from, until| -> Pair {
        authority.pair_with(|it| (it.not_before, it.not_after) = (from, until))
    };
    let expired = with_times(date_time_ymd(2000, 1, 1), date_time_ymd(2001, 1, 1));
    let future = with_times(date_time_ymd(2098, 1, 1), date_time_ymd(2099, 1, 1));
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let two_keys = format!("{}{}", good.key, other.key);
    let damaged = good.certificate.replacen("MII", "MIIA", 1);
    let marker = "canary-of-a-key";
    let old = include_str!("../data/version-1.crt");
    for (certificate, key, mode, problem, remedy) in [
        (
            &*good.certificate,
            &*other.key,
            0o600,
            "is not the key of the certificate",
            "belongs together",
        ),
        (
            &expired.certificate,
            &expired.key,
            0o600,
            "expired at 2001-01-01T00:00:00Z",
            "renew it",
        ),
        (
            &future.certificate,
            &future.key,
            0o600,
            "is not valid before 2098",
            "check the clock",
        ),
        (
            old,
            include_str!("../data/version-1.key"),
            0o600,
            "is of X.509 version 1",
            "issue it with the extension subjectAltName",
        ),
        (
            &good.certificate,
            &good.key,
            0o644,
            "can be read or written by other users",
            "chmod 600",
        ),
        (
            &good.certificate,
            &good.key,
            0o640,
            "can be read or written by other users",
            "chmod 600",
        ),
        (
            &good.certificate,
            &good.certificate,
            0o600,
            "contains no private key",
            "swapped",
        ),
        (
            &good.key,
            &good.key,
            0o600,
            "contains no certificate",
            "BEGIN CERTIFICATE",
        ),
        (
            &good.certificate,
            encrypted,
            0o600,
            "is encrypted",
            "openssl pkey",
        ),
        (
            &good.certificate,
            &two_keys,
            0o600,
            "several private keys",
            "leave the one",
        ),
        (&damaged, &good.key, 0o600, "certificate", "PEM"),
        ("", &good.key, 0o600, "contains no certificate", "PEM"),
        (
            &good.certificate,
            marker,
            0o600,
            "contains no private key",
            "swapped",
        ),
    ] {
        let message = refused(certificate, key, mode);
        assert!(
            message.contains(problem) && message.contains(remedy),
            "{problem}: {message}"
        );
        assert!(
            !message.contains(marker) && !message.contains("BEGIN PRIVATE"),
            "{message}"
        );
        assert_eq!(message.lines().count(), 2, "{message}");
    }
    fs::remove_file(folder.join("a.key")).unwrap();
    let missing = [
        "serve",
        "--database",
        &database,
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
    ];
    let (cert, key) = (folder.join("a.crt"), folder.join("a.key"));
    fs::write(&cert, &good.certificate).unwrap();
    let mut arguments = missing.to_vec();
    arguments.extend([cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()]);
    let (code, _, stderr) = run(&arguments);
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("a.key: cannot be read: No such file"),
        "{stderr}"
    );
}

#[test]
fn the_key_of_another_user_may_be_readable_for_a_group_of_the_vault() {
    let (state, authority) = (State::new(), Authority::new());
    let files = authority.pair().write(state.folder.path());
    let [cert, key] = files.each_ref().map(|it| it.to_str().unwrap());
    // As in a volume of Kubernetes, or with a file of root. Only root can give files away.
    if std::os::unix::fs::chown(&files[1], Some(12_345), None).is_err() {
        eprintln!("skipped: the tests do not run as root");
        return;
    }
    let check = |mode: u32| {
        fs::set_permissions(&files[1], fs::Permissions::from_mode(mode)).unwrap();
        let database = state.database();
        let options = [
            "--listen",
            "127.0.0.1:0",
            "--tls-cert",
            cert,
            "--tls-key",
            key,
        ];
        let mut arguments = vec!["check", "--database", &database];
        arguments.extend(options);
        run(&arguments).0
    };
    for (mode, code) in [(0o440, 0), (0o640, 0), (0o644, 1), (0o660, 1), (0o604, 1)] {
        assert_eq!(check(mode), Some(code), "{mode:o}");
    }
}
