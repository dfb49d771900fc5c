//! An account with administrative scopes, and calls that are checked against the document.

use helvetisafe_proto::{Scope, Scopes};
use helvetisafe_server::Account;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::document::Document;
use crate::support::{Answer, Site, new_account};
use crate::tenant::log_in_for;

/// An account of a site that may administer, with an access token.
pub(crate) struct Administrator<'s> {
    site: &'s Site,
    pub(crate) account: Account,
    pub(crate) token: String,
}

/// Returns all scopes.
pub(crate) fn all_scopes() -> Scopes {
    let administrative = Scope::ADMINISTRATIVE.iter().copied();
    Scopes::ALL.iter().chain(administrative).collect()
}

impl<'s> Administrator<'s> {
    pub(crate) fn new(site: &'s Site) -> Self {
        Self::with_scopes(site, all_scopes())
    }

    pub(crate) fn with_scopes(site: &'s Site, scopes: Scopes) -> Self {
        let account = new_account().scopes(scopes);
        let account = site.vault.new_account(&site.organization, account).unwrap();
        let token = access_token(site, &account);
        Self {
            site,
            account,
            token,
        }
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        call(self.site, &self.token, method, path, body)
    }

    /// Returns the acts of the organization, the newest first.
    pub(crate) fn acts(&self) -> Vec<Value> {
        let audit = self.call("GET", "/api/v1/organization/audit", None);
        audit.success(200)["records"].as_array().unwrap().clone()
    }
}

/// Returns 32 random hexadecimal digits, since the vaults of all tests may share a database.
pub(crate) fn random_digits() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn access_token(site: &Site, account: &Account) -> String {
    let secret = account.client_secret.expose_secret();
    let (base_url, scopes) = (site.vault.base_url(), all_scopes().to_string());
    let answer = log_in_for(base_url, &account.client_id, secret, Some(&scopes)).success(200);
    answer["access_token"].as_str().unwrap().to_owned()
}

/// Makes a call whose answer has to match the document.
pub(crate) fn call(
    site: &Site,
    token: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let answer = site.call_as(token, method, path, body);
    let document = Document::new();
    document.check(document.operation(method, &template(path)), &answer);
    answer
}

/// Returns the path of the document: without the query, and with `{id}` in place of an id.
fn template(path: &str) -> String {
    let path = path.split('?').next().unwrap();
    let parts = path.split('/').map(|part| match part {
        "" | "api" | "v1" => part,
        _ if part.bytes().any(|byte| byte.is_ascii_digit()) => "{id}",
        _ => part,
    });
    parts.collect::<Vec<_>>().join("/")
}
