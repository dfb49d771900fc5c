//! The vault with the secrets that both clients read, over three routes.

use std::fs;
use std::io::stdin;
use std::path::Path;
use std::time::Duration;

use helvetisafe::{Client, Credentials, KeySource};
use helvetisafe_crypto::PrivateKey;
use helvetisafe_server::{NewAccount, NewApiToken, RateLimits, Vault};
use helvetisafe_test_support::tls_server;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::delay::{self, delay, end_tls};

/// Bytes of the values in the organization `sizes`.
const SIZES: [usize; 4] = [64, 1 << 10, 64 << 10, 1 << 20];
/// The numbers of secrets of 64 bytes in the other organizations, which are named after them.
const NUMBERS: [usize; 4] = [10, 100, 1000, 10_000];

/// Half of the round-trip time of the slow route.
const ONE_WAY: Duration = Duration::from_millis(10);

/// Prints the credentials of each organization on one line, then serves until its input ends.
pub(crate) fn serve(folder: &Path) {
    let vault = Vault::builder().rate_limits(RateLimits::off());
    let vault = vault.start().unwrap();
    let pem = crate::keys::data("rsa-2048-pkcs8.pem");
    let pem_path = folder.join("key.pem");
    fs::write(&pem_path, &pem).unwrap();

    let sizes = SIZES.map(|size| (format!("value_{size}"), "v".repeat(size)));
    let mut organizations = json!({ "sizes": organization(&vault, &pem, &sizes) });
    for number in NUMBERS {
        let secrets: Vec<_> = (0..number)
            .map(|at| (format!("value_{at}"), "v".repeat(64)))
            .collect();
        organizations[number.to_string()] = organization(&vault, &pem, &secrets);
    }
    let (config, authority) = tls_server::config(delay::NAME);
    let authority_path = folder.join("authority.pem");
    fs::write(&authority_path, authority).unwrap();
    let tls = end_tls(vault.address(), config);
    println!(
        "{}",
        json!({
            "base_urls": {
                "http": vault.base_url(),
                "https": format!("https://{tls}"),
                "slow": format!("https://{}", delay(tls, ONE_WAY)),
            },
            "authority_path": authority_path,
            "private_key_path": pem_path,
            "organizations": organizations,
        })
    );
    stdin().lines().for_each(drop);
}

/// Makes an organization with these secrets.
fn organization(vault: &Vault, pem: &str, secrets: &[(String, String)]) -> Value {
    let key = PrivateKey::from_pem(pem).unwrap();
    let account = NewAccount::default().private_key(key);
    let account = vault
        .new_account(&vault.new_organization().unwrap(), account)
        .unwrap();
    let api_token = vault.new_api_token(&account, NewApiToken::default());
    let api_token = api_token.unwrap();
    let client = Client::builder(
        vault.base_url(),
        Credentials::service_account(account.client_id.clone(), account.client_secret.clone()),
        KeySource::pem(pem.as_bytes()),
    );
    let client = client.connect().unwrap();
    for written in client.secrets().put_many(secrets) {
        written.unwrap();
    }
    json!({
        "client_id": account.client_id,
        "client_secret": account.client_secret.expose_secret(),
        "password": account.password.expose_secret(),
        "api_token": api_token.expose_secret(),
    })
}
