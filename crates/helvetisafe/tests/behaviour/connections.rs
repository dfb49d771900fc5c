//! The settings of connections: certificates of both sides, the proxy, headers, and an agent or a
//! configuration of the application's own. Each with both clients, where both have it.

use std::sync::Arc;

use helvetisafe::{
    AsyncClient, AsyncParts, Client, ClientBuilder, Credentials, Error, ErrorKind, KeySource,
};
use helvetisafe_test_support::tls_server;
use helvetisafe_test_support::{ORG_KEY, PEM, TokioClient, World, answer};
use http::{HeaderName, HeaderValue};

use crate::unreachable::{run, start_proxy};

type Blocking = ClientBuilder;
type Async = ClientBuilder<AsyncParts>;

fn token() -> Credentials {
    Credentials::api_token("canary-token")
}

/// The error of each client, configured alike.
fn errors(
    url: &str,
    blocking: impl FnOnce(Blocking) -> Blocking,
    asynchronous: impl FnOnce(Async) -> Async,
) -> Vec<Error> {
    let blocking = blocking(Client::builder(url, token(), KeySource::pem(PEM)).attempts(1));
    let builder = AsyncClient::builder(url, token(), KeySource::pem(PEM)).attempts(1);
    let asynchronous = TokioClient::connect(asynchronous(builder));
    vec![
        blocking.connect().err().unwrap(),
        asynchronous.err().unwrap(),
    ]
}

/// Configures both clients with the same methods.
macro_rules! errors {
    ($url:expr, $builder:ident => $configured:expr) => {
        errors(&$url, |$builder| $configured, |$builder| $configured)
    };
}

/// Checks that each client got an answer, which is 404.
fn assert_answered(errors: Vec<Error>) {
    for error in errors {
        let status = error.status().map(|status| status.as_u16());
        assert_eq!(status, Some(404), "{error}");
    }
}

fn assert_refused(errors: Vec<Error>, kind: ErrorKind, text: &str) {
    for error in errors {
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[test]
fn a_client_certificate_is_sent_to_a_vault_that_wants_one() {
    let (port, authority, [chain, key]) = tls_server::mutual("localhost");
    let url = format!("https://localhost:{port}");
    let both = format!("{key}{chain}");
    assert_answered(errors!(url, it => it
        .ca_certificate(authority.as_str())
        .client_certificate(&chain, &key)));
    assert_answered(errors!(url, it => it
        .ca_certificate(authority.as_str())
        .client_certificate(&both, &both)));
    // The vault does not know the authority of this one.
    let (_, _, [chain, key]) = tls_server::mutual("localhost");
    let errors = errors!(url, it => it
        .ca_certificate(authority.as_str())
        .client_certificate(&chain, &key));
    assert!(errors.iter().all(|error| !error.is_retryable()));
    assert_refused(
        errors,
        ErrorKind::Transport,
        "the vault refused the client certificate",
    );
}

#[test]
fn a_proxy_never_gets_the_client_certificate_for_the_vault() {
    let (port, authority, [chain, key]) = tls_server::mutual("localhost");
    let proxy = format!("https://localhost:{port}");
    let errors = errors!("https://vault.example", it => it
        .ca_certificate(authority.as_str())
        .client_certificate(&chain, &key)
        .proxy(proxy.as_str()));
    assert!(errors.iter().all(|error| !error.is_retryable()));
    assert_refused(
        errors,
        ErrorKind::Transport,
        "the proxy requires a client certificate",
    );
}

#[test]
fn an_unusable_client_certificate_is_refused_before_anything_is_sent() {
    let (_, _, [chain, key]) = tls_server::mutual("localhost");
    let (_, _, [_, other]) = tls_server::mutual("localhost");
    let encrypted = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    for (chain, key, text) in [
        ("canary", key.as_str(), "client certificate is not a PEM"),
        (
            key.as_str(),
            key.as_str(),
            "client certificate is not a PEM",
        ),
        (
            chain.as_str(),
            "canary",
            "key of the client certificate is not a PEM",
        ),
        (chain.as_str(), encrypted.as_str(), "is encrypted"),
        (chain.as_str(), other.as_str(), "cannot be used together"),
    ] {
        let errors = errors!("https://127.0.0.1:1", it => it.client_certificate(chain, key));
        assert_refused(errors, ErrorKind::Config, text);
    }
}

#[test]
fn only_the_given_authority_is_trusted() {
    let (port, authority) = tls_server::start();
    let url = format!("https://localhost:{port}");
    assert_answered(errors!(url, it => it.trust_only(authority.as_str())));
    let (_, other) = tls_server::config("localhost");
    let errors = errors!(url, it => it.trust_only(other.as_str()));
    assert_refused(errors, ErrorKind::Transport, "certificate");
}

/// The file that the platform's authorities would come from is not read.
#[cfg(target_os = "linux")]
#[test]
fn trusting_only_one_authority_needs_no_certificate_store() {
    let variables = [("SSL_CERT_FILE", "/dev/null")];
    run("connections::only_the_given_authority_alone", &variables);
}

#[test]
#[ignore = "run by the test above, with an environment of its own"]
fn only_the_given_authority_alone() {
    only_the_given_authority_is_trusted();
}

/// The file of the platform's authorities is a pipe here, so that reading it can be seen.
#[cfg(target_os = "linux")]
#[test]
fn an_added_authority_is_tried_before_the_platform_is_read() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("authorities");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let was_read = Arc::new(AtomicBool::new(false));
    let (path, flag) = (pipe.clone(), Arc::clone(&was_read));
    // It opens when the pipe is read.
    std::thread::spawn(move || {
        let _ = std::fs::OpenOptions::new().write(true).open(path);
        flag.store(true, Ordering::SeqCst);
    });
    let variables = [("SSL_CERT_FILE", pipe.to_str().unwrap())];
    run("connections::an_added_authority_first", &variables);
    assert!(!was_read.load(Ordering::SeqCst));
}

#[test]
#[ignore = "run by the test above, with an environment of its own"]
fn an_added_authority_first() {
    let (port, authority) = tls_server::start();
    let url = format!("https://localhost:{port}");
    assert_answered(errors!(url, it => it.ca_certificate(authority.as_str())));
}

/// Each client reads the file once, for all its addresses, and also if the issuer is unknown.
#[cfg(target_os = "linux")]
#[test]
fn the_file_of_authorities_is_read_once() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("authorities");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let (_, authority) = tls_server::start();
    let reads = Arc::new(AtomicU32::new(0));
    let (path, count) = (pipe.clone(), Arc::clone(&reads));
    std::thread::spawn(move || {
        // It opens when the pipe is read.
        while std::fs::write(&path, &authority).is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
            // The reader meets the end of the file.
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
    let variables = [("SSL_CERT_FILE", pipe.to_str().unwrap())];
    run("connections::unknown_issuers", &variables);
    assert_eq!(reads.load(Ordering::SeqCst), 2);
}

#[test]
#[ignore = "run by the test above, with an environment of its own"]
fn unknown_issuers() {
    let (port, _) = tls_server::start();
    let url = format!("https://localhost:{port}");
    let errors = errors!(url, it => it.failover("https://localhost:1"));
    assert_refused(
        errors,
        ErrorKind::Transport,
        "`ClientBuilder::ca_certificate`",
    );
}

#[test]
fn a_proxy_by_code_replaces_that_of_the_environment() {
    let dead = [("HTTPS_PROXY", "http://127.0.0.1:1")];
    run("connections::a_proxy_by_code", &dead);
}

#[test]
#[ignore = "run by the test above, with an environment of its own"]
fn a_proxy_by_code() {
    let (port, authority) = tls_server::start_for("vault.example");
    let url = format!("https://vault.example:{port}");
    let proxy = start_proxy();
    assert_answered(errors!(url, it => it
        .proxy(proxy.as_str())
        .ca_certificate(authority.as_str())));
    // No name server knows it.
    let errors = errors!(url, it => it.no_proxy());
    assert_refused(errors, ErrorKind::Transport, "nothing was sent");
    for bad in ["socks5://canary:canary@127.0.0.1:1", "canary://", ""] {
        let errors = errors!(url, it => it.proxy(bad));
        assert_refused(errors, ErrorKind::Config, "the proxy is not the URL");
    }
    let errors = errors!(url, it => it.proxy("http://u:canary@127.0.0.1:1"));
    assert_refused(errors, ErrorKind::Transport, "nothing was sent");
}

#[test]
fn the_vault_in_an_excepted_network_is_reached_directly() {
    let proxy = start_proxy();
    let variables = [
        ("HTTPS_PROXY", proxy.as_str()),
        ("NO_PROXY", "192.0.2.0/24"),
    ];
    run("connections::a_vault_by_address", &variables);
}

#[test]
#[ignore = "run by the test above, with an environment of its own"]
fn a_vault_by_address() {
    let times = helvetisafe::Timeouts {
        connect: std::time::Duration::from_millis(200),
        ..Default::default()
    };
    // The network is for documentation, so the address never answers, but the proxy would.
    let (port, authority) = tls_server::start_for("192.0.2.1");
    let url = format!("https://192.0.2.1:{port}");
    let errors = errors!(url, it => it.ca_certificate(authority.as_str()).timeouts(times));
    assert_refused(errors, ErrorKind::Transport, "nothing was sent");
    let (port, authority) = tls_server::start_for("198.51.100.1");
    let url = format!("https://198.51.100.1:{port}");
    assert_answered(errors!(url, it => it.ca_certificate(authority.as_str())));
}

#[test]
fn an_added_header_is_in_every_request() {
    let world = World::new(|_, _| Some(answer(404, r#"{"error":"not found"}"#)));
    let url = world.proxy.base_url();
    let name = HeaderName::from_static("x-tenant");
    let value = HeaderValue::from_static("payments");
    assert_answered(errors!(url, it => it.header(name.clone(), value.clone())));
    let log = world.proxy.log();
    assert_eq!(log.len(), 2);
    for request in log {
        assert_eq!(request.header("x-tenant"), Some("payments"));
        assert_eq!(request.header("x-aegis-token"), Some("canary-token"));
        assert!(
            request
                .header("user-agent")
                .unwrap()
                .starts_with("helvetisafe")
        );
    }
}

#[test]
fn a_header_of_the_client_itself_cannot_be_added() {
    for name in ["authorization", "x-aegis-token", "host", "content-length"] {
        let name = HeaderName::from_static(name);
        let value = HeaderValue::from_static("canary");
        let errors = errors!("http://127.0.0.1:1", it => it.header(name.clone(), value.clone()));
        assert_refused(errors, ErrorKind::Config, name.as_str());
    }
}

#[test]
fn an_own_configuration_of_tls_replaces_all_others() {
    let (port, authority, _) = tls_server::mutual("localhost");
    let url = format!("https://localhost:{port}");
    let config = Arc::new(tls_server::client_config(&authority));
    let errors = errors!(url, it => it.rustls_config(Arc::clone(&config)));
    assert_refused(
        errors,
        ErrorKind::Transport,
        "requires a client certificate",
    );
    let (port, authority) = tls_server::start();
    let url = format!("https://localhost:{port}");
    let config = Arc::new(tls_server::client_config(&authority));
    assert_answered(errors!(url, it => it.rustls_config(Arc::clone(&config))));
    let errors = errors!(url, it => it
        .rustls_config(Arc::clone(&config))
        .ca_certificate(authority.as_str()));
    assert_refused(
        errors,
        ErrorKind::Config,
        "`rustls_config` cannot be combined",
    );
}

/// An agent with settings that would be harmful: it follows redirects, and has no limits.
fn agent() -> ureq::Agent {
    let nothing: [ureq::tls::Certificate<'static>; 0] = [];
    let tls = ureq::tls::TlsConfig::builder()
        .root_certs(ureq::tls::RootCerts::new_with_certs(&nothing))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = ureq::Agent::config_builder()
        .tls_config(tls.build())
        .max_redirects(9)
        .redirect_auth_headers(ureq::config::RedirectAuthHeaders::SameHost)
        .http_status_as_error(true);
    config.build().new_agent()
}

fn with_agent(url: &str) -> ClientBuilder {
    let builder = Client::builder(url, token(), KeySource::pem(PEM));
    builder.attempts(1).ureq_agent(agent())
}

#[test]
fn an_agent_of_the_application_follows_no_redirect() {
    let other = World::new(|_, _| Some(answer(200, "{}")));
    let to: &'static str =
        Box::leak(format!("Location: {}{ORG_KEY}\r\n", other.proxy.base_url()).into_boxed_str());
    let world = World::new(move |_, _| {
        Some(helvetisafe_test_support::Action::Answer(
            302,
            to,
            Vec::new(),
        ))
    });
    let error = with_agent(&world.proxy.base_url()).connect().err().unwrap();
    assert_eq!(error.status().unwrap(), 302, "{error}");
    assert_eq!(world.proxy.log().len(), 1);
    assert!(other.proxy.log().is_empty(), "the token went elsewhere");
}

#[test]
fn an_agent_of_the_application_has_the_limits_of_the_client() {
    use helvetisafe_test_support::Action;
    use std::time::{Duration, Instant};
    let world = World::new(|request, _| match request.path.as_str() {
        ORG_KEY => Some(Action::Stall(Duration::from_secs(20))),
        _ => None,
    });
    let timeouts = helvetisafe::Timeouts {
        silence: Duration::from_millis(100),
        ..Default::default()
    };
    let begun = Instant::now();
    let builder = with_agent(&world.proxy.base_url()).timeouts(timeouts);
    let error = builder.connect().err().unwrap();
    assert!(error.is_timeout(), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let world = World::new(|_, _| Some(answer(200, vec![b'x'; 100_000])));
    let error = with_agent(&world.proxy.base_url()).connect().err().unwrap();
    assert!(error.to_string().contains("larger than allowed"), "{error}");
}

#[test]
fn an_agent_of_the_application_reads_and_writes() {
    let world = World::new(|_, _| None);
    let builder = world.builder_for(world.api_token());
    let client = builder.ureq_agent(agent()).connect().unwrap();
    client.secrets().create("a", "v", None).unwrap();
    assert_eq!(client.secrets().get("a").unwrap().expose_secret(), "v");
    let error = client.secrets().get("none").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = with_agent("http://127.0.0.1:1").connect().err().unwrap();
    assert!(error.to_string().contains("nothing was sent"), "{error}");
    let (port, _) = tls_server::start();
    let error = with_agent(&format!("https://localhost:{port}")).connect();
    let error = error.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
    assert!(!error.is_retryable(), "{error}");
}

/// Without an error of its own, `ureq` panics here: it is compiled without roots, and without a cryptography.
#[test]
fn an_agent_without_trusted_roots_is_an_error_and_no_panic() {
    let (port, _) = tls_server::start();
    let url = format!("https://localhost:{port}");
    for _ in 0..2 {
        let agent = ureq::Agent::new_with_defaults();
        let builder = Client::builder(&url, token(), KeySource::pem(PEM)).ureq_agent(agent);
        let error = builder.connect().err().unwrap();
        assert_refused(vec![error], ErrorKind::Transport, "no trusted roots");
    }
}

#[test]
fn a_panic_of_the_agents_middleware_is_passed_on() {
    type Next<'a> = ureq::middleware::MiddlewareNext<'a>;
    let middleware = |_: http::Request<ureq::SendBody<'_>>,
                      _: Next<'_>|
     -> Result<_, ureq::Error> { panic!("of the application") };
    let config = ureq::Agent::config_builder().middleware(middleware);
    let builder = Client::builder("http://127.0.0.1:1", token(), KeySource::pem(PEM));
    let builder = builder.ureq_agent(config.build().new_agent());
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| builder.connect()));
    let panic = caught.err().unwrap();
    assert_eq!(panic.downcast_ref(), Some(&"of the application"));
}
