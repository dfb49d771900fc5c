//! The OpenAPI document and the calls agree, in both directions.

use std::collections::BTreeSet;
use std::time::Duration;

use helvetisafe_proto::endpoint::organization::{
    Confirm, CreateApiToken, Disable, FoundOrganization, GetAccount, GetChain, GetInvitation,
    GetJoinChain, Invite, Join, ListApiTokens, ListAudit, ListInvitations, ListMembers,
    RevokeApiToken, WithdrawInvitation,
};
use helvetisafe_proto::endpoint::{
    CreateSecret, DeleteSecret, FetchToken, GetOrgKey, GetPrivateKey, GetSecret, ListSecrets,
    UpdateSecret,
};
use helvetisafe_proto::{Endpoint, ErrorCode, Scopes};
use secrecy::ExposeSecret;

use crate::document::{Document, METHODS, Operation, codes_in};
use crate::raw::answer_to;
use crate::support::{Answer, Site, send, site, site_of, throttled_site, update};
use crate::tenant::log_in;

/// The codes of calls that the vault does not have yet.
const UNUSED: [ErrorCode; 3] = [
    ErrorCode::RotationInProgress,
    ErrorCode::SecretsUnstaged,
    ErrorCode::MembersChanged,
];

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn the_document_is_served_without_a_credential() {
    let (vault, document) = (crate::support::builder().start().unwrap(), Document::new());
    let answer = send(vault.base_url(), "GET", "/openapi.json", &[], None);
    assert_eq!(answer.headers["content-type"], "application/json");
    let served = answer.success(200);
    assert_eq!(&served, document.value());
    assert_eq!(served["openapi"], "3.1.0");
    assert_eq!(served["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_route_is_documented_and_nothing_else() {
    let administration = include_str!("../../src/http/organization.rs");
    let source = include_str!("../../src/http.rs");
    let quoted = source.split('"').skip(1).step_by(2);
    let endpoints = [source, administration];
    let endpoints = endpoints
        .iter()
        .flat_map(|it| it.split("endpoint::<").skip(1));
    let endpoints = endpoints.map(|text| match text.split(',').next().unwrap() {
        "FetchToken" => FetchToken::PATH,
        "GetOrgKey" => GetOrgKey::PATH,
        "GetPrivateKey" => GetPrivateKey::PATH,
        "ListSecrets" => ListSecrets::PATH,
        "CreateSecret" => CreateSecret::PATH,
        "GetSecret" => GetSecret::PATH,
        "UpdateSecret" => UpdateSecret::PATH,
        "DeleteSecret" => DeleteSecret::PATH,
        "CreateApiToken" => CreateApiToken::PATH,
        "ListApiTokens" => ListApiTokens::PATH,
        "RevokeApiToken" => RevokeApiToken::PATH,
        "ListAudit" => ListAudit::PATH,
        "FoundOrganization" => FoundOrganization::PATH,
        "GetAccount" => GetAccount::PATH,
        "GetChain" => GetChain::PATH,
        "ListInvitations" => ListInvitations::PATH,
        "Invite" => Invite::PATH,
        "WithdrawInvitation" => WithdrawInvitation::PATH,
        "ListMembers" => ListMembers::PATH,
        "Confirm" => Confirm::PATH,
        "Disable" => Disable::PATH,
        "GetInvitation" => GetInvitation::PATH,
        "Join" => Join::PATH,
        "GetJoinChain" => GetJoinChain::PATH,
        other => panic!("teach the test {other}"),
    });
    let routes = quoted.filter(|text| text.starts_with('/')).chain(endpoints);
    assert_eq!(
        Document::new().paths().collect::<BTreeSet<_>>(),
        routes.collect()
    );
}

#[test]
fn every_path_has_the_documented_methods_and_no_other() {
    let (site, document) = (site(), Document::new());
    for path in document.paths() {
        let mut documented: BTreeSet<&str> = document
            .all()
            .into_iter()
            .filter(|operation| operation.path == path)
            .map(|operation| operation.method)
            .collect();
        if documented.contains("GET") {
            documented.insert("HEAD");
        }
        for method in METHODS {
            let answer = site.send(
                method,
                &path.replace("{key}", "a").replace("{id}", "a"),
                &[],
                None,
            );
            assert_eq!(
                answer.status != 405,
                documented.contains(method),
                "{method} {path}"
            );
            if answer.status == 405 {
                let allowed = answer.headers["allow"].to_str().unwrap().split(',');
                assert_eq!(allowed.collect::<BTreeSet<_>>(), documented, "{path}");
            }
        }
    }
}

/// The observed statuses of each operation.
#[derive(Default)]
struct Seen<'a>(BTreeSet<(&'a str, &'a str, u16)>);

impl<'a> Seen<'a> {
    fn check(&mut self, document: &Document, operation: Operation<'a>, answer: &Answer) {
        document.check(operation, answer);
        self.0
            .insert((operation.method, operation.path, answer.status));
    }
}

#[test]
fn every_documented_answer_occurs_and_matches_the_document() {
    let document = Document::new();
    let mut seen = Seen::default();
    let (site, short_timeout) = (site(), site_with_short_timeout());
    for operation in document.operations() {
        let mut answers = successes(&site, operation);
        answers.extend(refusals(&site, operation));
        answers.push(throttled(operation));
        answers.extend(broken_requests(&short_timeout, operation));
        for answer in answers {
            seen.check(&document, operation, &answer);
        }
    }
    // These need a broken vault, one that is busy for too long for a test, or a full disk.
    let unseen = [500, 503, 507];
    for operation in document.operations() {
        for status in operation.statuses() {
            let key = (operation.method, operation.path, status);
            assert_eq!(seen.0.contains(&key), !unseen.contains(&status), "{key:?}");
        }
    }
}

/// Makes valid requests, with and without an existing secret.
fn successes(site: &Site, operation: Operation<'_>) -> Vec<Answer> {
    site.call("POST", "/api/v1/secrets/there", Some(update()));
    site.call("DELETE", "/api/v1/secrets/absent", None);
    let try_one = |key: &str| {
        if operation.path == "/oauth/token" {
            site.fetch_token("")
        } else {
            site.call(
                operation.method,
                &operation.path_for(key),
                operation.body_for(key),
            )
        }
    };
    vec![try_one("absent"), try_one("there")]
}

/// Makes a request for each documented error.
fn refusals(site: &Site, operation: Operation<'_>) -> Vec<Answer> {
    let path = operation.path_for("a");
    if operation.path == "/oauth/token" {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let body = Some(b"grant_type=password".to_vec());
        let wrong = log_in(site.vault.base_url(), &site.account.client_id, "x");
        let packed = [form[0], ("content-encoding", "gzip")];
        return vec![
            site.send("POST", &path, &form, body.clone()),
            site.send("POST", &path, &packed, body),
            wrong,
        ];
    }
    if operation.scope().is_none() {
        return Vec::new();
    }
    let both = [("authorization", "Bearer x"), ("x-aegis-token", "x")];
    let none = site.new_api_token(Scopes::NONE);
    let mut answers = vec![
        site.send(operation.method, &path, &[], None),
        site.send(operation.method, &path, &both, None),
        site.call_as(&none, operation.method, &path, None),
    ];
    if operation.statuses().contains(&412) {
        site.call("POST", "/api/v1/secrets/there", Some(update()));
        let (path, body) = (operation.path_for("there"), operation.body_for("there"));
        answers.push(site.call_if(operation.method, &path, "\"0\"", body));
        if let Some(mut body) = operation.body_for("there") {
            body["keyEpoch"] = 2.into();
            answers.push(site.call(operation.method, &path, Some(body)));
        }
    }
    if operation.body_for("a").is_some() {
        let token = ("x-aegis-token", site.token.as_str());
        let text = Some(update().to_string().into_bytes());
        answers.push(site.send(operation.method, &path, &[token], text));
        answers.push(site.send(operation.method, &path, &[token, JSON], Some(b"{".to_vec())));
    }
    answers
}

/// Returns the answer to a second request where only one is allowed.
fn throttled(operation: Operation<'_>) -> Answer {
    let site = throttled_site();
    let again = || {
        if operation.path == "/oauth/token" {
            site.fetch_token("")
        } else {
            site.call(
                operation.method,
                &operation.path_for("a"),
                operation.body_for("a"),
            )
        }
    };
    again();
    again()
}

fn site_with_short_timeout() -> Site {
    let timeout = Duration::from_millis(300);
    site_of(
        crate::support::builder()
            .body_limit(1000)
            .client_timeout(timeout),
    )
}

/// Sends a body that is too large, one that does not arrive, one that ends early, and a request without `Host`.
fn broken_requests(site: &Site, operation: Operation<'_>) -> Vec<Answer> {
    let (method, path) = (operation.method, operation.path_for("a"));
    let kind = if operation.path == "/oauth/token" {
        "application/x-www-form-urlencoded"
    } else {
        "application/json"
    };
    let credential = match operation.scope() {
        Some(_) => format!("x-aegis-token: {}\r\n", site.token),
        None => String::new(),
    };
    let send = |rest: &str| {
        let request = format!("{method} {path} HTTP/1.1\r\n{rest}");
        answer_to(site.vault.address(), request.as_bytes()).unwrap()
    };
    let with = |framing: &str| {
        send(&format!(
            "host: a\r\n{credential}content-type: {kind}\r\n{framing}"
        ))
    };
    vec![
        with(&format!("content-length: 1001\r\n\r\n{}", "x".repeat(1001))),
        with("content-length: 10\r\n\r\n12345"),
        // An invalid chunk size, after which the body cannot be read.
        with("transfer-encoding: chunked\r\n\r\n5\r\n12345\r\nx\r\n"),
        send("\r\n"),
    ]
}

#[test]
fn the_document_has_the_codes_and_statuses_of_the_table() {
    let document = Document::new();
    let listed = document.value()["components"]["schemas"]["Code"]["enum"].clone();
    assert_eq!(listed, serde_json::json!(ErrorCode::ALL));
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for operation in document.all() {
        for status in operation.statuses() {
            for code in codes_in(document.response(operation, status).unwrap()) {
                assert_eq!(code.status().as_u16(), status, "{code}");
                named.insert(code.as_str());
            }
        }
    }
    // These belong to no operation.
    named.extend(
        codes_in(&document.value()["info"])
            .iter()
            .map(|code| code.as_str()),
    );
    let codes = ErrorCode::ALL.iter();
    let codes = codes.filter(|code| !UNUSED.contains(code));
    assert_eq!(named, codes.map(|code| code.as_str()).collect());
}

#[test]
fn the_wire_contract_has_the_same_codes() {
    let contract = include_str!("../../../../docs/wire-contract.md");
    let mut listed = Vec::new();
    for row in contract.lines() {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let Some(Ok(status)) = cells.next().map(str::parse::<u16>) else {
            continue;
        };
        for code in cells.next().unwrap().split(", ") {
            let code: ErrorCode = code.trim_matches('`').parse().unwrap();
            assert_eq!(code.status().as_u16(), status, "{code}");
            listed.push(code);
        }
    }
    assert_eq!(listed.len(), ErrorCode::ALL.len());
    assert!(ErrorCode::ALL.iter().all(|code| listed.contains(code)));
}

#[test]
fn the_document_covers_head_requests() {
    let Site { vault, token, .. } = site();
    for operation in Document::new().operations() {
        if operation.method == "GET" {
            let path = operation.path_for("a");
            let headers = [("x-aegis-token", token.as_str())];
            let get = send(vault.base_url(), "GET", &path, &headers, None);
            let head = send(vault.base_url(), "HEAD", &path, &headers, None);
            assert_eq!((head.status, head.body.is_null()), (get.status, true));
        }
    }
}

#[test]
fn the_document_contains_no_credential() {
    let site = site();
    let text = Document::new().value().to_string();
    for secret in [
        &site.token,
        site.account.client_secret.expose_secret(),
        "hs_secret_",
        "hs_api_",
        "hs_access_",
    ] {
        assert!(!text.contains(secret));
    }
}
