//! The default transport: certificates, limits, connections, and custom transports.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use helvetisafe::{
    AsyncClient, BodyLimits, Credentials, ErrorKind, Failure, KeySource, Timeouts, TransportError,
};
use helvetisafe_test_support::{Action, ORG_KEY, PEM, SECRETS, TOKEN, World, tls_server};
use http::{Request, Response};

use super::{builder, client};
use crate::extremes::extremes;

#[tokio::test]
async fn a_certificate_is_trusted_only_with_its_authority() {
    let (port, authority) = tls_server::start();
    let builder = || {
        let url = format!("https://localhost:{port}");
        AsyncClient::builder(url, Credentials::api_token("t"), KeySource::pem(PEM))
    };
    let error = builder().connect().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::Transport, false),
        "{error}"
    );
    let error = builder()
        .ca_certificate(authority)
        .connect()
        .await
        .unwrap_err();
    assert_eq!(error.status().unwrap(), 404, "{error}");
    let error = builder()
        .ca_certificate("no PEM")
        .connect()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_body_past_its_limit_is_refused() {
    for framing in [
        "Content-Length: 70000\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n11170\r\n",
    ] {
        let world = World::new(move |seen, _| {
            let head = format!("HTTP/1.1 200 OK\r\n{framing}");
            let raw = [
                head.into_bytes(),
                vec![b' '; 70000],
                b"\r\n0\r\n\r\n".to_vec(),
            ]
            .concat();
            seen.is("GET", ORG_KEY).then_some(Action::Raw(raw))
        });
        let limits = BodyLimits {
            credential: 65536,
            ..BodyLimits::default()
        };
        let outcome = builder(&world).body_limits(limits).connect().await;
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (ErrorKind::Api, false),
            "{error}"
        );
        assert_eq!(world.proxy.count("GET", ORG_KEY), 1);
    }
}

#[tokio::test]
async fn silence_and_dripping_end_at_their_limits() {
    let timeouts = Timeouts {
        silence: Duration::from_millis(200),
        attempt: Duration::from_millis(700),
        ..Timeouts::default()
    };
    let long = Duration::from_secs(20);
    let drip = (
        b"HTTP/1.1 200 OK\r\n".repeat(1000),
        Duration::from_millis(50),
    );
    for (action, at_least, below) in [
        (Action::Stall(long), 200, 10_000),
        (Action::Drip(drip.0, drip.1), 700, 10_000),
    ] {
        let world = World::new(move |seen, _| seen.is("GET", SECRETS).then(|| action.clone()));
        let client = builder(&world)
            .timeouts(timeouts)
            .attempts(1)
            .connect()
            .await
            .unwrap();
        let begun = Instant::now();
        let error = client.secrets().list().await.unwrap_err();
        let took = begun.elapsed().as_millis();
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (ErrorKind::Transport, true),
            "{error}"
        );
        assert!((at_least..below).contains(&took), "{took} ms");
    }
}

#[tokio::test]
async fn maximum_timeouts_never_expire() {
    let world = World::new(|_, _| None);
    for (name, timeouts) in extremes(Duration::MAX) {
        let client = builder(&world).timeouts(timeouts).connect().await;
        let client = client.unwrap_or_else(|error| panic!("{name}: {error}"));
        client.secrets().put("db", "v", None).await.unwrap();
        let secret = client.secrets().get("db").await.unwrap();
        assert_eq!(secret.expose_secret(), "v");
    }
}

#[tokio::test]
async fn zero_timeouts_fail_each_call() {
    for (name, timeouts) in extremes(Duration::ZERO) {
        let world = World::new(|_, _| None);
        let outcome = builder(&world).timeouts(timeouts).connect().await;
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (ErrorKind::Transport, true),
            "{name}: {error}"
        );
        assert!(world.proxy.log().is_empty(), "{name}: nothing is sent");
    }
}

#[tokio::test]
async fn a_dead_connection_is_replaced_at_once() {
    let world = World::new(|seen, before| {
        let lists = before.iter().filter(|seen| seen.is("GET", SECRETS)).count();
        (seen.is("GET", SECRETS) && lists == 1).then_some(Action::Close)
    });
    let client = builder(&world).attempts(1).connect().await.unwrap();
    client.secrets().list().await.unwrap();
    client.secrets().list().await.unwrap();
    assert_eq!(world.proxy.count("GET", SECRETS), 3);
}

#[tokio::test]
async fn connections_are_reused() {
    let world = World::new(|_, _| None);
    let client = client(&world).await;
    for _ in 0..5 {
        client.secrets().list().await.unwrap();
    }
    let connections = world.proxy.log().iter().map(|seen| seen.connection).max();
    assert_eq!(connections, Some(0));
}

#[tokio::test]
async fn a_closure_is_a_transport() {
    let offline = async |_: Request<Vec<u8>>| -> Result<Response<Vec<u8>>, TransportError> {
        Err(TransportError::new(Failure::Tls))
    };
    let error = AsyncClient::builder(
        "https://vault.example",
        Credentials::api_token("t"),
        KeySource::pem(PEM),
    )
    .transport(offline)
    .connect()
    .await
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
}

#[tokio::test]
async fn a_wrapping_transport_sees_each_request() {
    let world = World::new(|_, _| None);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let client = builder(&world).around_transport(|inner| {
        move |request: Request<Vec<u8>>| {
            log.lock().unwrap().push(request.uri().path().to_owned());
            let inner = Arc::clone(&inner);
            async move { inner.send(request).await }
        }
    });
    client.connect().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [TOKEN, ORG_KEY]);
}
