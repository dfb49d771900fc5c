//! What is too large or of a wrong kind.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use helvetisafe_server::Vault;
use serde_json::json;

use crate::support::{NONCE, site, site_of, update};

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn a_secret_of_a_mebibyte_fits() {
    let site = site();
    let value = BASE64_STANDARD.encode(vec![7; 1024 * 1024 + 1024]);
    let body = json!({ "key": "a", "value": value, "nonce": NONCE });
    site.call("POST", "/api/v1/secrets", Some(body))
        .success(201);
    assert_eq!(site.read("a").success(200)["value"], value);
}

#[test]
fn a_body_over_the_limit_is_413_even_when_it_is_sent_whole_first() {
    let site = site_of(Vault::builder().body_limit(1000));
    let mut body = update();
    body["padding"] = json!("x".repeat(1000));
    site.call("PUT", "/api/v1/secrets/a", Some(body)).error(413);
    let huge = vec![b' '; 12_000_000];
    let answer = site.send("POST", "/oauth/token", &[JSON], Some(huge));
    assert_eq!(answer.error(413), "the body is larger than 1000 bytes");
}

#[test]
fn a_body_of_exactly_the_limit_is_read() {
    let body = update().to_string().into_bytes();
    let site = site_of(Vault::builder().body_limit(body.len()));
    let headers = [JSON, ("x-aegis-token", site.token.as_str())];
    site.send("POST", "/api/v1/secrets/a", &headers, Some(body))
        .success(201);
}

#[test]
fn a_refusal_reaches_a_client_that_sends_a_large_body_first() {
    let site = site();
    let body = json!({ "value": "A".repeat(2_000_000), "nonce": NONCE });
    site.call_as("expired", "PUT", "/api/v1/secrets/a", Some(body))
        .error(401);
}

#[test]
fn only_json_is_taken() {
    let site = site();
    let token = ("x-aegis-token", site.token.as_str());
    let write = |kind: Option<&str>| {
        let mut headers = vec![token];
        headers.extend(kind.map(|kind| ("content-type", kind)));
        let body = Some(update().to_string().into_bytes());
        site.send("POST", "/api/v1/secrets/a", &headers, body)
    };
    write(Some("Application/JSON; charset=utf-8")).success(201);
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some(""),
    ] {
        write(kind).error(415);
    }
}

#[test]
fn json_that_is_none_or_another_is_422() {
    let site = site();
    let headers = [JSON, ("x-aegis-token", site.token.as_str())];
    let bodies: [&[u8]; 9] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{\"key\":\"a\"}",
        b"{\"key\":1,\"value\":\"\",\"nonce\":\"\"}",
        b"{\"key\":\"a\",\"key\":\"a\",\"value\":\"\",\"nonce\":\"\"}",
        b"\xff",
        &[b'['; 100_000],
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(50)]).into_owned();
        let answer = site.send("POST", "/api/v1/secrets", &headers, Some(body.to_vec()));
        assert_eq!(answer.status, 422, "{shown}");
        assert!(answer.error(422).len() <= 300);
    }
}

#[test]
fn a_message_quotes_little() {
    let site = site();
    let mut body = update();
    body["expiresAt"] = json!("é".repeat(100_000));
    let answer = site.call("PUT", "/api/v1/secrets/a", Some(body));
    assert!(answer.error(422).len() <= 300);
}
