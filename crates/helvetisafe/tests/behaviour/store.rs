//! The traits that applications depend on: the clients and the store in memory behave alike.

use std::sync::Arc;
use std::time::Duration;

use helvetisafe::load::{self, Load};
use helvetisafe::{
    CachePolicy, Error, ErrorKind, Expiry, ExposeSecret, MemoryStore, SecretStore, SecretString,
    Timestamp,
};
use helvetisafe_test_support::World;

const HOUR: Expiry = Expiry::In(Duration::from_secs(3600));

fn kind<T>(outcome: Result<T, Error>) -> (ErrorKind, Option<u16>) {
    let error = outcome.err().unwrap();
    (error.kind(), error.status().map(|status| status.as_u16()))
}

/// Uses a store as an application does.
fn use_all(store: &dyn SecretStore) {
    store.create("a", "one", HOUR).unwrap();
    assert_eq!(
        kind(store.create("a", "two", Expiry::Keep)),
        (ErrorKind::Conflict, Some(409))
    );
    assert_eq!(store.get("a").unwrap().expose_secret(), "one");
    assert!(store.get("a").unwrap().is_bound());
    store.update("a", "two", Expiry::Keep).unwrap();
    assert!(store.get("a").unwrap().expires_at().is_some());
    let before = store.get("a").unwrap();
    let written = store.put("a", "three", Expiry::Never).unwrap();
    assert!(!written.is_created());
    let after = store.get("a").unwrap();
    assert_eq!(after.expires_at(), None);
    assert_eq!(after.version(), written.metadata().version());
    assert_ne!(after.version(), before.version());
    assert!(after.updated_at() >= before.updated_at() && before.updated_at().is_some());
    let written = store.put("b", "new", Expiry::Keep).unwrap();
    assert!(written.is_created());
    let read = store.get("b").unwrap();
    let version = read.version();
    let update = |value| store.update_if_unchanged("b", version, value, Expiry::Keep);
    assert_ne!(update("newer").unwrap().version(), version);
    assert_eq!(kind(update("newest")), (ErrorKind::Changed, Some(412)));
    assert_eq!(store.get("b").unwrap().expose_secret(), "newer");
    assert_eq!(
        kind(store.update_if_unchanged("b", None, "v", Expiry::Keep)),
        (ErrorKind::Unsupported, None)
    );
    let past = Expiry::At(Timestamp::UNIX_EPOCH);
    let refused = (ErrorKind::Config, None);
    assert_eq!(kind(store.put("b", "new", past)), refused);
    assert_eq!(kind(store.create("new", "new", past)), refused);
    let large = "x".repeat(3_000_000);
    assert_eq!(kind(store.put("b", &large, Expiry::Keep)), refused);

    let absent = (ErrorKind::NotFound, Some(404));
    assert_eq!(kind(store.get("c")), absent);
    assert_eq!(kind(store.update("c", "v", Expiry::Keep)), absent);
    assert_eq!(kind(store.delete("c")), absent);
    assert!(!store.exists("c").unwrap());
    assert_eq!(kind(store.get("no name")), (ErrorKind::Config, None));

    assert_eq!(
        kind(store.update_field("c", "user", "app", Expiry::Keep)),
        absent
    );
    store.set_field("c", "user", "app", Expiry::Keep).unwrap();
    // As a client refuses it: it may be another secret's.
    assert_eq!(kind(store.get("c")), (ErrorKind::Crypto, None));
    assert_eq!(store.get_field("c", "user").unwrap().expose_secret(), "app");
    // Likewise before it writes the one field again beside another.
    let other = store.set_field("c", "pass", "word", Expiry::Keep);
    assert_eq!(kind(other), (ErrorKind::Crypto, None));
    store.delete("c").unwrap();
    let fields = [("user", "app"), ("pass", "old")];
    store.create_fields("c", &fields, Expiry::Keep).unwrap();
    store
        .update_field("c", "pass", "word", Expiry::Keep)
        .unwrap();
    store.set_field("c", "user", "app", Expiry::Keep).unwrap();
    assert_eq!(store.get("c").unwrap().fields().len(), 2);
    assert_eq!(
        kind(store.get_field("c", "none")),
        (ErrorKind::NotFound, None)
    );
    assert_eq!(
        kind(store.set_field("a", "user", "v", Expiry::Keep)),
        (ErrorKind::Conflict, None)
    );
    assert_eq!(
        kind(store.update_field("a", "user", "v", Expiry::Keep)),
        (ErrorKind::Conflict, None)
    );
    assert_eq!(
        kind(store.create_fields("d", &[("d", "v")], Expiry::Keep)),
        (ErrorKind::Config, None)
    );
    assert_eq!(
        kind(store.set_field("c", "c", "v", Expiry::Keep)),
        (ErrorKind::Config, None)
    );
    let many = store.get_many_with_fields(&[("a", vec![]), ("d", vec![])]);
    assert!(many[0].is_ok() && many[1].is_err());
    let listed = store.list().unwrap();
    let names: Vec<_> = listed.iter().map(|it| it.key().to_string()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert!(listed.iter().all(|it| it.created_at().is_some()));

    let wanted = (load::text("a"), load::text("c").field("pass"));
    let loaded = wanted.load_from(store).unwrap();
    assert_eq!(loaded, ("three".to_owned(), "word".to_owned()));
    store.delete("a").unwrap();
    assert_eq!(kind(store.get("a")), absent);
}

#[test]
fn a_client_and_a_store_in_memory_behave_alike() {
    use_all(&MemoryStore::new());
    let shared: Arc<dyn SecretStore> = Arc::new(MemoryStore::new());
    use_all(&shared);
    let world = World::new(|_, _| None);
    use_all(&world.builder_on_the_real_clock().connect().unwrap());
}

#[test]
fn a_store_in_memory_fails_as_asked() {
    let store = MemoryStore::from([("a", "s3cr3t")]);
    let kinds = [
        ErrorKind::Auth,
        ErrorKind::Forbidden,
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::Changed,
        ErrorKind::Unsupported,
        ErrorKind::RateLimited,
        ErrorKind::Api,
        ErrorKind::Crypto,
        ErrorKind::OrgKeyRefused,
        ErrorKind::Transport,
        ErrorKind::Ambiguous,
        ErrorKind::Config,
        ErrorKind::Value,
    ];
    for kind in kinds {
        store.fail_next(kind);
    }
    for kind in kinds {
        assert_eq!(store.get("a").unwrap_err().kind(), kind);
    }
    assert_eq!(store.get("a").unwrap().expose_secret(), "s3cr3t");
    store.fail_next(ErrorKind::Ambiguous);
    assert!(store.put("a", "new", Expiry::Keep).is_err());
    assert_eq!(store.get("a").unwrap().expose_secret(), "s3cr3t");
    assert!(!format!("{store:?}").contains("s3cr3t"));
}

#[test]
fn an_expired_secret_is_gone_from_a_store_in_memory() {
    let store = MemoryStore::new();
    let soon = Expiry::In(Duration::from_millis(30));
    store.create("a", "v", soon).unwrap();
    assert!(store.exists("a").unwrap());
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(store.get("a").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(store.list().unwrap().is_empty());
    store.put("a", "w", Expiry::Keep).unwrap();
}

/// Both traits are in scope, as after `use helvetisafe::*`.
#[test]
fn a_store_in_memory_is_used_without_a_trait() {
    #[allow(unused_imports, reason = "so that a call could mean either")]
    use helvetisafe::AsyncSecretStore;

    let store = MemoryStore::new();
    let fields = [("port", 587), ("retries", 3)];
    store
        .create("a", SecretString::from("one"), Duration::from_secs(60))
        .unwrap();
    store.update("a", "two", None).unwrap();
    let version = store.get("a").unwrap().version().cloned();
    store
        .update_if_unchanged("a", version.as_ref(), "three", None)
        .unwrap();
    assert!(!store.put("a", "four", Expiry::Never).unwrap().is_created());
    store.create_fields("b", &fields, None).unwrap();
    store.set_field("b", "tls", true, None).unwrap();
    store.update_field("b", "port", 25, None).unwrap();
    assert_eq!(store.get_field("b", "port").unwrap().expose_secret(), "25");
    let read = store.get_with_fields("b", &["tls"]).unwrap();
    assert_eq!(
        read.expose_secret(),
        r#"{"port":25,"retries":3,"tls":true}"#
    );
    assert!(store.exists("a").unwrap());
    assert_eq!(store.list().unwrap().len(), 2);
    store.delete("a").unwrap();
    assert!(!store.clone().exists("a").unwrap());
}

/// The expiry that a write returns, that of the secret, and that in the list.
fn expiries(store: &dyn SecretStore, expiry: Expiry) -> [Option<Timestamp>; 3] {
    let written = store.put("far", "v", expiry).unwrap();
    let read = store.get("far").unwrap();
    let listed = store.list().unwrap().pop().unwrap();
    [
        written.metadata().expires_at(),
        read.expires_at(),
        listed.expires_at(),
    ]
}

#[test]
fn an_expiry_has_microseconds_everywhere() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let cached = world
        .builder()
        .cache(CachePolicy::new(Duration::from_secs(60)))
        .connect()
        .unwrap();
    let memory = MemoryStore::new();
    let latest = "9999-12-30T22:00:00.999999Z";
    for (expiry, expected) in [
        (Expiry::At(Timestamp::MAX), latest),
        (Expiry::In(Duration::MAX), latest),
        (
            Expiry::At("9000-01-01T00:00:00.123456789Z".parse().unwrap()),
            "9000-01-01T00:00:00.123456Z",
        ),
    ] {
        let expected = [Some(expected.parse().unwrap()); 3];
        for store in [&client as &dyn SecretStore, &cached, &memory] {
            assert_eq!(expiries(store, expiry), expected, "{expiry:?}");
        }
    }
}
