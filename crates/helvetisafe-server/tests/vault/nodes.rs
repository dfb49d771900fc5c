//! Several vaults on one PostgreSQL: what is done at one is in the next answer of the other.

use helvetisafe_server::Vault;
use serde_json::{Value, json};

use crate::support::{Answer, Site, secret, send, site_of, update};

fn sites() -> Option<(Site, Vault, helvetisafe_test_postgres::Database)> {
    let server = helvetisafe_test_postgres::database()?;
    let builder = || Vault::builder().database(server.url().parse().unwrap());
    let one = site_of(builder());
    let two = builder().start().unwrap();
    Some((one, two, server))
}

fn call(vault: &Vault, token: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let body = body.map(|body| body.to_string().into_bytes());
    send(vault.base_url(), method, path, &headers, body)
}

#[test]
fn a_write_at_one_is_read_at_the_other() {
    let Some((one, two, _server)) = sites() else {
        return;
    };
    let at_two = |method, path: &str, body| call(&two, &one.token, method, path, body);
    one.create("a").success(201);
    at_two("GET", "/api/v1/secrets/a", None).success(200);
    at_two("POST", "/api/v1/secrets", Some(secret("a"))).error(409);
    for _ in 0..10 {
        let written = one
            .call("PUT", "/api/v1/secrets/a", Some(update()))
            .success(200);
        let read = at_two("GET", "/api/v1/secrets/a", None).success(200);
        assert_eq!(read["version"], written["version"]);
        let list = at_two("GET", "/api/v1/secrets", None).success(200);
        assert_eq!(list["keys"][0]["version"], written["version"]);
    }
    at_two("DELETE", "/api/v1/secrets/a", None).success(204);
    one.read("a").error(404);
    let list = one.call("GET", "/api/v1/secrets", None).success(200);
    assert_eq!(list["keys"], json!([]));
}

/// The first attempt may be at a node that died. Its result is found, also when another client has written since.
#[test]
fn a_repetition_with_the_same_idempotency_key_has_no_second_effect() {
    let Some((one, two, _server)) = sites() else {
        return;
    };
    let bearer = format!("Bearer {}", one.token);
    let repeat = |vault: &Vault, method, path: &str, key, body: Option<Value>| {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        let body = body.map(|body| body.to_string().into_bytes());
        send(vault.base_url(), method, path, &headers, body)
    };
    let path = "/api/v1/secrets/a";
    for (method, path, key, body, status) in [
        ("POST", "/api/v1/secrets", "\"1\"", Some(secret("a")), 201),
        ("PUT", path, "\"2\"", Some(update()), 200),
        ("POST", path, "\"3\"", Some(update()), 200),
        ("DELETE", path, "\"4\"", None, 204),
    ] {
        let done = repeat(&one.vault, method, path, key, body.clone()).success(status);
        let between = match method {
            "DELETE" => one.create("a").success(201),
            _ => one
                .call("PUT", "/api/v1/secrets/a", Some(update()))
                .success(200),
        };
        let again = repeat(&two, method, path, key, body).success(status);
        assert_eq!(again, done, "{method} {path}");
        let read = one.read("a").success(200);
        assert_eq!(read["version"], between["version"], "{method} {path}");
    }
    // Without the key, each request has its own effect.
    call(&two, &one.token, "DELETE", path, None).success(204);
    call(&two, &one.token, "DELETE", path, None).error(404);
}

#[test]
fn a_token_of_one_is_valid_at_the_other_until_one_revokes_it() {
    let Some((one, two, _server)) = sites() else {
        return;
    };
    let access = one.access_token();
    for token in [&access, &one.token] {
        call(&two, token, "GET", "/api/v1/secrets", None).success(200);
    }
    one.vault.revoke_tokens(&one.account).unwrap();
    call(&two, &access, "GET", "/api/v1/secrets", None).error(401);
    call(&two, &one.token, "GET", "/api/v1/secrets", None).success(200);
    two.revoke_api_tokens(&one.account).unwrap();
    one.call("GET", "/api/v1/secrets", None).error(401);
}
