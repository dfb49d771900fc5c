//! Retries: their conditions, number and waits.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use helvetisafe::{Client, ErrorKind, Expiry, Failure, KeySource, TransportError};
use helvetisafe_test_support::{Action, DrivenClock, PEM, SECRETS, World, answer, earlier};

const DB: &str = "/api/v1/secrets/db";

#[test]
fn a_read_is_retried_after_a_transient_status() {
    for status in [408, 500, 502, 503, 504] {
        let world = World::new(move |seen, before| {
            (seen.is("GET", DB) && earlier(before, "GET", DB) < 2).then(|| answer(status, "<html>"))
        });
        let client = world.client();
        client.secrets().create("db", "v", None).unwrap();
        assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "v");
        assert_eq!(world.proxy.count("GET", DB), 3);
        assert_eq!(
            world.clock.sleeps_in_ms(),
            [25, 50],
            "half of 50 ms, then half of 100 ms"
        );
    }
}

#[test]
fn the_last_failure_is_returned_when_attempts_run_out() {
    let world = World::new(|seen, _| (seen.is("GET", DB)).then(|| answer(503, "")));
    let error = world.client().secrets().get("db").unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Api, true));
    assert_eq!(error.status().unwrap(), 503);
    assert_eq!(error.key().unwrap().as_str(), "db");
    assert_eq!(world.proxy.count("GET", DB), 3);

    let client = world.builder().attempts(1).connect().unwrap();
    assert_eq!(
        client.secrets().get("db").unwrap_err().kind(),
        ErrorKind::Api
    );
    assert_eq!(
        world.proxy.count("GET", DB),
        4,
        "one attempt turns retries off"
    );
}

#[test]
fn a_permanent_failure_is_not_retried() {
    for (status, kind) in [
        (400, ErrorKind::Api),
        (403, ErrorKind::Forbidden),
        (404, ErrorKind::NotFound),
        (409, ErrorKind::Conflict),
        (410, ErrorKind::Api),
        (422, ErrorKind::Api),
        (501, ErrorKind::Api),
    ] {
        let world = World::new(move |seen, _| {
            seen.path
                .starts_with(SECRETS)
                .then(|| answer(status, r#"{"error":"no"}"#))
        });
        let secrets = world.client();
        let secrets = secrets.secrets();
        for (needs_secret, outcome) in [
            (true, secrets.get("db").map(drop)),
            (false, secrets.create("db", "v", None).map(drop)),
            (true, secrets.update("db", "v", Expiry::Keep).map(drop)),
            (true, secrets.delete("db")),
            (false, secrets.list().map(drop)),
        ] {
            let error = outcome.unwrap_err();
            let kind = match kind {
                ErrorKind::NotFound if !needs_secret => ErrorKind::Api,
                kind => kind,
            };
            assert_eq!(
                (error.kind(), error.is_retryable()),
                (kind, false),
                "{status}"
            );
            assert_eq!(error.server_text(), Some("no"));
            assert!(!error.to_string().contains("no;"), "{error}");
        }
        assert_eq!(
            world
                .proxy
                .log()
                .iter()
                .filter(|s| s.path.starts_with(SECRETS))
                .count(),
            5
        );
    }
}

#[test]
fn an_unreachable_vault_is_retried() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let clock = DrivenClock::default();
    let credentials = helvetisafe::Credentials::api_token("t");
    let error = Client::builder(format!("http://{closed}"), credentials, KeySource::pem(PEM))
        .clock(clock.clone())
        .connect()
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::Transport, true)
    );
    assert_eq!(clock.sleeps_in_ms().len(), 2, "three attempts");
    assert!(error.to_string().contains("nothing was sent"), "{error}");
}

#[test]
fn a_read_with_a_lost_answer_is_retried() {
    let actions: [fn() -> Action; 4] = [
        || Action::Close,
        || Action::ForwardAndClose,
        || Action::ForwardAndTruncate(20),
        || Action::ForwardAndTruncate(200),
    ];
    for action in actions {
        let world = World::new(move |seen, before| {
            // Each attempt has a new connection, so none is dead.
            (seen.is("GET", DB) && earlier(before, "GET", DB) < 2).then(action)
        });
        let client = world.client();
        client.secrets().create("db", "v", None).unwrap();
        assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "v");
        assert_eq!(world.proxy.count("GET", DB), 3);
    }
}

#[test]
fn replacing_a_dead_connection_does_not_count_as_an_attempt() {
    let world = World::new(|seen, before| {
        (seen.is("GET", DB) && earlier(before, "GET", DB) == 0).then_some(Action::Close)
    });
    let client = world.builder().attempts(1).connect().unwrap();
    client.secrets().create("db", "v", None).unwrap();
    assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "v");
    let connections: Vec<_> = world
        .proxy
        .log()
        .iter()
        .map(|seen| seen.connection)
        .collect();
    assert_eq!(
        connections,
        [0, 0, 0, 0, 1],
        "one connection is reused until it dies"
    );
    assert!(world.clock.sleeps_in_ms().is_empty());
}

#[test]
fn repeatedly_dying_connections_count_as_attempts() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let dying = move |_: &http::Request<Vec<u8>>| {
        let before = count.fetch_add(1, Ordering::SeqCst);
        assert!(before < 10, "it does not end");
        Err(TransportError::new(Failure::DeadConnection))
    };
    let world = World::new(|_, _| None);
    let credentials = helvetisafe::Credentials::api_token("t");
    let builder = world.builder_for(credentials).transport(dying);
    let error = builder.connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(
        sent.load(Ordering::SeqCst),
        4,
        "once more at once, and then three attempts"
    );
    assert_eq!(world.clock.sleeps_in_ms(), [25, 50]);
}

#[test]
fn a_retry_waits_for_retry_after() {
    let world = World::new(|seen, before| {
        (seen.is("GET", DB) && earlier(before, "GET", DB) < 2).then(|| {
            let header = ["Retry-After: 7\r\n", ""][earlier(before, "GET", DB)];
            Action::Answer(429, header, Vec::new())
        })
    });
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    client.secrets().get("db").unwrap();
    assert_eq!(
        world.clock.sleeps_in_ms(),
        [7000, 1000],
        "as asked, then half of 2 s"
    );
}

#[test]
fn a_retry_after_of_more_than_30_seconds_fails_at_once() {
    let world = World::new(|seen, _| {
        seen.is("GET", DB)
            .then(|| Action::Answer(429, "Retry-After: 31\r\n", Vec::new()))
    });
    let error = world.client().secrets().get("db").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(31)));
    assert!(error.to_string().contains("try again in 31 s"), "{error}");
    assert!(world.clock.sleeps_in_ms().is_empty());
}

#[test]
fn a_retry_after_date_is_relative_to_the_answers_date() {
    let world = World::new(|seen, before| {
        let headers =
            "Date: Mon, 23 Nov 2020 12:00:00 GMT\r\nRetry-After: Mon, 23 Nov 2020 12:00:09 GMT\r\n";
        (seen.is("GET", DB) && earlier(before, "GET", DB) == 0)
            .then(|| Action::Answer(429, headers, Vec::new()))
    });
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    client.secrets().get("db").unwrap();
    assert_eq!(world.clock.sleeps_in_ms(), [9000]);
}

#[test]
fn no_operation_exceeds_its_deadline() {
    let world = World::new(|seen, _| {
        seen.is("GET", DB)
            .then(|| Action::Answer(503, "Retry-After: 20\r\n", Vec::new()))
    });
    let error = world.client().secrets().get("db").unwrap_err();
    assert_eq!(
        world.clock.sleeps_in_ms(),
        [20_000],
        "a second wait would pass the 30 s"
    );
    assert_eq!(error.retry_after(), Some(Duration::from_secs(20)));
}

#[test]
fn an_update_is_retried_and_ambiguous_if_all_answers_are_lost() {
    let world = World::new(|seen, before| {
        (seen.is("PUT", DB) && earlier(before, "PUT", DB) == 0).then_some(Action::ForwardAndClose)
    });
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    client.secrets().update("db", "w", Expiry::Keep).unwrap();
    assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "w");
    let bodies: Vec<_> = world
        .proxy
        .log()
        .into_iter()
        .filter(|s| s.is("PUT", DB))
        .map(|s| s.body)
        .collect();
    assert_eq!(
        (bodies.len(), &bodies[0]),
        (2, &bodies[1]),
        "the same ciphertext is sent again"
    );

    let world = World::new(|seen, _| seen.is("PUT", DB).then_some(Action::ForwardAndClose));
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    let error = client
        .secrets()
        .update("db", "w", Expiry::Keep)
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::Ambiguous, false)
    );
    assert!(
        error
            .to_string()
            .contains("unknown whether the write happened"),
        "{error}"
    );
}

#[test]
fn a_404_on_a_repeated_delete_is_a_success() {
    for action in [
        Action::ForwardAndClose,
        Action::ForwardAndAnswer(502),
        Action::ForwardAndAnswer(408),
    ] {
        let world = World::new(move |seen, before| {
            (seen.is("DELETE", DB) && earlier(before, "DELETE", DB) == 0).then(|| action.clone())
        });
        let client = world.client();
        client.secrets().create("db", "v", None).unwrap();
        client.secrets().delete("db").unwrap();
        assert_eq!(world.proxy.count("DELETE", DB), 2);
        let again = client.secrets().delete("db").unwrap_err();
        assert_eq!(again.kind(), ErrorKind::NotFound);
    }
}

/// The page of a proxy, or of a vault at another path, does not show that the secret is gone.
#[test]
fn a_404_that_is_about_no_secret_is_no_success_of_a_repeated_delete() {
    for body in ["<html>", r#"{"error":"x","code":"unknown_path"}"#] {
        let world = World::new(move |seen, before| {
            let action = match earlier(before, "DELETE", DB) {
                0 => Action::Close,
                _ => answer(404, body),
            };
            seen.is("DELETE", DB).then_some(action)
        });
        let client = world.client();
        client.secrets().create("db", "v", None).unwrap();
        let error = client.secrets().delete("db").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{body}");
        assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "v");
    }
}

#[test]
fn a_404_that_is_about_no_secret_creates_nothing_and_names_the_url() {
    let bodies = ["", "<html>", "{}", r#"{"error":"x","code":"unknown_path"}"#];
    for body in bodies {
        let world = World::new(move |seen, _| {
            let is_about_one = seen.path == DB && seen.method != "DELETE";
            is_about_one.then(|| answer(404, body))
        });
        let (client, url) = (world.client(), format!("{}{DB}", world.proxy.base_url()));
        let secrets = client.secrets();
        for outcome in [
            secrets.get("db").map(drop),
            secrets.update("db", "v", Expiry::Keep).map(drop),
            secrets.put("db", "v", None).map(drop),
            secrets.set_field("db", "f", "v", None).map(drop),
            secrets.exists("db").map(drop),
        ] {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Api, "{body}: {error}");
            assert!(error.to_string().contains(&url), "{error}");
        }
        assert_eq!(world.proxy.count("POST", SECRETS), 0, "{body}");
    }
}

#[test]
fn a_page_in_place_of_an_answer_is_named_by_its_url() {
    for path in ["/oauth/token", DB] {
        let world = World::new(move |seen, _| (seen.path == path).then(|| answer(200, "<html>")));
        let connected = world.builder_on_the_real_clock().connect();
        let error = connected
            .and_then(|client| client.secrets().get("db"))
            .unwrap_err();
        let expected = format!(
            "the answer at {}{path} is malformed",
            world.proxy.base_url()
        );
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

#[test]
fn a_404_after_an_unsent_delete_is_an_error() {
    let world = World::new(|seen, before| {
        (seen.is("DELETE", DB) && earlier(before, "DELETE", DB) == 0).then(|| answer(429, ""))
    });
    let error = world.client().secrets().delete("db").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(world.proxy.count("DELETE", DB), 2);
}

#[test]
fn a_put_creates_or_updates() {
    let world = World::new(|_, _| None);
    let client = world.client();
    client.secrets().put("db", "v", None).unwrap();
    client.secrets().put("db", "w", None).unwrap();
    assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "w");
    let writes: Vec<_> = world
        .proxy
        .log()
        .into_iter()
        .map(|s| s.method)
        .filter(|m| m == "PUT" || m == "POST")
        .collect();
    assert_eq!(
        writes,
        ["POST", "PUT", "POST", "PUT"],
        "token, not there, create; then update"
    );
}

/// Only the repetition was refused; the attempt before it wrote.
#[test]
fn a_lost_write_is_ambiguous_even_if_its_retry_is_refused() {
    for (status, body, kind) in [
        (403, "", ErrorKind::Ambiguous),
        (404, r#"{"error":"no"}"#, ErrorKind::NotFound),
        (404, "<html>", ErrorKind::Ambiguous),
        (429, "", ErrorKind::Ambiguous),
        (503, "", ErrorKind::Ambiguous),
    ] {
        let world = World::new(move |seen, before| {
            let is_first = earlier(before, "PUT", DB) == 0;
            let action = if is_first {
                Action::ForwardAndClose
            } else {
                answer(status, body)
            };
            seen.is("PUT", DB).then_some(action)
        });
        let client = world.client();
        client.secrets().create("db", "v", None).unwrap();
        let outcome = client.secrets().update("db", "w", Expiry::Keep);
        assert_eq!(outcome.unwrap_err().kind(), kind, "{status}");
        assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "w");
    }
}

/// The error contains the `Retry-After` all the same.
#[test]
fn an_ambiguous_write_contains_retry_after() {
    for (method, path) in [("PUT", DB), ("POST", SECRETS)] {
        let world = World::new(move |seen, before| {
            let is_first = earlier(before, method, path) == 0;
            let action = if is_first {
                Action::Close
            } else {
                Action::Answer(429, "Retry-After: 31\r\n", Vec::new())
            };
            seen.is(method, path).then_some(action)
        });
        let client = world.client();
        let error = if method == "PUT" {
            world.client().secrets().create("db", "v", None).unwrap();
            client.secrets().update("db", "w", Expiry::Keep)
        } else {
            client.secrets().create("db", "v", None)
        };
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
        assert_eq!(
            error.retry_after(),
            Some(Duration::from_secs(31)),
            "{error}"
        );
    }
}

/// The vault has replaced the org key after an attempt whose answer was lost: sealed again, the write could undo a later one.
#[test]
fn a_write_that_may_have_happened_is_not_sealed_again() {
    let mismatch = r#"{"error": "another epoch", "code": "key_epoch_mismatch"}"#;
    let world = World::new(move |seen, before| {
        let count = earlier(before, "PUT", DB);
        match seen.is("PUT", DB) {
            // A reused connection that breaks is replaced once.
            true if count < 2 => Some(Action::ForwardAndClose),
            true => Some(answer(412, mismatch)),
            false => None,
        }
    });
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    let error = client.secrets().update("db", "w", None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    assert_eq!(world.proxy.count("PUT", DB), 3);
    assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "w");
}
