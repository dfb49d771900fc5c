//! Error codes of the vault, and their abuse by a hostile vault.

use std::time::{Duration, SystemTime};

use helvetisafe::{Clock, ErrorCode, ErrorKind, Timestamp};
use helvetisafe_test_support::{Action, TOKEN, World, answer};
use serde_json::json;

const A: &str = "/api/v1/secrets/a";

/// The error of a read with this answer.
fn of_read(status: u16, body: String) -> helvetisafe::Error {
    let world = World::new(move |seen, _| seen.is("GET", A).then(|| answer(status, body.clone())));
    world.client().secrets().get("a").unwrap_err()
}

fn kind(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Auth,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        412 => ErrorKind::Changed,
        429 => ErrorKind::RateLimited,
        _ => ErrorKind::Api,
    }
}

#[test]
fn each_code_has_its_own_message_without_the_servers_text() {
    let mut sentences = std::collections::BTreeSet::new();
    for &code in ErrorCode::ALL {
        let status = code.status().as_u16();
        let error = of_read(
            status,
            json!({ "error": "s3cr3t", "code": code }).to_string(),
        );
        let kind = match code {
            ErrorCode::UnknownPath => ErrorKind::Api,
            _ => kind(status),
        };
        assert_eq!((error.code(), error.kind()), (Some(code), kind), "{code}");
        assert_eq!(error.server_text(), Some("s3cr3t"));
        let shown = error.to_string();
        assert!(shown.contains(code.advice()), "{shown}");
        assert!(!format!("{shown}{error:?}").contains("s3cr3t"), "{shown}");
        sentences.insert(shown);
    }
    assert_eq!(sentences.len(), ErrorCode::ALL.len());
}

#[test]
fn a_code_with_the_wrong_status_is_ignored() {
    for (status, code) in [
        (404, "secret_exists"),
        (401, "missing_scope"),
        (403, "secret_not_found"),
        (409, "too_many_requests"),
        (418, "secret_not_found"),
        (404, "never_heard_of"),
    ] {
        let body = json!({ "error": "text", "code": code }).to_string();
        let without = of_read(status, json!({ "error": "text" }).to_string());
        let with = of_read(status, body);
        assert_eq!((with.code(), with.kind()), (None, kind(status)), "{code}");
        assert_eq!(with.to_string(), without.to_string());
    }
}

#[test]
fn the_scope_and_the_time_in_an_answer_appear_in_the_message() {
    let body = json!({ "error": "missing scope: secrets:read", "code": "missing_scope" });
    let error = of_read(403, body.to_string());
    let advice = "the credential needs the scope secrets:read";
    assert!(error.to_string().ends_with(advice), "{error}");

    let world = World::new(|seen, _| {
        let body = json!({ "error": "text", "code": "too_many_requests" });
        seen.is("GET", A)
            .then(|| Action::Answer(429, "Retry-After: 31\r\n", body.to_string().into_bytes()))
    });
    let error = world.client().secrets().get("a").unwrap_err();
    let advice = "the account makes too many requests; try again in 31 s";
    assert!(error.to_string().ends_with(advice), "{error}");
}

#[test]
fn the_token_endpoint_may_give_a_code_too() {
    let world = World::new(|seen, _| {
        let body = json!({ "error": "text", "code": "invalid_host" });
        seen.is("POST", TOKEN)
            .then(|| answer(400, body.to_string()))
    });
    let error = world.builder().connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(error.code(), Some(ErrorCode::InvalidHost));
}

/// The clock of the vault is ahead, so the client lets the expiry pass.
#[test]
fn a_real_vaults_reason_for_a_422_is_shown() {
    let world = World::new(|_, _| None);
    let yesterday = SystemTime::now() - Duration::from_secs(24 * 60 * 60);
    let client = world.builder().clock(Behind(yesterday)).connect().unwrap();
    let expiry = Timestamp::try_from(yesterday + Duration::from_secs(60)).unwrap();
    let secrets = client.secrets();
    let error = secrets.create("a", "v", Some(expiry)).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::ExpiryInThePast));
    assert_eq!(
        error.server_text(),
        Some("expiresAt has passed: send a time in the future")
    );
    assert_eq!(
        error.to_string(),
        "cannot create the secret `a`: the server answered 422 Unprocessable Entity; the expiry has \
         passed: choose a later one, and check the clocks of both machines"
    );
}

/// The service gives no codes.
#[test]
fn a_422_to_a_write_without_a_code_mentions_the_clocks() {
    let world = World::new(|seen, _| {
        let is_call = seen.path.starts_with("/api/v1/secrets");
        is_call.then(|| answer(422, json!({ "error": "text" }).to_string()))
    });
    let client = world.client();
    let secrets = client.secrets();
    let expiry = Duration::from_secs(60);
    for error in [
        secrets.create("a", "v", expiry).unwrap_err(),
        secrets.update("a", "v", expiry).unwrap_err(),
    ] {
        let message = error.to_string();
        assert!(message.contains("may have passed"), "{message}");
        assert!(
            message.ends_with("check the clocks of both machines"),
            "{message}"
        );
    }
    let message = secrets.get("a").unwrap_err().to_string();
    assert!(!message.contains("clock"), "{message}");
}

/// A clock that is set to a time in the past.
struct Behind(SystemTime);

impl Clock for Behind {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) {}

    fn wall(&self) -> SystemTime {
        self.0
    }
}

/// A real vault, without scripted answers.
#[test]
fn a_real_vault_returns_the_codes() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    let error = secrets.get("a").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::SecretNotFound));
    secrets.create("a", "v", None).unwrap();
    let error = secrets.create("a", "v", None).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::SecretExists));
}
