//! Bodies that are too large or of a wrong type.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::support::{NONCE, VALUE, site, site_of, update};

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

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
fn a_body_over_the_limit_is_413_even_if_all_of_it_is_sent_first() {
    let site = site_of(crate::support::builder().body_limit(1000));
    let mut body = update();
    body["padding"] = json!("x".repeat(1000));
    site.call("PUT", "/api/v1/secrets/a", Some(body)).error(413);
    let huge = vec![b' '; 12_000_000];
    let answer = site.send("POST", "/oauth/token", &[FORM], Some(huge));
    assert_eq!(answer.error(413), "the body is larger than 1000 bytes");
}

#[test]
fn a_body_of_exactly_the_limit_is_read() {
    let body = update().to_string().into_bytes();
    let site = site_of(crate::support::builder().body_limit(body.len()));
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
fn only_json_is_accepted() {
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
fn a_body_that_is_not_an_object_is_400_and_a_wrong_object_is_422() {
    let site = site();
    let headers = [JSON, ("x-aegis-token", site.token.as_str())];
    let as_array = format!("[\"a\",\"{VALUE}\",\"{NONCE}\",null]");
    let bodies: [(&[u8], u16, &str); 14] = [
        (b"", 400, "not_an_object"),
        (b"null", 400, "not_an_object"),
        (b"[]", 400, "not_an_object"),
        (b" \n[\"a\"]", 400, "not_an_object"),
        (as_array.as_bytes(), 400, "not_an_object"),
        (b"\"key\"", 400, "not_an_object"),
        (b"1", 400, "not_an_object"),
        (b"\xff", 400, "not_an_object"),
        (&[b'['; 100_000], 400, "not_an_object"),
        (b"{", 422, "invalid_body"),
        (b"{}[]", 422, "invalid_body"),
        (b"{\"key\":\"a\"}", 422, "missing_member"),
        (
            b"{\"key\":1,\"value\":\"\",\"nonce\":\"\"}",
            422,
            "invalid_body",
        ),
        (
            b"{\"key\":\"a\",\"key\":\"a\",\"value\":\"\",\"nonce\":\"\"}",
            422,
            "invalid_body",
        ),
    ];
    for (body, status, code) in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(50)]).into_owned();
        let answer = site.send("POST", "/api/v1/secrets", &headers, Some(body.to_vec()));
        assert_eq!(answer.status, status, "{shown}");
        assert!(answer.error(status).len() <= 300);
        assert_eq!(answer.body["code"], code, "{shown}");
    }
    for (method, path) in [("POST", "/api/v1/secrets/a"), ("PUT", "/api/v1/secrets/a")] {
        let as_array = format!("[\"{VALUE}\",\"{NONCE}\"]").into_bytes();
        site.send(method, path, &headers, Some(as_array)).error(400);
    }
}

#[test]
fn an_error_quotes_little_of_the_body() {
    let site = site();
    let mut body = update();
    body["expiresAt"] = json!("é".repeat(100_000));
    let answer = site.call("PUT", "/api/v1/secrets/a", Some(body));
    assert!(answer.error(422).len() <= 300);
}
