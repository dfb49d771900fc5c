//! Each scope is necessary and sufficient: every set of scopes, every call, every kind of token.

use helvetisafe_proto::{Scope, Scopes};
use helvetisafe_server::NewApiToken;
use secrecy::ExposeSecret;

use crate::document::{Document, Operation};
use crate::support::{Site, new_account, site};
use crate::tenant::log_in;

/// The scope of each call, independent of the document and the code.
const NEEDED: [(&str, &str, Scope); 8] = [
    ("GET", "/api/v1/credentials/org-key", Scope::CredentialsRead),
    (
        "GET",
        "/api/v1/credentials/private-key",
        Scope::CredentialsRead,
    ),
    ("GET", "/api/v1/secrets", Scope::SecretsList),
    ("POST", "/api/v1/secrets", Scope::SecretsWrite),
    ("GET", "/api/v1/secrets/{key}", Scope::SecretsRead),
    ("PUT", "/api/v1/secrets/{key}", Scope::SecretsWrite),
    ("POST", "/api/v1/secrets/{key}", Scope::SecretsWrite),
    ("DELETE", "/api/v1/secrets/{key}", Scope::SecretsDelete),
];

fn all_sets() -> impl Iterator<Item = Scopes> {
    (0_u32..32).map(|bits| {
        let chosen = Scope::ALL.iter().copied().enumerate();
        chosen
            .filter(|(n, _)| bits >> n & 1 == 1)
            .map(|(_, scope)| scope)
            .collect()
    })
}

/// Returns tokens with exactly these scopes: an API token; an API token and an access token of an account with
/// these scopes; and an access token that was requested with them.
fn tokens(site: &Site, scopes: Scopes) -> Vec<(&'static str, String)> {
    let account = new_account().scopes(scopes);
    let account = site.vault.new_account(&site.organization, account).unwrap();
    let of_account = site.vault.new_api_token(&account, NewApiToken::default());
    let base_url = site.vault.base_url();
    let logged_in = log_in(
        base_url,
        &account.client_id,
        account.client_secret.expose_secret(),
    );
    let access = |body: &serde_json::Value| body["access_token"].as_str().unwrap().to_owned();
    let mut tokens = vec![
        ("API token", site.new_api_token(scopes)),
        (
            "API token of account",
            of_account.unwrap().expose_secret().to_owned(),
        ),
        ("access token of account", access(&logged_in.success(200))),
    ];
    // A token request without scopes is a request for all of them.
    if !scopes.is_empty() {
        let asked = site.fetch_token(&scopes.to_string()).success(200);
        tokens.push(("access token", access(&asked)));
    }
    tokens
}

#[test]
fn the_document_names_the_scope_of_each_call() {
    let document = Document::new();
    let documented = document.calls();
    assert_eq!(documented.len(), NEEDED.len());
    for (method, path, scope) in NEEDED {
        let call = documented
            .iter()
            .find(|call| (call.method, call.path) == (method, path));
        assert_eq!(
            call.unwrap().scope(),
            Some(scope.as_str()),
            "{method} {path}"
        );
    }
}

#[test]
fn every_set_of_scopes_allows_exactly_its_calls() {
    let (site, document) = (site(), Document::new());
    site.create("a").success(201);
    let mut cells = 0;
    for scopes in all_sets() {
        for (kind, token) in tokens(&site, scopes) {
            for call in document.calls() {
                let what = format!("{kind} {scopes:?} {} {}", call.method, call.path);
                check(&site, &document, call, scopes, &token, &what);
                cells += 1;
            }
        }
    }
    assert_eq!(cells, (32 * 4 - 1) * 8);
}

/// Before each check, `a` exists and `b` does not.
fn check(
    site: &Site,
    document: &Document,
    call: Operation<'_>,
    scopes: Scopes,
    token: &str,
    what: &str,
) {
    let creates = (call.method, call.path) == ("POST", "/api/v1/secrets");
    let key = if creates { "b" } else { "a" };
    let answer = site.call_as(token, call.method, &call.path_for(key), call.body_for(key));
    document.check(call, &answer);
    let scope: Scope = call.scope().unwrap().parse().unwrap();
    if !scopes.contains(scope) {
        assert_eq!(
            answer.error(403),
            format!("missing scope: {scope}"),
            "{what}"
        );
        return;
    }
    assert!((200..300).contains(&answer.status), "{what}: {answer:?}");
    if creates {
        site.call("DELETE", "/api/v1/secrets/b", None).success(204);
    }
    if call.method == "DELETE" {
        site.create("a").success(201);
    }
}

#[test]
fn a_refused_call_changes_nothing() {
    let (site, document) = (site(), Document::new());
    site.create("a").success(201);
    let before = site.vault.stored_secrets(&site.organization).unwrap();
    let none = site.new_api_token(Scopes::NONE);
    for call in document.calls() {
        for key in ["a", "b", "a%20b"] {
            let answer = site.call_as(&none, call.method, &call.path_for(key), call.body_for("b"));
            answer.error(403);
        }
    }
    let after = site.vault.stored_secrets(&site.organization).unwrap();
    assert_eq!(after, before);
}
