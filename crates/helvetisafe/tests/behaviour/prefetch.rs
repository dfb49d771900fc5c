//! The calls of `connect` at the same time, and secrets that are fetched with them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use helvetisafe::{
    CachePolicy, CallOptions, Client, ClientBuilder, Credentials, ErrorKind, Expiry, KeySource,
};
use helvetisafe_test_support::server::{End, Reply, serve};
use helvetisafe_test_support::{
    Action, AnyClient, ClientKind, ORG_KEY, PEM, TOKEN, World, answer, credentials, tls_server,
};
use rustls::{ServerConnection, StreamOwned};

const SECRET: &str = "/api/v1/secrets/a";

/// Connects a client of either kind that prefetches the secret `a`.
fn connect(
    kind: ClientKind,
    url: &str,
    credentials: Credentials,
    key: KeySource,
    authority: Option<&str>,
) -> Box<dyn AnyClient> {
    fn set<P>(builder: ClientBuilder<P>, authority: Option<&str>) -> ClientBuilder<P> {
        let builder = builder.prefetch(["a", "not a name", "a"]).attempts(1);
        match authority {
            Some(pem) => builder.ca_certificate(pem),
            None => builder,
        }
    }
    match kind {
        ClientKind::Blocking => {
            let builder = Client::builder(url, credentials, key);
            Box::new(set(builder, authority).connect().unwrap())
        }
        #[cfg(feature = "async")]
        ClientKind::Async => {
            let builder = helvetisafe::AsyncClient::builder(url, credentials, key);
            let client = helvetisafe_test_support::TokioClient::connect(set(builder, authority));
            Box::new(client.unwrap())
        }
    }
}

/// A world with the secret `a`.
fn world() -> World {
    let world = World::new(|_, _| None);
    world.client().secrets().create("a", "value", None).unwrap();
    world
}

/// Starts a proxy that answers no call of `together` before all of them have arrived. Returns its URL and the
/// paths of all requests.
fn meeting(world: &World, together: &[&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let (vault, barrier) = (world.vault.address(), Barrier::new(together.len()));
    let together = together.to_vec();
    let paths = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&paths);
    let address = serve(move |request| {
        log.lock().unwrap().push(request.path.clone());
        if together.contains(&&*request.path) {
            barrier.wait();
        }
        Reply::new(request.forward(vault), End::KeepOpen)
    });
    (format!("http://{address}"), paths)
}

/// With a password, the secret follows while the private key is unlocked.
#[test]
fn the_first_calls_are_in_flight_at_the_same_time() {
    const PRIVATE_KEY: &str = "/api/v1/credentials/private-key";
    let world = world();
    let password = || KeySource::password(world.account.password.clone());
    let service = || credentials(&world.account);
    for &kind in ClientKind::ALL {
        for (credentials, key, together, others) in [
            (
                service(),
                KeySource::pem(PEM),
                [SECRET, ORG_KEY],
                [TOKEN].as_slice(),
            ),
            (
                world.api_token(),
                KeySource::pem(PEM),
                [SECRET, ORG_KEY],
                &[],
            ),
            (
                service(),
                password(),
                [PRIVATE_KEY, ORG_KEY],
                &[SECRET, TOKEN],
            ),
        ] {
            let (url, paths) = meeting(&world, &together);
            let client = connect(kind, &url, credentials, key, None);
            let value = client.get("a").unwrap();
            assert_eq!(value.expose_secret(), "value", "{kind:?}");
            let mut paths = paths.lock().unwrap().clone();
            let mut expected = [&together, others].concat();
            paths.sort();
            expected.sort();
            assert_eq!(paths, expected, "{kind:?}");
        }
    }
}

#[test]
fn a_prefetched_secret_serves_one_read() {
    let world = world();
    for &kind in ClientKind::ALL {
        let before = world.proxy.count("GET", SECRET);
        let url = world.proxy.base_url();
        let client = connect(
            kind,
            &url,
            credentials(&world.account),
            KeySource::pem(PEM),
            None,
        );
        for reads in [1, 1, 2, 3] {
            assert_eq!(world.proxy.count("GET", SECRET) - before, reads, "{kind:?}");
            assert_eq!(client.get("a").unwrap().expose_secret(), "value");
        }
    }
}

#[test]
fn a_prefetched_secret_is_dropped_by_a_write_and_an_invalidation_and_after_ten_seconds() {
    let world = world();
    let connect = || world.builder().prefetch(["a"]).connect().unwrap();
    let reads = |client: &Client| {
        let before = world.proxy.count("GET", SECRET);
        let value = client.secrets().get("a").unwrap();
        (
            world.proxy.count("GET", SECRET) - before,
            value.expose_secret().to_owned(),
        )
    };
    assert_eq!(reads(&connect()), (0, "value".into()));

    let client = connect();
    client.secrets().update("a", "new", Expiry::Keep).unwrap();
    assert_eq!(reads(&client), (1, "new".into()));
    for invalidate in [
        |client: &Client| client.secrets().invalidate("a"),
        |client: &Client| client.secrets().invalidate_all(),
    ] {
        let client = connect();
        invalidate(&client);
        assert_eq!(reads(&client), (1, "new".into()));
    }
    for (age, expected) in [(9, 0), (10, 1)] {
        let client = connect();
        world.clock.advance(Duration::from_secs(age));
        assert_eq!(reads(&client), (expected, "new".into()), "{age} s");
    }
    let client = connect();
    client.secrets().delete("a").unwrap();
    let error = client.secrets().get("a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_prefetched_secret_fills_the_cache() {
    let world = world();
    let policy = CachePolicy::new(Duration::from_secs(60));
    let client = world.builder().cache(policy).prefetch(["a"]).connect();
    let client = client.unwrap();
    let before = world.proxy.count("GET", SECRET);
    client.secrets().get("a").unwrap();
    client.secrets().get("a").unwrap();
    assert_eq!(world.proxy.count("GET", SECRET), before);
}

/// Such a read is for the newest value, which the prefetched one need not be.
#[test]
fn a_read_past_the_cache_asks_the_vault() {
    let world = world();
    for cache in [None, Some(CachePolicy::new(Duration::from_secs(60)))] {
        let builder = world.builder().prefetch(["a"]);
        let builder = match cache {
            Some(policy) => builder.cache(policy),
            None => builder,
        };
        let client = builder.connect().unwrap();
        let before = world.proxy.count("GET", SECRET);
        let options = CallOptions::new().bypass_cache();
        client.secrets().with(options).get("a").unwrap();
        assert_eq!(world.proxy.count("GET", SECRET), before + 1);
    }
}

#[test]
fn a_failing_prefetch_does_not_fail_connect() {
    for (failure, is_repeated, kind) in [
        (
            answer(404, r#"{"error":"not found"}"#),
            false,
            Some(ErrorKind::NotFound),
        ),
        (answer(403, ""), false, Some(ErrorKind::Forbidden)),
        (answer(503, ""), true, None),
        (Action::Close, true, None),
        (
            Action::Raw(b"nonsense".to_vec()),
            false,
            Some(ErrorKind::Api),
        ),
    ] {
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        let shown = failure.clone();
        let world = World::new(move |request, _| {
            let is_first = request.is("GET", SECRET) && count.fetch_add(1, Ordering::SeqCst) == 0;
            is_first.then(|| shown.clone())
        });
        world.client().secrets().create("a", "value", None).unwrap();
        let client = world.builder().prefetch(["a"]).connect().unwrap();
        let prefetches = seen.load(Ordering::SeqCst);
        // A request that was sent on a connection of an earlier one is repeated at once, uncounted.
        let is_closed = matches!(failure, Action::Close);
        assert!(prefetches == 1 || is_closed, "{kind:?}");
        let read = client.secrets().get("a");
        assert_eq!(read.as_ref().err().map(helvetisafe::Error::kind), kind);
        let repeated = seen.load(Ordering::SeqCst) - 1;
        assert_eq!(repeated, usize::from(is_repeated), "{kind:?}");
        assert_eq!(client.secrets().get("a").unwrap().expose_secret(), "value");
    }
}

/// A vault with another org key than the pinned one gets nothing opened.
#[test]
fn nothing_is_opened_under_a_refused_org_key() {
    let world = world();
    let other = helvetisafe_crypto::OrgKey::generate()
        .unwrap()
        .fingerprint();
    let builder = world.builder().prefetch(["a"]).pin_org_key(other);
    let error = builder.connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OrgKeyRefused);
}

/// The handshake of the second connection runs while the token is fetched on the first. A password needs no third
/// one.
#[test]
fn connections_are_opened_together() {
    let world = world();
    for &kind in ClientKind::ALL {
        let password = KeySource::password(world.account.password.clone());
        for key in [KeySource::pem(PEM), password] {
            let (url, authority, opened) = over_tls(world.vault.address());
            let client = connect(
                kind,
                &url,
                credentials(&world.account),
                key,
                Some(&authority),
            );
            assert_eq!(client.get("a").unwrap().expose_secret(), "value");
            assert_eq!(
                opened.load(Ordering::SeqCst),
                2,
                "{kind:?}: and no other is opened"
            );
        }
    }
}

/// Serves the vault over TLS. Returns the URL, the authority as PEM, and the number of opened connections.
fn over_tls(vault: SocketAddr) -> (String, String, Arc<AtomicUsize>) {
    let (config, authority) = tls_server::config("127.0.0.1");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let stream = StreamOwned::new(connection, stream.unwrap());
            let opened = Arc::clone(&count);
            thread::spawn(move || converse(stream, vault, &opened));
        }
    });
    (url, authority, opened)
}

/// Answers the requests of one TLS connection from the vault. A token is issued only when a second connection
/// is open.
fn converse(
    mut stream: StreamOwned<ServerConnection, TcpStream>,
    vault: SocketAddr,
    opened: &AtomicUsize,
) {
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).unwrap();
    }
    opened.fetch_add(1, Ordering::SeqCst);
    let (mut request, mut buffer) = (String::new(), [0; 4096]);
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        request.push_str(str::from_utf8(&buffer[..length]).unwrap());
        if !is_whole(&request) {
            continue;
        }
        while request.starts_with("POST") && opened.load(Ordering::SeqCst) < 2 {
            thread::sleep(Duration::from_millis(1));
        }
        let closing = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        let mut upstream = TcpStream::connect(vault).unwrap();
        upstream.write_all(closing.as_bytes()).unwrap();
        let mut answer = String::new();
        upstream.read_to_string(&mut answer).unwrap();
        let answer = answer.replace("connection: close\r\n", "");
        stream.write_all(answer.as_bytes()).unwrap();
        request.clear();
    }
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let length = |line: &str| {
        line.to_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    };
    body.len() >= head.lines().find_map(length).unwrap_or(0)
}
