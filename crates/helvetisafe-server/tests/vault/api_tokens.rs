//! API tokens that an account makes for itself.

use std::time::Duration;

use helvetisafe_proto::{Scope, Scopes};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::administration::{Administrator, all_scopes, call, random_digits};
use crate::support::{Answer, Site, secret, site};

const TOKENS: &str = "/api/v1/account/tokens";

fn new_token(token: &str, scopes: &str) -> Value {
    let hash: String = Sha256::digest(token)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    json!({ "hash": hash, "name": "ci", "scopes": scopes })
}

fn create(caller: &Administrator<'_>, body: Value) -> Answer {
    caller.call("POST", TOKENS, Some(body))
}

fn list(site: &Site, token: &str) -> Vec<Value> {
    let listed = call(site, token, "GET", TOKENS, None).success(200);
    listed["tokens"].as_array().unwrap().clone()
}

fn path(token: &Value) -> String {
    format!("{TOKENS}/{}", token["id"].as_str().unwrap())
}

#[test]
fn a_token_works_within_its_scopes_until_it_is_revoked() {
    let (site, token) = (site(), random_digits());
    let caller = Administrator::new(&site);
    let created = create(&caller, new_token(&token, "secrets:read secrets:write")).success(200);
    assert_eq!(created["name"], "ci");
    assert_eq!(created["scopes"], "secrets:read secrets:write");
    assert_eq!(list(&site, &caller.token), std::slice::from_ref(&created));
    let write = |key: &str| site.call_as(&token, "POST", "/api/v1/secrets", Some(secret(key)));
    write("a").success(201);
    site.call_as(&token, "GET", "/api/v1/secrets", None)
        .error(403);

    caller.call("DELETE", &path(&created), None).success(200);
    write("b").error(401);
    assert_eq!(list(&site, &caller.token), [] as [Value; 0]);
    // A client whose answer was lost tries again.
    caller.call("DELETE", &path(&created), None).success(200);

    let acts: Vec<_> = caller.acts();
    let summary = |act: &Value| {
        (
            act["act"].clone(),
            act["actor"].clone(),
            act["subject"].clone(),
        )
    };
    let expected = ["token.revoke", "token.create"].map(|act| {
        (
            act.into(),
            caller.account.client_id.as_str().into(),
            created["id"].clone(),
        )
    });
    assert_eq!(acts.iter().map(summary).collect::<Vec<_>>(), expected);
    let hash = new_token(&token, "")["hash"].as_str().unwrap().to_owned();
    assert!(!json!(acts).to_string().contains(&hash));
}

#[test]
fn the_same_request_has_the_same_answer() {
    let site = site();
    let token = random_digits();
    let (caller, other) = (Administrator::new(&site), Administrator::new(&site));
    let created = create(&caller, new_token(&token, "secrets:read")).success(200);
    assert_eq!(
        create(&caller, new_token(&token, "secrets:read")).success(200),
        created
    );
    let conflicts = [
        create(&caller, new_token(&token, "secrets:list")),
        create(&other, new_token(&token, "secrets:read")),
        // The hash of an access token.
        create(&caller, new_token(&caller.token, "secrets:read")),
    ];
    for answer in conflicts {
        answer.error(409);
        assert_eq!(answer.body["code"], "id_taken");
    }
    assert_eq!(list(&site, &caller.token).len(), 1);
    assert_eq!(caller.acts().len(), 1);
}

#[test]
fn an_api_token_makes_no_other_one() {
    let (site, first) = (site(), random_digits());
    let caller = Administrator::new(&site);
    let created = create(&caller, new_token(&first, "tokens:write")).success(200);
    let body = new_token(&random_digits(), "tokens:write");
    let refused = call(&site, &first, "POST", TOKENS, Some(body));
    assert!(refused.error(403).contains("an API token cannot do this"));
    assert_eq!(list(&site, &first), std::slice::from_ref(&created));
    call(&site, &first, "DELETE", &path(&created), None).success(200);
    call(&site, &first, "GET", TOKENS, None).error(401);
}

#[test]
fn scopes_are_within_those_of_the_credential() {
    let site = site();
    let scopes = Scopes::from([Scope::TokensWrite, Scope::SecretsRead]);
    let mut caller = Administrator::with_scopes(&site, scopes);
    let refused = create(
        &caller,
        new_token(&random_digits(), "secrets:read secrets:list"),
    );
    assert_eq!(refused.error(403), "missing scope: secrets:list");
    create(&caller, new_token(&random_digits(), "secrets:read")).success(200);
    // The account has the scope, and its access token has not.
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", caller.account.client_id.as_str()),
        (
            "client_secret",
            caller.account.client_secret.expose_secret(),
        ),
        ("scope", "tokens:write"),
    ];
    let narrow = site.post_form(&form).success(200);
    caller.token = narrow["access_token"].as_str().unwrap().to_owned();
    let refused = create(&caller, new_token(&random_digits(), "secrets:read"));
    assert_eq!(refused.error(403), "missing scope: secrets:read");
    let none = all_scopes()
        .iter()
        .filter(|scope| *scope != Scope::TokensWrite);
    let none = Administrator::with_scopes(&site, none.collect());
    for answer in [
        create(&none, new_token(&random_digits(), "secrets:read")),
        none.call("GET", TOKENS, None),
        none.call("DELETE", &format!("{TOKENS}/0000000000000001"), None),
    ] {
        assert_eq!(answer.error(403), "missing scope: tokens:write");
    }
}

#[test]
fn a_malformed_token_is_refused() {
    let site = site();
    let caller = Administrator::new(&site);
    let with = |name: &str, value: Value| {
        let mut body = new_token(&random_digits(), "secrets:read");
        body[name] = value;
        create(&caller, body)
    };
    for (name, value, code) in [
        ("name", json!(""), "invalid_member"),
        ("name", json!("a\nb"), "invalid_member"),
        ("name", json!("a".repeat(256)), "invalid_member"),
        ("scopes", json!(""), "invalid_member"),
        ("scopes", json!("secrets:everything"), "invalid_member"),
        ("scopes", json!("a  b"), "invalid_body"),
        ("hash", json!("00"), "invalid_body"),
        ("hash", Value::Null, "invalid_body"),
        ("expires_at", json!("yesterday"), "invalid_body"),
        (
            "expires_at",
            json!("2020-01-01T00:00:00Z"),
            "expiry_in_the_past",
        ),
    ] {
        let answer = with(name, value.clone());
        answer.error(422);
        assert_eq!(answer.body["code"], code, "{name} {value}");
    }
    assert_eq!(list(&site, &caller.token), [] as [Value; 0]);
    with("name", json!("é".repeat(127))).success(200);
}

#[test]
fn a_token_expires() {
    let (site, token) = (site(), random_digits());
    let caller = Administrator::new(&site);
    let mut body = new_token(&token, "secrets:list");
    let expiry = Timestamp::now() + Duration::from_secs(2);
    body["expires_at"] = json!(expiry.to_string());
    create(&caller, body).success(200);
    let read = || site.call_as(&token, "GET", "/api/v1/secrets", None);
    read().success(200);
    std::thread::sleep(Duration::from_millis(2100));
    read().error(401);
    assert_eq!(list(&site, &caller.token), [] as [Value; 0]);
}

#[test]
fn tokens_of_others_are_out_of_reach() {
    let (site, token) = (site(), random_digits());
    let (caller, other) = (Administrator::new(&site), Administrator::new(&site));
    let created = create(&caller, new_token(&token, "secrets:list")).success(200);
    assert_eq!(list(&site, &other.token), [] as [Value; 0]);
    for path in [
        path(&created),
        format!("{TOKENS}/1"),
        format!("{TOKENS}/{:016x}", 1),
    ] {
        let answer = other.call("DELETE", &path, None);
        answer.error(404);
        assert_eq!(answer.body["code"], "record_not_found");
    }
    site.call_as(&token, "GET", "/api/v1/secrets", None)
        .success(200);
}
