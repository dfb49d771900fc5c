//! Defences against accounts with few rights.

use std::sync::Arc;

use helvetisafe::reexports::http::{Request, Response};
use helvetisafe::{Transport, TransportError};
use helvetisafe_server::faults::{Fault, Route, StatusCode};
use serde_json::{Value, json};

use super::*;

/// An open invitation has its secret, sealed under a key that every member can derive. Check: the scope of
/// `ListInvitations`.
#[test]
fn only_an_administrator_sees_the_secrets_of_open_invitations() {
    let real = Real::new(Kind::Blocking);
    let scopes = "credentials:read organization:read";
    let eve = real.member("eve", scopes);
    real.invite("bob", ADMINISTRATOR);
    let client = real.connect(&eve, scopes).unwrap();
    let error = client.invitations().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert_eq!(client.members(&real.anchor).unwrap().len(), 2);
}

/// Replaces the value of every new secret.
struct Garbage(Arc<dyn Transport>);

impl Transport for Garbage {
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        if request.uri().path() != "/api/v1/secrets" {
            return self.0.send(request);
        }
        let mut body: Value = serde_json::from_slice(request.body()).unwrap();
        body["value"] = json!(helvetisafe_proto::Base64(vec![0; 32]));
        let mut changed = Request::new(serde_json::to_vec(&body).unwrap());
        *changed.method_mut() = request.method().clone();
        *changed.uri_mut() = request.uri().clone();
        *changed.headers_mut() = request.headers().clone();
        changed.headers_mut().remove("content-length");
        *changed.extensions_mut() = request.extensions().clone();
        self.0.send(&changed)
    }
}

/// A member who stored values that do not open stops a rotation once, not once for each of them. Check: `Operation::stage`.
#[test]
fn a_rotation_names_all_secrets_that_do_not_open() {
    let real = Real::new(Kind::Blocking);
    real.ada().create("good", "s3cr3t-v@lue").unwrap();
    let eve = real.through(Garbage);
    for number in 10..35 {
        let secrets = eve.secrets();
        secrets
            .create(format!("junk{number}"), "value", None)
            .unwrap();
    }
    let new = NewOrgKey::generate().unwrap();
    let error = real
        .ada()
        .rotate(&real.administrator(), &new, |_| {})
        .unwrap_err();
    let text = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Crypto);
    assert!(
        text.contains("`junk10`, `junk11`") && text.contains("`junk29` and 5 more"),
        "{text}"
    );
    let ada = real.through(|inner| move |request: &Request<Vec<u8>>| inner.send(request));
    for number in 10..35 {
        ada.secrets()
            .update(format!("junk{number}"), "value", None)
            .unwrap();
    }
    real.ada()
        .rotate(&real.administrator(), &new, |_| {})
        .unwrap();
}

/// A server in between refuses each change as outdated.
#[test]
fn a_change_that_is_always_overtaken_ends_and_says_so() {
    for kind in BOTH {
        let real = Real::new(kind);
        let bob = real.member("bob", READER);
        let (ada, by) = (real.ada(), real.administrator());
        let refuse = || Fault::status(StatusCode::PRECONDITION_FAILED);
        for route in [Route::Invite, Route::Disable] {
            let before = real.faults.count(route);
            real.faults.on(route).then(refuse());
            let error = match route {
                Route::Invite => ada.invite(&by, &invitation("eve", READER)).err(),
                _ => ada.disable(&by, &bob.client_id).err(),
            };
            let error = error.unwrap();
            assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
            let text = error.to_string();
            assert!(text.contains("refused each of 6 attempts"), "{text}");
            assert!(text.contains("Repeat it later"), "{text}");
            assert_eq!(real.faults.count(route) - before, 6);
            real.faults.clear();
        }
    }
}
