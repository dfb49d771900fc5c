//! Credentials: headers, API tokens, revocation. See `scopes` for scopes, and `organizations` for the
//! separation of organizations.

use std::io::{Read, Write};
use std::net::TcpStream;

use helvetisafe_proto::Scope;
use helvetisafe_server::{Error, NewApiToken, Vault};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;

use crate::raw::read_answer;
use crate::support::{new_account, secret, site, update};

const LIST: &str = "/api/v1/secrets";

#[test]
fn an_api_token_works_in_both_headers_and_an_access_token_in_one() {
    let site = site();
    let (api, access) = (site.token.clone(), site.access_token());
    let list = |name: &str, value: &str| site.send("GET", LIST, &[(name, value)], None);
    list("X-Aegis-Token", &api).success(200);
    list("Authorization", &format!("Bearer {api}")).success(200);
    list("Authorization", &format!("bearer {access}")).success(200);
    list("X-Aegis-Token", &access).error(401);
}

#[test]
fn without_a_valid_credential_every_call_is_401() {
    let site = site();
    let calls = [
        ("GET", "/api/v1/credentials/org-key"),
        ("GET", "/api/v1/credentials/private-key"),
        ("GET", LIST),
        ("POST", LIST),
        ("GET", "/api/v1/secrets/a"),
        ("PUT", "/api/v1/secrets/a"),
        ("POST", "/api/v1/secrets/a"),
        ("DELETE", "/api/v1/secrets/a"),
    ];
    let bad = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic eDp5",
        &site.token,
    ];
    for (method, path) in calls {
        let answer = site.send(method, path, &[], None);
        answer.error(401);
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        for value in bad {
            site.send(method, path, &[("authorization", value)], None)
                .error(401);
        }
        site.send(method, path, &[("x-aegis-token", "")], None)
            .error(401);
    }
    let bearer = format!("Bearer {}", site.token);
    let both = [
        ("authorization", bearer.as_str()),
        ("x-aegis-token", &site.token),
    ];
    site.send("GET", LIST, &both, None).error(400);
}

#[test]
fn an_api_token_can_do_no_more_than_its_account() {
    let site = site();
    let account = new_account().scopes([Scope::SecretsList]);
    let account = site.vault.new_account(&site.organization, account).unwrap();
    let token = site
        .vault
        .new_api_token(&account, NewApiToken::default())
        .unwrap();
    site.call_as(token.expose_secret(), "GET", LIST, None)
        .success(200);
    site.call_as(token.expose_secret(), "GET", "/api/v1/secrets/a", None)
        .error(403);
}

#[test]
fn accounts_of_one_organization_share_its_secrets() {
    let site = site();
    site.create("a").success(201);
    let account = site
        .vault
        .new_account(&site.organization, new_account())
        .unwrap();
    let token = site
        .vault
        .new_api_token(&account, NewApiToken::default())
        .unwrap();
    site.call_as(token.expose_secret(), "GET", "/api/v1/secrets/a", None)
        .success(200);
}

/// The vault asks for the body with `100 Continue` once it has checked the credential.
#[test]
fn a_token_that_is_revoked_while_the_body_arrives_writes_nothing() {
    let site = site();
    site.create("a").success(201);
    let version = site.read("a").success(200)["version"].clone();
    for (method, path, body) in [
        ("POST", "/api/v1/secrets", secret("b")),
        ("PUT", "/api/v1/secrets/a", update()),
        ("POST", "/api/v1/secrets/a", update()),
        ("POST", "/api/v1/secrets/b", update()),
    ] {
        let token = site.access_token();
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(site.vault.address()).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut asked = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut asked).unwrap();
        site.vault.revoke_tokens(&site.account).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let answer = read_answer(&mut stream, false).unwrap();
        answer.error(401);
        assert_eq!(answer.body["code"], "invalid_token", "{method} {path}");
    }
    assert_eq!(site.read("a").success(200)["version"], version);
    site.read("b").error(404);
}

#[test]
fn a_revoked_token_is_refused_at_once_and_the_others_are_not() {
    let site = site();
    let access = site.access_token();
    let works = |token: &str| site.call_as(token, "GET", LIST, None).status;
    assert_eq!((works(&access), works(&site.token)), (200, 200));
    site.vault.revoke_tokens(&site.account).unwrap();
    assert_eq!((works(&access), works(&site.token)), (401, 200));
    let access = site.access_token();
    site.vault.revoke_api_tokens(&site.account).unwrap();
    assert_eq!((works(&access), works(&site.token)), (200, 401));
}

#[test]
fn an_api_token_is_refused_after_its_expiry() {
    let site = site();
    let token_for = |life: i64| {
        let end = Timestamp::now() + SignedDuration::from_millis(life);
        let token = NewApiToken::default().expires_at(end);
        site.vault
            .new_api_token(&site.account, token)
            .unwrap()
            .expose_secret()
            .to_owned()
    };
    site.call_as(&token_for(-1), "GET", LIST, None).error(401);
    let token = token_for(400);
    site.call_as(&token, "GET", LIST, None).success(200);
    std::thread::sleep(std::time::Duration::from_millis(450));
    site.call_as(&token, "GET", LIST, None).error(401);
}

#[test]
fn handles_of_another_vault_are_refused() {
    let site = site();
    let other = Vault::ephemeral().unwrap();
    let account = other.new_account(&site.organization, new_account());
    assert!(
        matches!(account, Err(Error::UnknownOrganization)),
        "{account:?}"
    );
    let token = other.new_api_token(&site.account, NewApiToken::default());
    assert!(matches!(token, Err(Error::UnknownAccount)));
}

#[test]
fn debug_output_shows_no_credential() {
    let site = site();
    let shown = format!(
        "{:?} {:?} {:?}",
        site.vault, site.organization, site.account
    );
    for secret in [
        site.account.client_secret.expose_secret(),
        site.account.password.expose_secret(),
        "PRIVATE KEY",
    ] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
