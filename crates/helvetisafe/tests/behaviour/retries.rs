//! What is tried again, how often, and after which wait.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use helvetisafe::{Client, ErrorKind, Expiry, Failure, KeySource, TransportError};

use crate::proxy::{Deed, answer};
use crate::world::{PEM, SECRETS, TestClock, World, earlier};

const DB: &str = "/api/v1/secrets/db";

#[test]
fn a_read_is_tried_again_after_a_passing_status() {
    for status in [408, 500, 502, 503, 504] {
        let world = World::new(move |seen, before| {
            (seen.is("GET", DB) && earlier(before, "GET", DB) < 2).then(|| answer(status, "<html>"))
        });
        let client = world.client();
        client.secrets().create("db", "v", None).unwrap();
        assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "v");
        assert_eq!(world.proxy.count("GET", DB), 3);
        assert_eq!(
            world.clock.sleeps(),
            [25, 50],
            "half of 50 ms, then half of 100 ms"
        );
    }
}

#[test]
fn the_last_failure_is_reported_when_no_attempt_is_left() {
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
fn what_cannot_pass_is_not_tried_again() {
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
        for outcome in [
            secrets.get("db").map(drop),
            secrets.create("db", "v", None).map(drop),
            secrets.update("db", "v", Expiry::Keep).map(drop),
            secrets.delete("db"),
            secrets.list().map(drop),
        ] {
            let error = outcome.unwrap_err();
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
fn a_vault_that_cannot_be_reached_is_tried_again() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let clock = TestClock::default();
    let credentials = helvetisafe::Credentials::api_token("t");
    let error = Client::builder(format!("http://{closed}"), credentials, KeySource::pem(PEM))
        .clock(clock.clone())
        .connect()
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::Transport, true)
    );
    assert_eq!(clock.sleeps().len(), 2, "three attempts");
    assert!(error.to_string().contains("nothing was sent"), "{error}");
}

#[test]
fn a_lost_answer_to_a_read_is_asked_for_again() {
    let deeds: [fn() -> Deed; 4] = [
        || Deed::Close,
        || Deed::ForwardAndClose,
        || Deed::ForwardAndTruncate(20),
        || Deed::ForwardAndTruncate(200),
    ];
    for deed in deeds {
        let world = World::new(move |seen, before| {
            // On a fresh connection each, so that it is no dead one.
            (seen.is("GET", DB) && earlier(before, "GET", DB) < 2).then(deed)
        });
        let client = world.client();
        client.secrets().create("db", "v", None).unwrap();
        assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "v");
        assert_eq!(world.proxy.count("GET", DB), 3);
    }
}

#[test]
fn a_dead_connection_is_replaced_at_once_without_counting() {
    let world = World::new(|seen, before| {
        (seen.is("GET", DB) && earlier(before, "GET", DB) == 0).then_some(Deed::Close)
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
    assert!(world.clock.sleeps().is_empty());
}

#[test]
fn connections_that_keep_dying_are_no_dead_connections_any_more() {
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
    assert_eq!(world.clock.sleeps(), [25, 50]);
}

#[test]
fn a_rate_limit_is_waited_for_as_long_as_asked() {
    let world = World::new(|seen, before| {
        (seen.is("GET", DB) && earlier(before, "GET", DB) < 2).then(|| {
            let header = ["Retry-After: 7\r\n", ""][earlier(before, "GET", DB)];
            Deed::Answer(429, header, Vec::new())
        })
    });
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    client.secrets().get("db").unwrap();
    assert_eq!(
        world.clock.sleeps(),
        [7000, 1000],
        "as asked, then half of 2 s"
    );
}

#[test]
fn a_rate_limit_of_more_than_30_seconds_fails_now_and_says_how_long() {
    let world = World::new(|seen, _| {
        seen.is("GET", DB)
            .then(|| Deed::Answer(429, "Retry-After: 31\r\n", Vec::new()))
    });
    let error = world.client().secrets().get("db").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(31)));
    assert!(error.to_string().contains("try again in 31 s"), "{error}");
    assert!(world.clock.sleeps().is_empty());
}

#[test]
fn a_date_to_come_back_is_relative_to_the_answers_own_date() {
    let world = World::new(|seen, before| {
        let headers =
            "Date: Mon, 23 Nov 2020 12:00:00 GMT\r\nRetry-After: Mon, 23 Nov 2020 12:00:09 GMT\r\n";
        (seen.is("GET", DB) && earlier(before, "GET", DB) == 0)
            .then(|| Deed::Answer(429, headers, Vec::new()))
    });
    let client = world.client();
    client.secrets().create("db", "v", None).unwrap();
    client.secrets().get("db").unwrap();
    assert_eq!(world.clock.sleeps(), [9000]);
}

#[test]
fn no_operation_takes_longer_than_its_deadline() {
    let world = World::new(|seen, _| {
        seen.is("GET", DB)
            .then(|| Deed::Answer(503, "Retry-After: 20\r\n", Vec::new()))
    });
    let error = world.client().secrets().get("db").unwrap_err();
    assert_eq!(
        world.clock.sleeps(),
        [20_000],
        "a second wait would pass the 30 s"
    );
    assert_eq!(error.retry_after(), Some(Duration::from_secs(20)));
}

#[test]
fn an_update_is_repeated_and_is_ambiguous_when_every_answer_is_lost() {
    let world = World::new(|seen, before| {
        (seen.is("PUT", DB) && earlier(before, "PUT", DB) == 0).then_some(Deed::ForwardAndClose)
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

    let world = World::new(|seen, _| seen.is("PUT", DB).then_some(Deed::ForwardAndClose));
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
    for deed in [
        Deed::ForwardAndClose,
        Deed::ForwardAndAnswer(502),
        Deed::ForwardAndAnswer(408),
    ] {
        let world = World::new(move |seen, before| {
            (seen.is("DELETE", DB) && earlier(before, "DELETE", DB) == 0).then(|| deed.clone())
        });
        let client = world.client();
        client.secrets().create("db", "v", None).unwrap();
        client.secrets().delete("db").unwrap();
        assert_eq!(world.proxy.count("DELETE", DB), 2);
        let again = client.secrets().delete("db").unwrap_err();
        assert_eq!(again.kind(), ErrorKind::NotFound);
    }
}

#[test]
fn a_404_on_a_delete_that_never_reached_the_vault_is_one() {
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

/// The refusal is about the repetition; the attempt before it has written.
#[test]
fn a_write_whose_answer_was_lost_is_ambiguous_also_when_its_repetition_is_refused() {
    for (status, kind) in [
        (403, ErrorKind::Ambiguous),
        (404, ErrorKind::NotFound),
        (429, ErrorKind::Ambiguous),
        (503, ErrorKind::Ambiguous),
    ] {
        let world = World::new(move |seen, before| {
            let is_first = earlier(before, "PUT", DB) == 0;
            let deed = if is_first {
                Deed::ForwardAndClose
            } else {
                answer(status, "")
            };
            seen.is("PUT", DB).then_some(deed)
        });
        let client = world.client();
        client.secrets().create("db", "v", None).unwrap();
        let outcome = client.secrets().update("db", "w", Expiry::Keep);
        assert_eq!(outcome.unwrap_err().kind(), kind, "{status}");
        assert_eq!(client.secrets().get("db").unwrap().expose_secret(), "w");
    }
}

/// How long to leave the vault alone is known all the same.
#[test]
fn an_ambiguous_write_tells_what_the_vault_asked_for() {
    for (method, path) in [("PUT", DB), ("POST", SECRETS)] {
        let world = World::new(move |seen, before| {
            let is_first = earlier(before, method, path) == 0;
            let deed = if is_first {
                Deed::Close
            } else {
                Deed::Answer(429, "Retry-After: 31\r\n", Vec::new())
            };
            seen.is(method, path).then_some(deed)
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
