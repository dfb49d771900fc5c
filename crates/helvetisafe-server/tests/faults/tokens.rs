//! Faults of tokens.

use helvetisafe_server::faults::{Fault, Route};
use secrecy::ExposeSecret;

use crate::support::{Raw, Site, request_as, site};

fn access_token(site: &Site) -> String {
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        site.account.client_id,
        site.account.client_secret.expose_secret()
    );
    let length = form.len();
    let mut wire = site.wire();
    wire.send(&format!(
        "POST /oauth/token HTTP/1.1\r\nHost: vault\r\nContent-Length: {length}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}"
    ));
    wire.receive().json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn list_with(site: &Site, access_token: &str) -> Raw {
    let mut wire = site.wire();
    let request = request_as("", "GET", "/api/v1/secrets", None);
    let bearer = format!("Authorization: Bearer {access_token}");
    wire.send(&request.replace("X-Aegis-Token: ", &bearer));
    wire.receive()
}

#[test]
fn access_tokens_expire_and_new_ones_can_be_fetched() {
    let site = site();
    let token = access_token(&site);
    assert_eq!(list_with(&site, &token).status(), 200);
    site.faults
        .on(Route::List)
        .once()
        .then(Fault::expire_access_tokens());
    for _ in 0..2 {
        assert_eq!(list_with(&site, &token).status(), 401);
    }
    assert_eq!(list_with(&site, &access_token(&site)).status(), 200);
    assert_eq!(site.list().status(), 200, "an API token does not expire");
}

#[test]
fn revoking_removes_all_access_tokens() {
    let site = site();
    let token = access_token(&site);
    site.faults
        .on(Route::List)
        .once()
        .then(Fault::revoke_all_tokens());
    for _ in 0..2 {
        assert_eq!(site.list().status(), 401);
        assert_eq!(list_with(&site, &token).status(), 401);
    }
    assert_eq!(list_with(&site, &access_token(&site)).status(), 200);
}
