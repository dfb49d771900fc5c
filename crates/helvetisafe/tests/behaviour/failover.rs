//! Further addresses of one vault: two proxies in front of it, of which the first one fails. Each with both clients.

use helvetisafe::{AsyncClient, Client, Credentials, ErrorKind, KeySource};
use helvetisafe_test_support::server::closed_url;
use helvetisafe_test_support::{
    Action, AnyClient, ORG_KEY, PEM, Proxy, Request, SECRETS, TOKEN, TokioClient, World, answer,
    credentials, tls_server,
};
use http::{HeaderName, HeaderValue};

const KEY: &str = "/api/v1/secrets/a";

/// A vault with two addresses.
struct Addresses {
    world: World,
    second: Proxy,
}

impl Addresses {
    fn new(
        script: impl Fn(&Request, &[Request]) -> Option<Action> + Send + Sync + 'static,
    ) -> Self {
        let world = World::new(script);
        let second = Proxy::start(world.vault.address(), |_, _| Action::Forward);
        Self { world, second }
    }

    /// The clients of both kinds, with `first` or the world's own address as the first one.
    fn clients(&self, first: Option<&str>) -> [Box<dyn AnyClient>; 2] {
        let own = self.world.proxy.base_url();
        let first = first.unwrap_or(&own);
        let second = self.second.base_url();
        let credentials = || credentials(&self.world.account);
        let blocking = Client::builder(first, credentials(), KeySource::pem(PEM));
        let blocking = blocking.failover(&second).connect();
        let other = AsyncClient::builder(first, credentials(), KeySource::pem(PEM));
        let other = TokioClient::connect(other.failover(&second));
        [Box::new(blocking.unwrap()), Box::new(other.unwrap())]
    }

    fn counts(&self, method: &str, path: &str) -> [usize; 2] {
        [&self.world.proxy, &self.second].map(|it| it.count(method, path))
    }
}

#[test]
fn a_vault_that_cannot_be_reached_is_reached_at_its_next_address() {
    let vault = Addresses::new(|_, _| None);
    for (at, client) in vault.clients(Some(&closed_url())).into_iter().enumerate() {
        let key = format!("a{at}");
        client.create(&key, "v").unwrap();
        assert_eq!(client.get(&key).unwrap().expose_secret(), "v");
    }
    assert!(vault.world.proxy.log().is_empty());
    assert_eq!(vault.counts("GET", ORG_KEY), [0, 2]);
}

#[test]
fn a_read_moves_after_an_outage_and_later_calls_follow() {
    let outages = [
        Action::Close,
        answer(500, ""),
        Action::Answer(503, "Retry-After: 20\r\n", Vec::new()),
    ];
    for outage in outages {
        let vault = Addresses::new(move |request, _| {
            (request.is("GET", KEY) || request.is("GET", SECRETS)).then(|| outage.clone())
        });
        vault
            .world
            .client()
            .secrets()
            .create("a", "v", None)
            .unwrap();
        for client in vault.clients(None) {
            let before = vault.counts("GET", KEY);
            assert_eq!(client.get("a").unwrap().expose_secret(), "v");
            let first = vault.counts("GET", KEY);
            // A connection that breaks may have been idle for too long, and is replaced once.
            assert!((1..=2).contains(&(first[0] - before[0])));
            assert_eq!(first[1] - before[1], 1);
            client.get("a").unwrap();
            client.list().unwrap();
            assert_eq!(vault.counts("GET", KEY), [first[0], first[1] + 1]);
        }
        assert_eq!(vault.counts("GET", SECRETS), [0, 2]);
    }
}

#[test]
fn a_write_that_may_have_happened_stays_at_its_address() {
    for (outage, kind) in [
        (Action::ForwardAndClose, ErrorKind::Ambiguous),
        (Action::ForwardAndAnswer(500), ErrorKind::Api),
    ] {
        let vault = Addresses::new(move |request, _| {
            matches!(request.method.as_str(), "POST" | "PUT" | "DELETE")
                .then_some(())
                .filter(|()| request.path != TOKEN)
                .map(|()| outage.clone())
        });
        let client = Client::builder(
            vault.second.base_url(),
            credentials(&vault.world.account),
            KeySource::pem(PEM),
        );
        client
            .connect()
            .unwrap()
            .secrets()
            .create("a", "v", None)
            .unwrap();
        for client in vault.clients(None) {
            let before = vault.counts("PUT", KEY);
            let error = client.update("a", "w").unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(vault.counts("PUT", KEY)[0] > before[0] + 1);
            client.delete("a").unwrap_err();
        }
        let log = vault.second.log();
        let writes = log
            .iter()
            .filter(|it| it.method != "GET" && it.path != TOKEN);
        assert_eq!(writes.count(), 1, "its own create alone");
    }
}

/// The vault finds out that the attempts are one write, also at another address.
#[test]
fn the_attempts_of_a_write_share_an_idempotency_key() {
    let is_down = |request: &Request, before: &[Request]| {
        let has_failed = |it: &&Request| it.is(&request.method, &request.path);
        request.path.starts_with(SECRETS)
            && request.method != "GET"
            && before.iter().filter(has_failed).count() < 2
    };
    let vault = Addresses::new(move |request, before| {
        is_down(request, before).then(|| Action::Answer(503, "Retry-After: 0\r\n", Vec::new()))
    });
    let constant = HeaderValue::from_static("\"of the application\"");
    let builder = vault.world.builder().attempts(4);
    let client = builder
        .header(HeaderName::from_static("idempotency-key"), constant)
        .connect()
        .unwrap();
    let secrets = client.secrets();
    secrets.create("a", "v", None).unwrap();
    secrets.update("a", "w", None).unwrap();
    secrets.update("a", "w", None).unwrap();
    secrets.delete("a").unwrap();

    let log = vault.world.proxy.log();
    let of = |method: &str, path: &str| -> Vec<_> {
        let calls = log.iter().filter(|it| it.is(method, path));
        calls
            .map(|it| it.header("idempotency-key").unwrap().to_owned())
            .collect()
    };
    let (creates, updates, deletes) = (of("POST", SECRETS), of("PUT", KEY), of("DELETE", KEY));
    assert_eq!([creates.len(), updates.len(), deletes.len()], [3, 4, 3]);
    let mut keys = [creates, updates, deletes].concat();
    keys.dedup();
    assert_eq!(keys.len(), 4, "one for each of the four writes: {keys:?}");
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4, "{keys:?}");
    for key in &keys {
        assert!(
            key.len() == 34 && key.starts_with('"') && key.ends_with('"'),
            "{key}"
        );
    }
}

#[test]
fn refusals_and_rate_limits_are_final_at_the_first_address() {
    for status in [400, 404, 429] {
        let vault =
            Addresses::new(move |request, _| request.is("GET", KEY).then(|| answer(status, "")));
        for client in vault.clients(None) {
            client.get("a").unwrap_err();
        }
        assert_eq!(vault.second.log().len(), 0, "{status}");
    }
}

#[test]
fn each_address_has_its_own_certificate() {
    let (port, authority) = tls_server::start();
    let first = closed_url();
    let url = format!("https://localhost:{port}");
    let token = || Credentials::api_token("t");
    let trusted = Client::builder(&first, token(), KeySource::pem(PEM));
    let trusted = trusted
        .failover(&url)
        .trust_only(authority.as_str())
        .connect();
    assert_eq!(trusted.err().unwrap().status().unwrap(), 404);
    let (_, other) = tls_server::config("localhost");
    let untrusted = AsyncClient::builder(&first, token(), KeySource::pem(PEM));
    let untrusted = TokioClient::connect(untrusted.failover(&url).trust_only(other));
    let error = untrusted.err().unwrap();
    assert!(error.to_string().contains("certificate"), "{error}");
    assert!(!error.is_retryable());
}

#[test]
fn an_address_that_is_no_base_url_is_refused() {
    let builder = Client::builder(
        "https://vault.example",
        Credentials::api_token("t"),
        KeySource::pem(PEM),
    );
    let error = builder
        .failover("http://vault.example")
        .connect()
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
}

#[test]
fn a_ticket_belongs_to_the_first_address() {
    let vault = Addresses::new(|_, _| None);
    let second = vault.second.base_url();
    let ticket = vault.world.client().resumption_ticket().unwrap().unwrap();
    let builder = || vault.world.builder().resume(ticket.clone());
    builder().failover(&second).connect().unwrap();
    assert_eq!(vault.counts("POST", TOKEN), [1, 0]);
    let reversed = Client::builder(
        &second,
        credentials(&vault.world.account),
        KeySource::pem(PEM),
    );
    let reversed = reversed
        .failover(vault.world.proxy.base_url())
        .resume(ticket.clone());
    reversed.clock(vault.world.clock.clone()).connect().unwrap();
    assert_eq!(vault.counts("POST", TOKEN), [1, 1]);
}

#[test]
fn an_error_counts_the_addresses_that_were_tried() {
    let vault = Addresses::new(|request, _| request.is("GET", KEY).then(|| answer(404, "")));
    for client in vault.clients(None) {
        let error = client.get("a").unwrap_err().to_string();
        assert!(!error.contains("tried"), "{error}");
    }
    for down in [Action::Close, answer(500, "")] {
        let is_read = |request: &Request| request.is("GET", KEY);
        let (first, second) = (down.clone(), down);
        let world = World::new(move |request, _| is_read(request).then(|| first.clone()));
        let other = Proxy::start(world.vault.address(), move |request, _| {
            match is_read(request) {
                true => second.clone(),
                false => Action::Forward,
            }
        });
        let vault = Addresses {
            world,
            second: other,
        };
        for client in vault.clients(None) {
            let error = client.get("a").unwrap_err();
            assert!(error.is_retryable(), "{error}");
            for text in [error.to_string(), error.without_advice()] {
                assert!(
                    text.contains("; 2 addresses of the vault were tried"),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn a_wrong_failover_url_is_named_by_its_number_alone() {
    let client = Client::builder(
        "https://vault.example",
        Credentials::api_token("t"),
        KeySource::pem(PEM),
    );
    let client = client.failover("https://vault-2.example");
    let error = client.failover("canary").connect().err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    let expected = "the failover URL 2 is not a URL such as https://vault.example";
    assert!(
        text.contains(expected) && !text.contains("canary"),
        "{text}"
    );
}
