//! A vault with one account, and an HTTP client for it.

use std::sync::OnceLock;
use std::time::Duration;

use helvetisafe_crypto::PrivateKey;
use helvetisafe_proto::Scopes;
use helvetisafe_server::{
    Account, NewAccount, NewApiToken, Organization, Rate, RateLimits, Vault, VaultBuilder,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use ureq::http::{HeaderMap, Request};

/// Base64 of 16 bytes, the smallest value, and of a nonce.
pub(crate) const VALUE: &str = "AAAAAAAAAAAAAAAAAAAAAA==";
pub(crate) const NONCE: &str = "AAAAAAAAAAAAAAAA";

pub(crate) struct Site {
    pub(crate) vault: Vault,
    pub(crate) organization: Organization,
    pub(crate) account: Account,
    /// An API token of the account with all scopes.
    pub(crate) token: String,
}

/// Returns the builder of a vault with the database that the tests use: SQLite in memory, or PostgreSQL if the variable
/// `HELVETISAFE_TEST_DATABASE` is `postgres`, or `serializable` for its strictest isolation. All vaults of the tests then
/// share one database, as nodes do.
pub(crate) fn builder() -> VaultBuilder {
    static SHARED: OnceLock<Option<helvetisafe_test_postgres::Database>> = OnceLock::new();
    match std::env::var("HELVETISAFE_TEST_DATABASE").as_deref() {
        Ok(kind @ ("postgres" | "serializable")) => {
            let shared = SHARED.get_or_init(|| {
                let database = helvetisafe_test_postgres::database()?;
                if kind == "serializable" {
                    database.force_serializable();
                }
                Some(database)
            });
            let url = shared.as_ref().unwrap().url();
            Vault::builder().database(url.parse().unwrap())
        }
        _ => Vault::builder(),
    }
}

pub(crate) fn site() -> Site {
    site_of(builder())
}

pub(crate) fn site_of(builder: VaultBuilder) -> Site {
    let vault = builder.start().unwrap();
    let organization = vault.new_organization().unwrap();
    let account = vault.new_account(&organization, new_account()).unwrap();
    let token = vault
        .new_api_token(&account, NewApiToken::default())
        .unwrap();
    Site {
        vault,
        organization,
        account,
        token: token.expose_secret().to_owned(),
    }
}

/// Returns a site that allows one request, one login and one failed login an hour.
pub(crate) fn throttled_site() -> Site {
    let one = Some(Rate::new(1, Duration::from_secs(3600)));
    site_of(builder().rate_limits(RateLimits {
        requests: one,
        logins: one,
        failed_logins: one,
    }))
}

/// Makes an account with the test key, since generating a key is slow.
pub(crate) fn new_account() -> NewAccount {
    let key = PrivateKey::from_pem(include_str!("../data/private-key.pem")).unwrap();
    NewAccount::default().private_key(key)
}

impl Site {
    /// Makes a call with the site's API token.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call_as(&self.token, method, path, body)
    }

    /// Makes a call with this `If-Match`.
    pub(crate) fn call_if(
        &self,
        method: &str,
        path: &str,
        condition: &str,
        body: Option<Value>,
    ) -> Answer {
        let headers = [
            ("x-aegis-token", self.token.as_str()),
            ("content-type", "application/json"),
            ("if-match", condition),
        ];
        let body = body.map(|body| body.to_string().into_bytes());
        self.send(method, path, &headers, body)
    }

    pub(crate) fn call_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("authorization", bearer.as_str())];
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let body = body.map(|body| body.to_string().into_bytes());
        self.send(method, path, &headers, body)
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        send(self.vault.base_url(), method, path, headers, body)
    }

    pub(crate) fn create(&self, key: &str) -> Answer {
        self.call("POST", "/api/v1/secrets", Some(secret(key)))
    }

    pub(crate) fn read(&self, key: &str) -> Answer {
        self.call("GET", &format!("/api/v1/secrets/{key}"), None)
    }

    pub(crate) fn new_api_token(&self, scopes: impl Into<Scopes>) -> String {
        let token = NewApiToken::default().scopes(scopes);
        self.vault
            .new_api_token(&self.account, token)
            .unwrap()
            .expose_secret()
            .to_owned()
    }

    pub(crate) fn fetch_token(&self, scope: &str) -> Answer {
        self.post_form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &self.account.client_id),
            ("client_secret", self.account.client_secret.expose_secret()),
            ("scope", scope),
        ])
    }

    pub(crate) fn access_token(&self) -> String {
        self.fetch_token("").body["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) fn post_form(&self, fields: &[(&str, &str)]) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.send("POST", "/oauth/token", &headers, Some(form.into_bytes()))
    }
}

pub(crate) fn secret(key: &str) -> Value {
    json!({ "key": key, "value": VALUE, "nonce": NONCE })
}

pub(crate) fn update() -> Value {
    json!({ "value": VALUE, "nonce": NONCE })
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// `null` if there is no body.
    pub(crate) body: Value,
}

impl Answer {
    /// Returns the text of an error, which must have the form of the wire contract.
    pub(crate) fn error(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/json", "{self:?}");
        assert_eq!(self.headers["cache-control"], "no-store", "{self:?}");
        self.body["error"].as_str().unwrap()
    }

    #[track_caller]
    pub(crate) fn success(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers["cache-control"], "no-store", "{self:?}");
        self.body
    }
}

pub(crate) fn send(
    base_url: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<Vec<u8>>,
) -> Answer {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{base_url}{path}"));
    for &(name, value) in headers {
        request = request.header(name, value);
    }
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .build();
    let agent = ureq::Agent::new_with_config(config);
    let sent = match body {
        Some(body) => agent.run(request.body(body).unwrap()),
        None => agent.run(request.body(()).unwrap()),
    };
    let (parts, mut body) = sent.unwrap().into_parts();
    let text = body
        .with_config()
        .limit(20_000_000)
        .read_to_string()
        .unwrap();
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).unwrap()
    };
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    }
}
