//! «CR, LF, NUL, non-ASCII in tokens.»

use std::sync::{Arc, Mutex};

use helvetisafe::{Client, Credentials, ErrorKind, Event, KeySource};
use helvetisafe_server::faults::Route;

use crate::world::World;

const BAD: &[&str] = &[
    "cana\rry",
    "cana\nry",
    "canary\r\nX-Injected: 1",
    "cana\0ry",
    "canarý",
    "cana ry",
    "cana\u{7f}ry",
    "",
];

#[test]
fn a_bad_api_token_is_refused_before_anything_is_sent_and_not_shown() {
    let world = World::new();
    for token in BAD {
        let credentials = Credentials::api_token(*token);
        let key = KeySource::password("p");
        let error = Client::builder(world.vault.base_url(), credentials, key)
            .connect()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{token:?}");
        assert!(!format!("{error} {error:?}").contains("cana"), "{error:?}");
    }
    assert!(world.faults.log().is_empty());
}

#[test]
fn a_bad_access_token_from_the_vault_is_refused_and_never_sent() {
    for token in BAD {
        let world = World::new();
        let body = serde_json::json!({ "access_token": token, "expires_in": 3600 });
        world.answer(Route::Token, body.to_string());
        let error = world.builder().connect().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Api, "{token:?}: {error}");
        assert!(!format!("{error} {error:?}").contains("cana"), "{error:?}");
        assert_eq!(
            world.faults.log().len(),
            world.faults.count(Route::Token),
            "{token:?}"
        );
    }
}

#[test]
fn headers_with_a_credential_are_marked_sensitive() {
    let world = World::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let client = world
        .builder()
        .on_event(move |event| {
            if let Event::Sending { headers, .. } = event {
                let credential = headers.get("authorization");
                let mut log = log.lock().unwrap();
                log.extend(credential.map(|value| (value.is_sensitive(), format!("{headers:?}"))));
            }
        })
        .connect()
        .unwrap();
    client.secrets().list().unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2, "the org key and the list");
    for (is_sensitive, shown) in seen.iter() {
        assert!(is_sensitive);
        assert!(shown.contains("\"authorization\": Sensitive"), "{shown}");
    }
}
