//! The words about writes without an answer: which attempt may have arrived, and which sent nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use helvetisafe::{Client, Error, ErrorKind, Expiry, Failure, TransportError};
use helvetisafe_test_support::World;
use http::{Request, Response};

const UNKNOWN: &str = "it is unknown whether the write happened";
const EARLIER: &str = "an earlier attempt may have arrived";

type Outcome = Result<Response<Vec<u8>>, TransportError>;

/// Connects a client whose attempts to write have these outcomes; the last one is repeated.
fn client(
    world: &World,
    method: &'static str,
    outcomes: &[fn() -> Outcome],
) -> (Client, Arc<AtomicUsize>) {
    let (attempts, outcomes) = (Arc::new(AtomicUsize::new(0)), outcomes.to_vec());
    let seen = Arc::clone(&attempts);
    let builder = world.builder().around_transport(move |inner| {
        move |request: &Request<Vec<u8>>| {
            if request.method() != method || request.uri().path() == "/oauth/token" {
                return inner.send(request);
            }
            let number = seen.fetch_add(1, Ordering::SeqCst);
            outcomes[number.min(outcomes.len() - 1)]()
        }
    });
    (builder.connect().unwrap(), attempts)
}

fn not_sent() -> Outcome {
    Err(TransportError::with_source(Failure::NotSent, "refused"))
}

fn lost() -> Outcome {
    Err(TransportError::new(Failure::Lost))
}

fn forbidden() -> Outcome {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = http::StatusCode::FORBIDDEN;
    Ok(response)
}

fn write(client: &Client, method: &str) -> Error {
    let secrets = client.secrets();
    match method {
        "POST" => secrets.create("db", "v", None).unwrap_err(),
        "PUT" => secrets.update("db", "v", Expiry::Keep).unwrap_err(),
        _ => secrets.delete("db").unwrap_err(),
    }
}

#[test]
fn a_write_of_which_nothing_was_sent_is_in_no_doubt() {
    for method in ["POST", "PUT", "DELETE"] {
        let world = World::new(|_, _| None);
        let (client, attempts) = client(&world, method, &[not_sent]);
        let error = write(&client, method);
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Transport, "{text}");
        assert!(text.contains("nothing was sent"), "{text}");
        assert!(!text.contains("unknown"), "{text}");
        assert_eq!(attempts.load(Ordering::SeqCst), 3, "{text}");
    }
}

#[test]
fn a_repetition_that_did_nothing_leaves_the_doubt_about_the_attempt_before() {
    for (last, says) in [
        (not_sent as fn() -> Outcome, "nothing was sent ("),
        (forbidden, "403 Forbidden"),
    ] {
        for method in ["POST", "PUT", "DELETE"] {
            let world = World::new(|_, _| None);
            let (client, _) = client(&world, method, &[lost, last]);
            let error = write(&client, method);
            let text = error.to_string();
            assert_eq!(error.kind(), ErrorKind::Ambiguous, "{text}");
            let (before, after) = text.split_once(EARLIER).unwrap();
            assert!(before.contains(": the repetition failed: "), "{text}");
            assert!(before.contains(says), "{text}");
            let wanted = format!(", so {UNKNOWN}; read it before writing again");
            assert_eq!(after, wanted, "{text}");
        }
    }
}

#[test]
fn an_attempt_without_an_answer_may_itself_have_arrived() {
    for outcomes in [&[lost as fn() -> Outcome][..], &[not_sent, lost]] {
        for method in ["PUT", "DELETE"] {
            let world = World::new(|_, _| None);
            let (client, _) = client(&world, method, outcomes);
            let text = write(&client, method).to_string();
            assert!(text.contains(UNKNOWN) && !text.contains(EARLIER), "{text}");
            assert!(!text.contains("nothing was sent"), "{text}");
        }
    }
}
