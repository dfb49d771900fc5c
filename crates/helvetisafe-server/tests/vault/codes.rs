//! Each refusal has its code. Heads that two programs could interpret differently are refused.

use std::collections::BTreeSet;
use std::time::Duration;

use helvetisafe_proto::{ErrorCode, Scopes};
use serde_json::{Value, json};

use crate::raw::{answer_to, exchange};
use crate::support::{Answer, NONCE, Site, VALUE, secret, site, site_of, throttled_site};
use crate::tenant::log_in;

const JSON: &str = "content-type: application/json\r\n";

/// Sends these header lines unchanged, with one `Host` and the length of the body.
fn ask(site: &Site, line: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    let request =
        format!("{line} HTTP/1.1\r\nhost: a\r\n{headers}content-length: {length}\r\n\r\n{body}");
    answer_to(site.vault.address(), request.as_bytes()).unwrap()
}

/// The same with the site's token.
fn ask_with_token(site: &Site, line: &str, headers: &str, body: &str) -> Answer {
    let headers = format!("x-aegis-token: {}\r\n{headers}", site.token);
    ask(site, line, &headers, body)
}

fn create(site: &Site, name: &str, body: &Value) -> Answer {
    let line = format!("POST /api/v1/secrets/{name}");
    ask_with_token(site, &line, JSON, &body.to_string())
}

#[track_caller]
fn check(answer: &Answer, code: ErrorCode) -> ErrorCode {
    answer.error(code.status().as_u16());
    assert_eq!(answer.body["code"], code.as_str());
    assert_eq!(answer.body.as_object().unwrap().len(), 2);
    code
}

#[test]
fn every_refusal_has_its_code() {
    let mut seen = of_heads();
    seen.extend(of_credentials());
    seen.extend(of_bodies());
    seen.extend(of_limits());
    let seen: BTreeSet<&str> = seen.iter().map(|code| code.as_str()).collect();
    // The first ones are of calls with tests of their own; the others need a failing database or machine.
    let unseen = [
        ErrorCode::InvalidInvitation,
        ErrorCode::InvalidBootstrap,
        ErrorCode::RecordNotFound,
        ErrorCode::IdTaken,
        ErrorCode::NameTaken,
        ErrorCode::NeedsAccessToken,
        ErrorCode::TooManyInvitations,
        ErrorCode::ChainMoved,
        ErrorCode::NoChain,
        ErrorCode::LastAdministrator,
        ErrorCode::RotationInProgress,
        ErrorCode::SecretsUnstaged,
        ErrorCode::MembersChanged,
        ErrorCode::KeyEpochMismatch,
        ErrorCode::InvalidMember,
        ErrorCode::StorageFull,
        ErrorCode::DatabaseFailed,
        ErrorCode::NoRandomness,
        ErrorCode::Busy,
        ErrorCode::OutcomeUnknown,
    ];
    for code in ErrorCode::ALL {
        assert_eq!(
            seen.contains(code.as_str()),
            !unseen.contains(code),
            "{code}"
        );
    }
}

fn of_heads() -> Vec<ErrorCode> {
    let site = site();
    let head = |lines: &str| {
        let request = format!("GET /health {lines}\r\n\r\n");
        answer_to(site.vault.address(), request.as_bytes()).unwrap()
    };
    for lines in [
        "HTTP/1.1\r\nhost: a",
        "HTTP/1.1\r\nhost:",
        "HTTP/1.1\r\nhost: [::1]:8200",
        "HTTP/1.0",
        "HTTP/1.0\r\nhost: a",
    ] {
        head(lines).success(200);
    }
    for lines in [
        "HTTP/1.1",
        "HTTP/1.1\r\nhost: a\r\nhost: a",
        "HTTP/1.1\r\nhost: a\r\nHOST: b",
        "HTTP/1.1\r\nhost: a b",
        "HTTP/1.1\r\nhost: a/b",
        "HTTP/1.1\r\nhost: user@a",
        "HTTP/1.0\r\nhost: a\r\nhost: a",
    ] {
        check(&head(lines), ErrorCode::InvalidHost);
    }
    let nothing = ask(&site, "GET /nothing", "", "");
    let put = ask(&site, "PUT /health", "", "");
    let list = |query: &str| {
        let line = format!("GET /api/v1/secrets?{query}");
        ask_with_token(&site, &line, "", "")
    };
    for query in [
        "limit=",
        "limit=0",
        "limit=-1",
        "limit=1&limit=1",
        "after=",
        "after=a-b",
    ] {
        check(&list(query), ErrorCode::InvalidQuery);
    }
    vec![
        check(&list("limit=x"), ErrorCode::InvalidQuery),
        check(&head("HTTP/1.1"), ErrorCode::InvalidHost),
        check(&nothing, ErrorCode::UnknownPath),
        check(&put, ErrorCode::MethodNotAllowed),
    ]
}

fn of_credentials() -> Vec<ErrorCode> {
    let site = site();
    let (token, none) = (&site.token, site.new_api_token(Scopes::NONE));
    let list = |headers: &str| ask(&site, "GET /api/v1/secrets", headers, "");
    let several = [
        format!("authorization: Bearer {token}\r\nauthorization: Bearer {token}\r\n"),
        format!("x-aegis-token: {token}\r\nX-Aegis-Token: {token}\r\n"),
        format!("authorization: Bearer {token}\r\nx-aegis-token: {token}\r\n"),
        format!("authorization: Bearer {token}\r\nauthorization: Basic Og==\r\n"),
    ];
    for headers in &several {
        check(&list(headers), ErrorCode::SeveralCredentials);
    }
    // The token endpoint accepts HTTP Basic.
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let twice = format!("{form}authorization: Basic Og==\r\nauthorization: Basic Og==\r\n");
    let twice = ask(
        &site,
        "POST /oauth/token",
        &twice,
        "grant_type=client_credentials",
    );
    vec![
        check(&twice, ErrorCode::SeveralCredentials),
        check(&list(""), ErrorCode::MissingCredential),
        check(&list("x-aegis-token: x\r\n"), ErrorCode::InvalidToken),
        check(
            &list(&format!("x-aegis-token: {none}\r\n")),
            ErrorCode::MissingScope,
        ),
    ]
}

fn of_bodies() -> Vec<ErrorCode> {
    let site = site();
    site.create("there").success(201);
    let write = |body: Value| create(&site, "a", &body);
    let with = |headers: &str| {
        ask_with_token(
            &site,
            "PUT /api/v1/secrets/a",
            headers,
            &secret("a").to_string(),
        )
    };
    for headers in [
        "content-encoding: gzip\r\n",
        "content-encoding: identity, br\r\n",
        "content-encoding: identity\r\ncontent-encoding: x\r\n",
        "content-encoding: \u{e9}\r\n",
    ] {
        let answer = with(&format!("{JSON}{headers}"));
        check(&answer, ErrorCode::UnknownEncoding);
        assert_eq!(answer.headers["accept-encoding"], "identity");
        let form = format!("content-type: application/x-www-form-urlencoded\r\n{headers}");
        let answer = ask(&site, "POST /oauth/token", &form, "a");
        check(&answer, ErrorCode::UnknownEncoding);
    }
    with(&format!("{JSON}content-encoding: Identity, ,identity\r\n")).error(404);
    let past = json!({ "value": VALUE, "nonce": NONCE, "expiresAt": "2001-01-01T00:00:00Z" });
    let cut = format!(
        "PUT /api/v1/secrets/a HTTP/1.1\r\nhost: a\r\nx-aegis-token: {}\r\n{JSON}\
         transfer-encoding: chunked\r\n\r\n5\r\n12345\r\nx\r\n",
        site.token
    );
    let cut = exchange(site.vault.address(), cut.as_bytes()).unwrap();
    let changed = site.call_if("DELETE", "/api/v1/secrets/there", "\"0\"", None);
    let absent = site.call("DELETE", "/api/v1/secrets/absent", None);
    vec![
        check(&with(&format!("{JSON}{JSON}")), ErrorCode::RepeatedHeader),
        check(&with(""), ErrorCode::WrongMediaType),
        check(
            &with(&format!("{JSON}content-encoding: x\r\n")),
            ErrorCode::UnknownEncoding,
        ),
        of_transfer_encodings(&site),
        check(&cut, ErrorCode::BodyCutShort),
        check(&write(json!([])), ErrorCode::NotAnObject),
        check(&write(json!({})), ErrorCode::MissingMember),
        check(
            &write(json!({ "value": 5, "nonce": NONCE })),
            ErrorCode::InvalidBody,
        ),
        check(
            &write(json!({ "value": VALUE, "nonce": NONCE, "expiresAt": "soon" })),
            ErrorCode::InvalidExpiry,
        ),
        check(
            &write(json!({ "value": VALUE, "nonce": "" })),
            ErrorCode::InvalidNonce,
        ),
        check(
            &write(json!({ "value": "", "nonce": NONCE })),
            ErrorCode::InvalidValue,
        ),
        check(&write(past), ErrorCode::ExpiryInThePast),
        check(
            &create(&site, "no-name", &secret("a")),
            ErrorCode::InvalidName,
        ),
        check(&absent, ErrorCode::SecretNotFound),
        check(&changed, ErrorCode::VersionMismatch),
        check(&site.create("there"), ErrorCode::SecretExists),
    ]
}

/// Two programs could read such a body differently.
fn of_transfer_encodings(site: &Site) -> ErrorCode {
    for headers in [
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: identity\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked, chunked\r\n",
        "transfer-encoding: , chunked\r\n",
    ] {
        let body = secret("a").to_string();
        let request = format!(
            "POST /api/v1/secrets HTTP/1.1\r\nhost: a\r\nx-aegis-token: {}\r\n{JSON}{headers}\r\n\
             {:x}\r\n{body}\r\n0\r\n\r\n",
            site.token,
            body.len()
        );
        let answer = exchange(site.vault.address(), request.as_bytes()).unwrap();
        check(&answer, ErrorCode::InvalidTransferEncoding);
    }
    ErrorCode::InvalidTransferEncoding
}

/// The name is in the body of a create. The text names the member, and the code the reason.
#[test]
fn a_refused_body_names_the_member() {
    let site = site();
    let whole = || json!({ "key": "a", "value": VALUE, "nonce": NONCE });
    for name in ["key", "value", "nonce"] {
        for absent in [false, true] {
            let mut body = whole();
            if absent {
                body.as_object_mut().unwrap().remove(name);
            } else {
                body[name] = Value::Null;
            }
            let answer = site.call("POST", "/api/v1/secrets", Some(body));
            check(&answer, ErrorCode::MissingMember);
            assert_eq!(answer.body["error"], format!("the body has no {name}"));
        }
    }
    for (name, value, code) in [
        ("key", "no name", ErrorCode::InvalidName),
        ("expiresAt", "soon", ErrorCode::InvalidExpiry),
    ] {
        let mut body = whole();
        body[name] = value.into();
        check(&site.call("POST", "/api/v1/secrets", Some(body)), code);
    }
    let update = json!({ "key": "no name", "value": VALUE, "nonce": NONCE });
    create(&site, "a", &update).success(201);
}

fn of_limits() -> Vec<ErrorCode> {
    let site = throttled_site();
    site.read("a");
    site.fetch_token("").success(200);
    let failed = || log_in(site.vault.base_url(), "x", "x");
    failed();
    let small = crate::support::builder().body_limit(100).body_budget(100);
    let small = site_of(small.client_timeout(Duration::from_millis(300)));
    let slow = format!(
        "PUT /api/v1/secrets/a HTTP/1.1\r\nhost: a\r\nx-aegis-token: {}\r\n{JSON}\
         content-length: 50\r\n\r\n{{",
        small.token
    );
    let slow = answer_to(small.vault.address(), slow.as_bytes()).unwrap();
    let large = create(&small, "a", &json!({ "value": "A".repeat(200) }));
    vec![
        check(&site.read("a"), ErrorCode::TooManyRequests),
        check(&site.fetch_token(""), ErrorCode::TooManyLogins),
        check(&failed(), ErrorCode::TooManyFailedLogins),
        check(&slow, ErrorCode::BodyTooSlow),
        check(&large, ErrorCode::BodyTooLarge),
        check(&crate::budgets::over_the_budget(), ErrorCode::Overloaded),
    ]
}
