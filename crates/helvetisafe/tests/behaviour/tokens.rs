//! Token requests: their time, and the thread that sends them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use helvetisafe::{ErrorKind, Event, Scope, Scopes, Timeouts};
use helvetisafe_server::{NewAccount, Vault};
use helvetisafe_test_support::{Action, SECRETS, TOKEN, World, answer, earlier};

const DB: &str = "/api/v1/secrets/db";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_token_is_fetched_once_and_renewed_30_seconds_before_its_end() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let list = || client.secrets().list().unwrap();
    list();
    world.clock.advance(seconds(3569));
    list();
    assert_eq!(world.proxy.count("POST", TOKEN), 1);
    world.clock.advance(seconds(1));
    list();
    assert_eq!(world.proxy.count("POST", TOKEN), 2);
}

#[test]
fn a_token_of_a_minute_or_less_is_renewed_at_half_its_life() {
    let vault = Vault::builder().token_life(seconds(40)).start().unwrap();
    let world = World::with(vault, NewAccount::default(), |_, _| None);
    let client = world.client();
    world.clock.advance(seconds(19));
    client.secrets().list().unwrap();
    assert_eq!(world.proxy.count("POST", TOKEN), 1);
    world.clock.advance(seconds(1));
    client.secrets().list().unwrap();
    assert_eq!(world.proxy.count("POST", TOKEN), 2);
}

#[test]
fn the_configured_scopes_are_requested() {
    let world = World::new(|_, _| None);
    let scopes = [Scope::CredentialsRead, Scope::SecretsRead];
    let client = world
        .builder()
        .scopes(Scopes::from(scopes))
        .connect()
        .unwrap();
    let body = String::from_utf8(world.proxy.log().remove(0).body).unwrap();
    assert!(
        body.ends_with("&scope=secrets%3Aread+credentials%3Aread"),
        "{body}"
    );

    let error = client.secrets().create("db", "v", None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert_eq!(error.missing_scope(), Some(Scope::SecretsWrite));
    assert!(
        error.to_string().contains("needs the scope secrets:write"),
        "{error}"
    );
}

#[test]
fn scopes_that_the_client_does_not_know_are_requested_as_text() {
    let world = World::new(|_, _| None);
    // This vault grants the one that it knows.
    let _ = world
        .builder()
        .scopes_text("secrets:read audit:read")
        .connect();
    let body = String::from_utf8(world.proxy.log().remove(0).body).unwrap();
    assert!(
        body.ends_with("&scope=secrets%3Aread+audit%3Aread"),
        "{body}"
    );
    let sent = world.proxy.log().len();
    for invalid in [
        "two  spaces",
        " first",
        "last ",
        "line\nbreak",
        "qu\"ote",
        "ü",
    ] {
        let refused = world.builder().scopes_text(invalid).connect();
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
    assert_eq!(world.proxy.log().len(), sent, "nothing was sent");
}

#[test]
fn a_refused_client_is_an_authentication_error_and_not_tried_again() {
    let world = World::new(|_, _| None);
    let wrong = helvetisafe::Credentials::service_account(
        world.account.client_id.as_str(),
        "canary-wrong-secret",
    );
    let error = world.builder_for(wrong).connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(error.to_string().contains("invalid_client"), "{error}");
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    assert_eq!(world.proxy.log().len(), 1);
}

#[test]
fn a_rate_limited_token_endpoint_is_a_rate_limit() {
    let world = World::new(|seen, _| seen.is("POST", TOKEN).then(|| answer(429, "")));
    let error = world.builder().connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(world.proxy.count("POST", TOKEN), 3);
}

#[test]
fn a_401_causes_one_new_token_and_one_replay() {
    let world = World::new(|_, _| None);
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    world.vault.revoke_tokens(&world.account).unwrap();
    client.secrets().get("db").unwrap();
    assert_eq!(world.proxy.count("POST", TOKEN), 2);
    assert_eq!(world.proxy.count("GET", DB), 2);

    let world = World::new(|seen, _| seen.is("GET", DB).then(|| answer(401, "")));
    let error = world.client().secrets().get("db").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(
        world.proxy.count("POST", TOKEN),
        2,
        "one for connecting, one for the 401"
    );
    assert_eq!(world.proxy.count("GET", DB), 2, "once, and one replay");
}

#[test]
fn a_write_that_was_refused_with_401_is_replayed_too() {
    let world = World::new(|_, _| None);
    let client = world.client();
    world.vault.revoke_tokens(&world.account).unwrap();
    client.secrets().create("db", "v", None).unwrap();
    assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "v");
}

#[test]
fn a_renewal_serves_all_waiters() {
    let world = World::new(|seen, _| {
        // A slow token endpoint, so that the threads overlap.
        if seen.is("POST", TOKEN) {
            thread::sleep(Duration::from_millis(100));
        }
        None
    });
    let client = world.client();
    world.clock.advance(seconds(3600));
    let barrier = std::sync::Barrier::new(64);
    let begun = std::time::Instant::now();
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                barrier.wait();
                client.secrets().list().unwrap();
            });
        }
    });
    // The waiters are woken before the end of their operations.
    assert!(begun.elapsed() < seconds(25), "{:?}", begun.elapsed());
    assert_eq!(
        world.proxy.count("POST", TOKEN),
        2,
        "one for connecting, one for all"
    );
    assert_eq!(world.proxy.count("GET", SECRETS), 64);
}

#[test]
fn a_failed_renewal_is_shared_too() {
    let world = World::new(|seen, before| {
        if seen.is("POST", TOKEN) && earlier(before, "POST", TOKEN) > 0 {
            thread::sleep(Duration::from_millis(200));
            return Some(answer(400, r#"{"error":"invalid_client"}"#));
        }
        None
    });
    let client = world.client();
    world.clock.advance(seconds(3600));
    let barrier = std::sync::Barrier::new(16);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                barrier.wait();
                assert_eq!(client.secrets().list().unwrap_err().kind(), ErrorKind::Auth);
            });
        }
    });
    assert_eq!(world.proxy.count("POST", TOKEN), 2);
    assert_eq!(
        world.proxy.count("GET", SECRETS),
        0,
        "nothing is sent without a credential"
    );
}

/// The thread that starts the renewal has little of its timeout left.
#[test]
fn a_thread_that_times_out_does_not_fail_the_renewal_of_the_others() {
    let renews = Arc::new(AtomicBool::new(false));
    let begins = Arc::clone(&renews);
    let world = World::new(move |seen, before| {
        // Each of the two clients fetches one to connect.
        if seen.is("POST", TOKEN) && earlier(before, "POST", TOKEN) == 2 {
            begins.store(true, Ordering::SeqCst);
            thread::sleep(Duration::from_secs(1));
        }
        let refused = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_vec();
        let is_first = seen.is("GET", DB) && earlier(before, "GET", DB) == 0;
        is_first.then_some(Action::Drip(refused, Duration::from_millis(25)))
    });
    world.client().secrets().create("db", "v", None).unwrap();
    let timeouts = Timeouts {
        operation: seconds(2),
        ..Timeouts::default()
    };
    let builder = world.builder_on_the_real_clock().timeouts(timeouts);
    let client = builder.connect().unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| client.secrets().get("db"));
        while !renews.load(Ordering::SeqCst) && !first.is_finished() {
            thread::sleep(Duration::from_millis(1));
        }
        let second = client.secrets().get("db");
        assert_eq!(second.unwrap().expose_secret(), "v");
        let error = first.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport);
    });
    assert_eq!(world.proxy.count("POST", TOKEN), 4, "one for each");
}

#[test]
fn the_old_token_is_used_while_renewals_fail_temporarily() {
    let world = World::new(|seen, before| {
        let renewals = earlier(before, "POST", TOKEN);
        (seen.is("POST", TOKEN) && (1..3).contains(&renewals)).then(|| answer(503, ""))
    });
    let client = world.client();
    world.clock.advance(seconds(3575));
    client.secrets().list().unwrap();
    client.secrets().list().unwrap();
    assert_eq!(world.proxy.count("POST", TOKEN), 2, "one try, then a pause");
    world.clock.advance(seconds(5));
    client.secrets().list().unwrap();
    assert_eq!(world.proxy.count("POST", TOKEN), 3);
    world.clock.advance(seconds(20));
    client.secrets().list().unwrap();
    assert_eq!(
        world.proxy.count("POST", TOKEN),
        4,
        "the old one is dead, the new one comes"
    );
}

#[test]
fn a_dead_token_is_never_sent() {
    let world = World::new(|seen, before| {
        (seen.is("POST", TOKEN) && earlier(before, "POST", TOKEN) > 0).then_some(Action::Close)
    });
    let client = world.client();
    world.clock.advance(seconds(3600));
    let error = client.secrets().list().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(world.proxy.count("GET", SECRETS), 0);
}

#[test]
fn a_token_event_has_the_scopes_and_the_vaults_time() {
    let account = NewAccount::default().scopes([Scope::SecretsRead, Scope::CredentialsRead]);
    let world = World::with(Vault::ephemeral().unwrap(), account, |_, _| None);
    let events = Arc::new(Mutex::new((Vec::new(), Vec::new())));
    let log = Arc::clone(&events);
    let observe = move |event: &Event<'_>| match event {
        Event::Authorized { granted, life, .. } => log.lock().unwrap().0.push((*granted, *life)),
        Event::Answered { date, .. } => log.lock().unwrap().1.extend(*date),
        _ => {}
    };
    world.builder().on_event(observe).connect().unwrap();
    let (granted, dates) = &*events.lock().unwrap();
    let scopes = Scopes::from([Scope::SecretsRead, Scope::CredentialsRead]);
    assert_eq!(granted, &[(Some(scopes), seconds(3600))]);
    assert_eq!(dates.len(), 2, "one for each answer");
    for date in dates {
        assert!(date.elapsed().unwrap() < seconds(60), "{date:?}");
    }
}
