//! Resumption tickets: an access token for a later client.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use helvetisafe::{
    Client, ClientBuilder, Clock, Credentials, ErrorKind, Expiry, KeySource, OrgKeyRotation, Scope,
    Scopes,
};
use helvetisafe_crypto::OrgKey;
use helvetisafe_server::{NewAccount, Vault};
use helvetisafe_test_support::{
    ORG_KEY, PEM, Request, SECRETS, TOKEN, World, answer, credentials, wrapped_for_test_key,
};
use secrecy::ExposeSecret;

/// A clock that stands still at this number of seconds of the calendar until it is set.
#[derive(Clone)]
struct Stopped(Arc<AtomicU64>);

impl Stopped {
    fn at(second: u64) -> Self {
        Self(Arc::new(AtomicU64::new(second)))
    }
}

impl Clock for Stopped {
    fn now(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }

    fn sleep(&self, _: Duration) {}

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.now()
    }
}

const NOON: u64 = 1_800_000_000;

fn ticket(client: &Client) -> String {
    client.resumption_ticket().unwrap().unwrap()
}

fn world() -> World {
    World::new(|_, _| None)
}

/// Connects; returns the number of token requests and the client.
fn connect(world: &World, builder: ClientBuilder) -> (usize, Client) {
    let before = world.proxy.count("POST", TOKEN);
    let client = builder.connect().unwrap();
    client.secrets().list().unwrap();
    (world.proxy.count("POST", TOKEN) - before, client)
}

fn fetched(world: &World, builder: ClientBuilder) -> usize {
    connect(world, builder).0
}

#[test]
fn a_ticket_is_used_until_its_token_is_due_for_renewal() {
    for (life, serves) in [(3600, 3570), (40, 20)] {
        let vault = Vault::builder().token_life(Duration::from_secs(life));
        let world = World::with(vault.start().unwrap(), NewAccount::default(), |_, _| None);
        let at = |second: u64| world.builder().clock(Stopped::at(NOON + second));
        let (count, first) = connect(&world, at(0));
        assert_eq!(count, 1);
        let (count, second) = connect(&world, at(serves - 1).resume(ticket(&first)));
        assert_eq!(count, 0, "{life}");
        for ticket in [ticket(&first), ticket(&second)] {
            assert_eq!(fetched(&world, at(serves - 1).resume(&ticket)), 0, "{life}");
            assert_eq!(fetched(&world, at(serves).resume(&ticket)), 1, "{life}");
        }
    }
}

#[test]
fn a_late_ticket_does_not_extend_its_token() {
    let world = world();
    let clock = Stopped::at(NOON);
    let client = world.builder().clock(clock.clone()).connect().unwrap();
    clock.0.store(NOON + 3000, Ordering::SeqCst);
    let ticket = ticket(&client);
    let at = |second: u64| {
        let clock = Stopped::at(NOON + second);
        world.builder().clock(clock).resume(&ticket)
    };
    assert_eq!(fetched(&world, at(3569)), 0);
    assert_eq!(fetched(&world, at(3570)), 1);
}

#[test]
fn an_expiring_token_is_used_while_no_new_one_is_available() {
    let is_down = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_down);
    let world = World::new(move |seen, _| {
        let fails = flag.load(Ordering::SeqCst) && seen.is("POST", TOKEN);
        fails.then(|| answer(503, ""))
    });
    let at = |second: u64| world.builder().clock(Stopped::at(NOON + second));
    let ticket = ticket(&at(0).connect().unwrap());
    is_down.store(true, Ordering::SeqCst);
    at(3599).resume(&ticket).connect().unwrap();
    let error = at(3600).resume(&ticket).connect().unwrap_err();
    assert!(error.is_retryable(), "{error}");
}

#[test]
fn a_token_issued_in_the_future_is_not_used() {
    let world = world();
    let at = |second: u64| world.builder().clock(Stopped::at(second));
    let first = at(NOON).connect().unwrap();
    assert_eq!(fetched(&world, at(NOON - 1).resume(ticket(&first))), 1);
    assert_eq!(fetched(&world, at(NOON).resume(ticket(&first))), 0);
}

#[test]
fn a_ticket_is_for_one_vault_account_secret_and_set_of_scopes() {
    let world = world();
    let ticket = ticket(&world.client());
    assert_eq!(fetched(&world, world.builder().resume(&ticket)), 0);

    let fewer = Scopes::from([Scope::SecretsList, Scope::CredentialsRead]);
    assert_eq!(
        fetched(&world, world.builder().resume(&ticket).scopes(fewer)),
        1
    );
    let wrong = |id: &str, secret: &str| {
        let credentials = Credentials::service_account(id, secret);
        let error = world
            .builder_for(credentials)
            .resume(&ticket)
            .connect()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
    };
    let secret = world.account.client_secret.expose_secret();
    wrong("another", secret);
    wrong(&world.account.client_id, "another");

    // Another name of the same vault could be another vault.
    let credentials = Credentials::service_account(world.account.client_id.as_str(), secret);
    let direct = Client::builder(world.vault.base_url(), credentials, KeySource::pem(PEM));
    let direct = direct.connect().unwrap().resumption_ticket().unwrap();
    assert_eq!(fetched(&world, world.builder().resume(direct.unwrap())), 1);
}

#[test]
fn a_refused_token_is_replaced_once() {
    let world = world();
    let ticket = ticket(&world.client());
    world.vault.revoke_tokens(&world.account).unwrap();
    assert_eq!(fetched(&world, world.builder().resume(&ticket)), 1);
    assert_eq!(world.proxy.count("GET", SECRETS), 2);

    let world = World::new(|seen, _| seen.is("GET", SECRETS).then(|| answer(401, "")));
    let ticket = self::ticket(&world.client());
    let client = world.builder().resume(&ticket).connect().unwrap();
    let error = client.secrets().list().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(world.proxy.count("POST", TOKEN), 2);
    assert_eq!(world.proxy.count("GET", SECRETS), 2);
}

/// Only the first token may not list.
fn before_a_grant(seen: &Request, before: &[Request]) -> bool {
    let token = |seen: &Request| seen.header("authorization").map(str::to_owned);
    seen.is("GET", SECRETS) && before.iter().find_map(token) == token(seen)
}

#[test]
fn a_token_from_before_a_grant_is_replaced_after_a_403() {
    let world = World::new(|seen, before| before_a_grant(seen, before).then(|| answer(403, "")));
    let at = |second| world.builder().clock(Stopped::at(second));
    let ticket = ticket(&at(NOON).connect().unwrap());
    assert_eq!(fetched(&world, at(NOON + 60).resume(&ticket)), 1);
    assert_eq!(world.proxy.count("GET", SECRETS), 2);
}

#[test]
fn a_403_is_final_for_a_young_token_and_for_the_clients_own() {
    let world = World::new(|seen, _| seen.is("GET", SECRETS).then(|| answer(403, "")));
    let at = |second| world.builder().clock(Stopped::at(second));
    let first = at(NOON).connect().unwrap();
    let young = at(NOON + 59).resume(ticket(&first)).connect().unwrap();
    let old = at(NOON + 60).resume(ticket(&first)).connect().unwrap();
    for (client, tokens, lists) in [
        (first, 1, 1),
        (young, 1, 2),
        (old.clone(), 2, 4),
        (old, 2, 5),
    ] {
        let error = client.secrets().list().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert_eq!(world.proxy.count("POST", TOKEN), tokens);
        assert_eq!(world.proxy.count("GET", SECRETS), lists);
    }
}

/// A working token is used until there is a new one.
#[test]
fn without_a_new_token_a_403_is_returned_and_the_old_token_stays_in_use() {
    let world = World::new(|seen, before| {
        let is_later = seen.is("POST", TOKEN) && before.iter().any(|seen| seen.is("POST", TOKEN));
        let is_refused = before_a_grant(seen, before);
        let status = is_later.then_some(503).or(is_refused.then_some(403))?;
        Some(answer(status, ""))
    });
    let at = |second| world.builder().clock(Stopped::at(second));
    let first = at(NOON).connect().unwrap();
    first.secrets().create("a", "value", None).unwrap();
    let client = at(NOON + 60).resume(ticket(&first)).connect().unwrap();
    for _ in 0..2 {
        let error = client.secrets().list().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
        assert_eq!(client.secrets().get("a").unwrap().expose_secret(), "value");
    }
    assert_eq!(world.proxy.count("POST", TOKEN), 2);
}

#[test]
fn an_invalid_ticket_is_ignored() {
    let world = world();
    let ticket = ticket(&world.client());
    let mut parts: Vec<_> = ticket.split('.').collect();
    assert_eq!(parts.len(), 4);
    let longer = format!("{ticket}.");
    let [last, next] = ["1", "3"].map(|version| ticket.replacen('2', version, 1));
    let half = &ticket[..ticket.len() / 2];
    let mut bad = vec!["", ".", "2", half, &longer, &last, &next];
    parts.swap(1, 2);
    let swapped = parts.join(".");
    parts.swap(1, 2);
    parts[1] = "AAAAAAAAAAAAAAAA";
    let nonce = parts.join(".");
    bad.extend([swapped.as_str(), &nonce]);
    for text in bad {
        assert_eq!(fetched(&world, world.builder().resume(text)), 1, "{text}");
    }
}

/// A vault with a stolen ticket presents its ciphertext as a secret.
#[test]
fn a_ticket_does_not_open_as_a_secret() {
    let given = Arc::new(Mutex::new(None::<String>));
    let body = Arc::clone(&given);
    let world = World::new(move |seen, _| {
        let is_asked = seen.is("GET", &format!("{SECRETS}/a"));
        let body = body.lock().unwrap().clone().filter(|_| is_asked)?;
        Some(answer(200, body))
    });
    let client = world.client();
    let ticket = ticket(&client);
    let parts: Vec<_> = ticket.split('.').collect();
    *given.lock().unwrap() = Some(format!(
        r#"{{"key": "a", "nonce": "{}", "value": "{}"}}"#,
        parts[1], parts[2]
    ));
    let error = client.secrets().get("a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Crypto, "{error}");
    assert!(error.to_string().contains("does not open"), "{error}");
}

#[test]
fn a_password_opens_a_ticket_too() {
    let world = world();
    let builder = || password_builder(&world);
    let (count, client) = connect(&world, builder());
    assert_eq!(count, 1);
    let ticket = ticket(&client);
    assert_eq!(ticket.split('.').count(), 8);
    assert_eq!(fetched(&world, builder().resume(&ticket)), 0);
    // The key may come from another source. A ticket without a key does not open with a password.
    assert_eq!(fetched(&world, world.builder().resume(&ticket)), 0);
    let without = self::ticket(&world.client());
    assert_eq!(fetched(&world, builder().resume(without)), 1);
}

/// The builder of a client whose private key the vault stores.
fn password_builder(world: &World) -> ClientBuilder {
    let credentials = credentials(&world.account);
    let password = KeySource::password(world.account.password.clone());
    Client::builder(world.proxy.base_url(), credentials, password)
}

#[test]
fn the_keys_of_a_ticket_serve_for_reads() {
    let world = world();
    let first = password_builder(&world).connect().unwrap();
    first.secrets().create("a", "value", None).unwrap();
    for builder in [World::builder, password_builder] {
        for prefetch in [&[][..], &["a"]] {
            let before = world.proxy.log().len();
            let builder = builder(&world).resume(ticket(&first));
            let client = builder.prefetch(prefetch).connect().unwrap();
            let connecting = world.proxy.log().len() - before;
            assert_eq!(connecting, prefetch.len(), "the keys are not fetched");
            assert_eq!(client.org_key_fingerprint(), first.org_key_fingerprint());
            assert_eq!(client.secrets().get("a").unwrap().expose_secret(), "value");
            assert_eq!(world.proxy.log().len() - before, 1);
        }
    }
}

#[test]
fn the_first_write_with_a_ticket_compares_the_org_key_once() {
    let world = world();
    let ticket = ticket(&world.client());
    for kind in ["put_many", "update"] {
        let client = world.builder().resume(&ticket).connect().unwrap();
        let before = world.proxy.count("GET", ORG_KEY);
        let names: Vec<_> = (0..20).map(|at| format!("a{at}")).collect();
        let items: Vec<_> = names.iter().map(|name| (name.as_str(), "value")).collect();
        if kind == "put_many" {
            for outcome in client.secrets().put_many(&items) {
                outcome.unwrap();
            }
        }
        client
            .secrets()
            .update("a1", "value", Expiry::Keep)
            .unwrap();
        client.secrets().delete("a1").unwrap();
        client.secrets().create("a1", "value", None).unwrap();
        assert_eq!(world.proxy.count("GET", ORG_KEY) - before, 1, "{kind}");
    }
}

/// A ticket has the org key too, and opens what is sealed under it; it does not say which one is right.
#[test]
fn a_client_with_a_ticket_does_not_seal_under_a_rotated_org_key() {
    let is_rotated = Arc::new(AtomicBool::new(false));
    let (flag, new) = (Arc::clone(&is_rotated), OrgKey::generate().unwrap());
    let rotated = wrapped_for_test_key(&new);
    let world = World::new(move |seen, _| {
        let answers = flag.load(Ordering::SeqCst) && seen.is("GET", ORG_KEY);
        answers.then(|| answer(200, rotated.as_str()))
    });
    let first = world.client();
    first.secrets().create("old", "value", None).unwrap();
    let resumed = || world.builder().resume(ticket(&first));
    is_rotated.store(true, Ordering::SeqCst);
    let writes = |world: &World| {
        let log = world.proxy.log();
        log.iter()
            .filter(|seen| ["PUT", "POST"].contains(&seen.method.as_str()) && seen.path != TOKEN)
            .count()
    };
    let before = writes(&world);

    let (old, new) = (first.org_key_fingerprint(), new.fingerprint());
    let client = resumed().connect().unwrap();
    assert_eq!(client.org_key_fingerprint(), old);
    let secrets = client.secrets();
    assert_eq!(secrets.get("old").unwrap().expose_secret(), "value");
    // Each write compares again, since the vault may return to the other key.
    for _ in 0..2 {
        for error in [
            secrets.update("old", "new", Expiry::Keep).unwrap_err(),
            secrets.create("new", "new", None).unwrap_err(),
            secrets.copy("old", "new").unwrap_err(),
            secrets.put_many([("old", "new")]).remove(0).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::OrgKeyRefused, "{error}");
            assert_eq!(error.refused_org_key(), Some(new));
            assert_eq!(error.accepted_org_keys(), [old]);
            assert!(error.key().is_some());
        }
    }
    let follows = resumed().org_key_rotation(OrgKeyRotation::follow_for_reading());
    let error = follows
        .connect()
        .unwrap()
        .secrets()
        .update("old", "new", Expiry::Keep);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::OrgKeyRefused);
    assert_eq!(writes(&world), before, "nothing is sealed");

    // A key that the application confirms, or has pinned, seals.
    let asks =
        OrgKeyRotation::ask(move |change| change.accepted() == old && change.offered() == new);
    for builder in [
        resumed().org_key_rotation(asks),
        resumed().pin_org_keys([old, new]),
    ] {
        let client = builder.connect().unwrap();
        assert_eq!(client.org_key_fingerprint(), old);
        client.secrets().put("new", "new", None).unwrap();
        assert_eq!(client.org_key_fingerprint(), new);
    }
    assert_eq!(
        world.client().secrets().get("new").unwrap().expose_secret(),
        "new"
    );
}

/// The ticket's org key does not serve if others are pinned.
#[test]
fn a_ticket_with_an_unpinned_org_key_does_not_serve() {
    let world = world();
    let first = world.client();
    let pin = OrgKey::generate().unwrap().fingerprint();
    let before = world.proxy.count("GET", ORG_KEY);
    let builder = world.builder().resume(ticket(&first)).pin_org_key(pin);
    let error = builder.connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OrgKeyRefused);
    assert_eq!(
        world.proxy.count("GET", ORG_KEY) - before,
        1,
        "that of the vault counts"
    );
    let builder = world.builder().resume(ticket(&first));
    builder
        .pin_org_key(first.org_key_fingerprint())
        .connect()
        .unwrap();
    assert_eq!(world.proxy.count("GET", ORG_KEY) - before, 1);
}

#[test]
fn an_api_token_has_no_ticket() {
    let world = world();
    let client = world.builder_for(world.api_token()).connect().unwrap();
    assert_eq!(client.resumption_ticket().unwrap(), None);
    let ticket = ticket(&world.client());
    let builder = world.builder_for(world.api_token()).resume(ticket);
    assert_eq!(fetched(&world, builder), 0);
}

#[test]
fn a_ticket_shows_no_token() {
    let world = world();
    let client = world.client();
    let log = world.proxy.log();
    let token = log.iter().find_map(|seen| seen.header("authorization"));
    let token = token.unwrap().strip_prefix("Bearer ").unwrap();
    let shown = format!("{} {client:?}", ticket(&client));
    assert!(shown.len() > 400 && !shown.contains(token), "{shown}");
    let builder = format!("{:?}", world.builder().resume(ticket(&client)));
    assert!(!builder.contains(token), "{builder}");
}
