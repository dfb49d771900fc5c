//! The token endpoint, RFC 6749.

use std::thread::sleep;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use helvetisafe_proto::Scope;
use secrecy::ExposeSecret;

use crate::support::{Site, new_account, site, site_of, throttled_site};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[test]
fn a_token_answer_has_a_lifetime_and_scopes() {
    let site = site();
    let body = site.fetch_token("secrets:list secrets:read").success(200);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 3600);
    assert_eq!(body["scope"], "secrets:read secrets:list");
    let token = body["access_token"].as_str().unwrap();
    site.call_as(token, "GET", "/api/v1/secrets", None)
        .success(200);
    site.call_as(token, "GET", "/api/v1/credentials/org-key", None)
        .error(403);
}

#[test]
fn scopes_that_the_account_lacks_are_not_granted() {
    let mut site = site();
    let account = new_account().scopes([Scope::SecretsRead, Scope::SecretsList]);
    site.account = site.vault.new_account(&site.organization, account).unwrap();
    let granted = |scope| site.fetch_token(scope).success(200)["scope"].clone();
    assert_eq!(granted(""), "secrets:read secrets:list");
    assert_eq!(granted("secrets:read secrets:write openid"), "secrets:read");
    for scope in ["secrets:write", "openid", " "] {
        assert_eq!(site.fetch_token(scope).error(400), "invalid_scope");
    }
}

#[test]
fn http_basic_is_accepted() {
    let site = site();
    let secret = site.account.client_secret.expose_secret();
    let basic = |secret: &str, body: &str| {
        // Form-encoded before base64: section 2.3.1.
        let user = form_urlencoded::byte_serialize(site.account.client_id.as_bytes());
        let pair = format!("{}:{secret}", user.collect::<String>());
        let header = format!("Basic {}", BASE64_STANDARD.encode(pair));
        let headers = [FORM, ("authorization", header.as_str())];
        site.send(
            "POST",
            "/oauth/token",
            &headers,
            Some(body.as_bytes().to_vec()),
        )
    };
    basic(secret, "grant_type=client_credentials").success(200);
    let same = format!(
        "grant_type=client_credentials&client_id={}",
        site.account.client_id
    );
    basic(secret, &same).success(200);
    assert_eq!(
        basic("x", "grant_type=client_credentials").error(401),
        "invalid_client"
    );
    for body in ["client_secret=x", "client_id=x"] {
        let body = format!("grant_type=client_credentials&{body}");
        assert_eq!(basic(secret, &body).error(400), "invalid_request");
    }
}

#[test]
fn refusals_have_the_codes_of_section_5_2() {
    let site = site();
    let id = site.account.client_id.as_str();
    let secret = site.account.client_secret.expose_secret();
    let grant = ("grant_type", "client_credentials");
    let refused = |fields: &[(&str, &str)], status| {
        let answer = site.post_form(fields);
        assert!(answer.body["error_description"].is_string());
        answer.error(status).to_owned()
    };
    let unknown = [grant, ("client_id", "x"), ("client_secret", secret)];
    assert_eq!(refused(&unknown, 401), "invalid_client");
    let wrong = [grant, ("client_id", id), ("client_secret", "x")];
    assert_eq!(refused(&wrong, 401), "invalid_client");
    assert_eq!(refused(&[grant, ("client_id", id)], 401), "invalid_client");
    assert_eq!(refused(&[grant], 401), "invalid_client");
    let client = [("client_id", id), ("client_secret", secret)];
    assert_eq!(refused(&client, 400), "invalid_request");
    let password = [("grant_type", "password"), client[0], client[1]];
    assert_eq!(refused(&password, 400), "unsupported_grant_type");
    assert_eq!(
        refused(&[grant, grant, client[0], client[1]], 400),
        "invalid_request"
    );

    let json = [("content-type", "application/json")];
    let answer = site.send("POST", "/oauth/token", &json, Some(b"{}".to_vec()));
    assert_eq!(answer.error(400), "invalid_request");
    let answer = site.post_form(&wrong);
    assert!(
        answer.headers["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Basic")
    );
}

#[test]
fn an_access_token_expires_after_its_lifetime() {
    let site = site_of(crate::support::builder().token_life(Duration::from_millis(1500)));
    let token = site.access_token();
    let works = |site: &Site| site.call_as(&token, "GET", "/api/v1/secrets", None).status;
    assert_eq!(works(&site), 200);
    assert_eq!(works(&site), 200, "from the cache");
    sleep(Duration::from_millis(1550));
    assert_eq!(works(&site), 401);
}

/// PostgreSQL takes no NUL in a text.
#[test]
fn a_client_id_that_no_vault_issues_is_an_unknown_client() {
    for client_id in ["\0", "hs_client_\0", "\u{fdd0}", "a\r\nb", "\u{7f}"] {
        let site = throttled_site();
        let log_in = || {
            site.post_form(&[
                ("grant_type", "client_credentials"),
                ("client_id", client_id),
                ("client_secret", "x"),
            ])
        };
        assert_eq!(log_in().error(401), "invalid_client", "{client_id:?}");
        let again = log_in();
        again.error(429);
        assert_eq!(again.body["code"], "too_many_failed_logins");
    }
}
