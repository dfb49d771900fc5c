//! One of several organizations in a vault, with its account and its secrets.

use helvetisafe_server::{Account, NewAccount, NewApiToken, Organization, StoredSecret, Vault};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::{Answer, new_account, send};

pub(crate) struct Tenant {
    pub(crate) organization: Organization,
    pub(crate) account: Account,
    pub(crate) api_token: String,
    base_url: String,
}

impl Tenant {
    pub(crate) fn new(vault: &Vault) -> Self {
        Self::with(vault, new_account())
    }

    pub(crate) fn with(vault: &Vault, account: NewAccount) -> Self {
        let organization = vault.new_organization().unwrap();
        let account = vault.new_account(&organization, account).unwrap();
        let api_token = vault
            .new_api_token(&account, NewApiToken::default())
            .unwrap();
        Self {
            organization,
            account,
            api_token: api_token.expose_secret().to_owned(),
            base_url: vault.base_url().to_owned(),
        }
    }

    pub(crate) fn client_secret(&self) -> &str {
        self.account.client_secret.expose_secret()
    }

    pub(crate) fn access_token(&self) -> String {
        let answer = log_in(
            &self.base_url,
            &self.account.client_id,
            self.client_secret(),
        );
        answer.success(200)["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let token = self.api_token.as_str();
        let headers = [
            ("x-aegis-token", token),
            ("content-type", "application/json"),
        ];
        let body = body.map(|body| body.to_string().into_bytes());
        send(&self.base_url, method, path, &headers, body)
    }

    /// Replaces all secrets with these, each with a different value.
    pub(crate) fn reset(&self, names: &[&str], fill: u8) -> Vec<String> {
        let listed = self.call("GET", "/api/v1/secrets", None).success(200);
        for secret in listed["keys"].as_array().unwrap() {
            let path = format!("/api/v1/secrets/{}", secret["key"].as_str().unwrap());
            self.call("DELETE", &path, None).success(204);
        }
        let mut canaries = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let (value, nonce) = canary(fill + u8::try_from(number).unwrap());
            let body = json!({ "key": name, "value": value, "nonce": nonce });
            self.call("POST", "/api/v1/secrets", Some(body))
                .success(201);
            canaries.extend([value, nonce]);
        }
        canaries
    }

    pub(crate) fn rows(&self, vault: &Vault) -> Vec<StoredSecret> {
        vault.stored_secrets(&self.organization).unwrap()
    }

    /// Returns the account's stored keys, as the vault sends them.
    pub(crate) fn keys(&self) -> [Value; 2] {
        ["org-key", "private-key"].map(|name| {
            let path = format!("/api/v1/credentials/{name}");
            self.call("GET", &path, None).success(200)
        })
    }

    /// Returns every text that only this tenant may see, except its secrets.
    pub(crate) fn canaries(&self) -> Vec<String> {
        let mut canaries = vec![
            self.account.client_id.clone(),
            self.client_secret().to_owned(),
            self.api_token.clone(),
        ];
        for keys in self.keys() {
            let texts = keys.as_object().unwrap().values();
            canaries.extend(texts.filter_map(Value::as_str).map(str::to_owned));
        }
        canaries
    }
}

/// Returns a value and a nonce that a search can recognize.
fn canary(fill: u8) -> (String, String) {
    use base64::Engine;
    let encode = |size: usize| base64::prelude::BASE64_STANDARD.encode(vec![fill; size]);
    (encode(48), encode(12))
}

pub(crate) fn log_in(base_url: &str, client_id: &str, client_secret: &str) -> Answer {
    log_in_for(base_url, client_id, client_secret, None)
}

/// Requests an access token with these scopes.
pub(crate) fn log_in_for(
    base_url: &str,
    client_id: &str,
    client_secret: &str,
    scopes: Option<&str>,
) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", client_id)
        .append_pair("client_secret", client_secret)
        .extend_pairs(scopes.map(|scopes| ("scope", scopes)))
        .finish();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    send(
        base_url,
        "POST",
        "/oauth/token",
        &headers,
        Some(form.into_bytes()),
    )
}
