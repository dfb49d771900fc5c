//! The adapters for `reqwest` and `tower`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use helvetisafe::{
    AsyncClient, AsyncTransport, BodyLimits, Credentials, Error, ErrorKind, Failure, KeySource,
    ReqwestTransport, Timeouts, TowerTransport, TransportError,
};
use helvetisafe_test_support::server::closed_url;
use helvetisafe_test_support::{Action, ORG_KEY, PEM, TOKEN, World, answer, tls_server};
use http::{Request, Response};
use http_body_util::Full;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use reqwest::redirect::Policy;

use super::builder;

type Boxed = Box<dyn Fn() -> Box<dyn AsyncTransport>>;

/// One more layer, so that a boxed transport can be passed on.
struct Dyn(Box<dyn AsyncTransport>);

impl AsyncTransport for Dyn {
    fn send(&self, request: Request<Vec<u8>>) -> helvetisafe::Answer<'_> {
        self.0.send(request)
    }
}

fn with_reqwest() -> ReqwestTransport {
    ReqwestTransport::new(without_roots()).unwrap()
}

/// Settings that follow redirects, and have no trusted authority.
fn without_roots() -> reqwest::ClientBuilder {
    let (_, authority) = tls_server::config("localhost");
    let tls = tls_server::client_config(&authority);
    let settings = reqwest::Client::builder().redirect(Policy::limited(9));
    settings.tls_backend_preconfigured(tls)
}

fn with_tower() -> impl AsyncTransport {
    let client = HyperClient::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    TowerTransport::new(client)
}

/// Both adapters.
fn each() -> [(&'static str, Boxed); 2] {
    [
        ("reqwest", Box::new(|| Box::new(with_reqwest()))),
        ("tower", Box::new(|| Box::new(with_tower()))),
    ]
}

async fn error_of(url: &str, transport: impl AsyncTransport + 'static) -> Error {
    let token = Credentials::api_token("canary-token");
    let builder = AsyncClient::builder(url, token, KeySource::pem(PEM));
    let connected = builder.attempts(1).transport(transport).connect().await;
    connected.err().unwrap()
}

#[tokio::test]
async fn an_adapter_reads_and_writes() {
    for (name, transport) in each() {
        let world = World::new(|_, _| None);
        let client = builder(&world).transport(Dyn(transport()));
        let client = client.connect().await.unwrap();
        let secrets = client.secrets();
        let value = "v".repeat(100_000);
        secrets.create("a", &value, None).await.unwrap();
        let secret = secrets.get("a").await.unwrap();
        assert_eq!(secret.expose_secret(), value, "{name}");
        secrets.delete("a").await.unwrap();
        let error = secrets.get("a").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name}");
        let reads = world.proxy.log();
        let read = reads.iter().find(|it| it.path == ORG_KEY).unwrap();
        assert_eq!(read.header("content-length"), None, "{name}");
        assert_eq!(read.header("accept-encoding"), None, "{name}");
        assert_eq!(read.header("referer"), None, "{name}");
    }
}

/// A vault that redirects each request to another host, which answers everything.
fn redirecting(status: u16) -> (World, World) {
    let other = World::new(|_, _| Some(answer(200, "{}")));
    let to = format!("Location: {}{ORG_KEY}\r\n", other.proxy.base_url());
    let to: &'static str = to.replace("127.0.0.1", "localhost").leak();
    let world = World::new(move |_, _| Some(Action::Answer(status, to, Vec::new())));
    (world, other)
}

#[tokio::test]
async fn nothing_leaves_for_another_host_after_a_redirect() {
    for status in [301, 302, 303, 307, 308] {
        for (name, transport) in each() {
            let (world, other) = redirecting(status);
            let error = error_of(&world.proxy.base_url(), Dyn(transport())).await;
            assert_eq!(error.status().unwrap(), status, "{name}: {error}");
            assert_eq!(world.proxy.log().len(), 1, "{name}");
            assert!(other.proxy.log().is_empty(), "{name}: {status}");
            // The client secret is in the body of a token request.
            let error = builder(&world).transport(Dyn(transport())).connect().await;
            assert_eq!(error.err().unwrap().status().unwrap(), status, "{name}");
            assert_eq!(world.proxy.count("POST", TOKEN), 1, "{name}");
            assert!(other.proxy.log().is_empty(), "{name}: {status}");
        }
    }
}

/// This is why the constructor for a client of the application has its name.
#[tokio::test]
async fn an_unchecked_client_sends_an_api_token_elsewhere_and_its_answer_is_refused() {
    let (world, other) = redirecting(307);
    let client = without_roots().no_proxy().build().unwrap();
    let transport = ReqwestTransport::danger_redirects_unchecked(client);
    let error = error_of(&world.proxy.base_url(), transport).await;
    let came = other.proxy.log();
    assert_eq!(came[0].header("x-aegis-token"), Some("canary-token"));
    assert_eq!(error.kind(), ErrorKind::Api);
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("followed a redirect"), "{error}");
}

#[tokio::test]
async fn an_adapter_reports_how_far_a_request_came() {
    for (name, transport) in each() {
        let error = error_of(&closed_url(), Dyn(transport())).await;
        assert!(error.is_retryable(), "{name}: {error}");
        assert!(
            error.to_string().contains("nothing was sent"),
            "{name}: {error}"
        );
        assert!(!error.to_string().contains(ORG_KEY), "{name}: {error}");
        for (action, text) in [
            (Action::Close, "broke"),
            (Action::ForwardAndTruncate(90), "broke"),
            (Action::Raw(b"canary\r\n\r\n".to_vec()), "not HTTP"),
        ] {
            let world = World::new(move |_, _| Some(action.clone()));
            let error = error_of(&world.proxy.base_url(), Dyn(transport())).await;
            assert!(error.to_string().contains(text), "{name}: {error}");
            assert!(
                !format!("{error:?}").contains("canary"),
                "{name}: {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_adapter_has_the_limits_of_an_attempt() {
    for (name, transport) in each() {
        let world = World::new(|_, _| Some(Action::Stall(Duration::from_secs(20))));
        let timeouts = Timeouts {
            attempt: Duration::from_millis(300),
            ..Timeouts::default()
        };
        let begun = Instant::now();
        let builder = builder(&world).timeouts(timeouts).attempts(1);
        let connected = builder.transport(Dyn(transport())).connect().await;
        assert!(connected.err().unwrap().is_timeout(), "{name}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{name}");
        for framing in [
            "Content-Length: 70000\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n11170\r\n",
        ] {
            let world = World::new(move |_, _| {
                let head = format!("HTTP/1.1 200 OK\r\n{framing}").into_bytes();
                let raw = [head, vec![b' '; 70000], b"\r\n0\r\n\r\n".to_vec()];
                Some(Action::Raw(raw.concat()))
            });
            let limits = BodyLimits {
                credential: 65536,
                ..BodyLimits::default()
            };
            let builder = super::builder(&world).body_limits(limits);
            let connected = builder.transport(Dyn(transport())).connect().await;
            let error = connected.err().unwrap();
            assert!(error.to_string().contains("larger than"), "{name}: {error}");
        }
    }
}

#[tokio::test]
async fn reqwest_reports_an_untrusted_certificate_as_final() {
    let (port, authority) = tls_server::start();
    let url = format!("https://localhost:{port}");
    let error = error_of(&url, with_reqwest()).await;
    assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
    assert!(!error.is_retryable(), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    let tls = tls_server::client_config(&authority);
    let trusting = reqwest::Client::builder().tls_backend_preconfigured(tls);
    let error = error_of(&url, ReqwestTransport::new(trusting).unwrap()).await;
    assert_eq!(error.status().unwrap(), 404, "{error}");
}

#[tokio::test]
async fn a_service_may_know_how_far_a_request_came() {
    let proxy = |_: Request<Full<Bytes>>| async {
        Err::<Response<Full<Bytes>>, _>(TransportError::new(Failure::Proxy))
    };
    let error = error_of(
        "https://vault.example",
        TowerTransport::new(tower::service_fn(proxy)),
    );
    let error = error.await;
    assert!(error.to_string().contains("proxy"), "{error}");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_service_gets_the_whole_request() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let service = tower::service_fn(move |request: Request<Full<Bytes>>| {
        let line = format!("{} {}", request.method(), request.uri());
        log.lock().unwrap().push(line);
        async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{}")))) }
    });
    error_of("https://vault.example/p", TowerTransport::new(service)).await;
    let line = format!("GET https://vault.example/p{ORG_KEY}");
    assert_eq!(*seen.lock().unwrap(), [line]);
}
