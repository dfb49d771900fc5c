//! A warm `get` over loopback, beside the floor under it: a bare `ureq` GET of the same body.

#![allow(clippy::unwrap_used, reason = "a benchmark fails loudly")]

use std::sync::LazyLock;

use divan::Bencher;
use helvetisafe::{Client, Credentials, KeySource};
use helvetisafe_server::{NewAccount, NewApiToken, Vault};
use secrecy::ExposeSecret;

const SIZES: [usize; 3] = [64, 1 << 10, 64 << 10];

struct World {
    vault: Vault,
    client: Client,
    token: String,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let vault = Vault::ephemeral().unwrap();
    let organization = vault.new_organization().unwrap();
    let account = vault
        .new_account(&organization, NewAccount::default())
        .unwrap();
    let token = vault
        .new_api_token(&account, NewApiToken::default())
        .unwrap();
    let client = Client::builder(
        vault.base_url(),
        Credentials::api_token(token.clone()),
        KeySource::pem(account.private_key_pem.as_bytes()),
    )
    .connect()
    .unwrap();
    for size in SIZES {
        client
            .secrets()
            .create(format!("s{size}"), "x".repeat(size), None)
            .unwrap();
    }
    World {
        vault,
        client,
        token: token.expose_secret().to_owned(),
    }
});

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES)]
fn get(bencher: Bencher<'_, '_>, size: usize) {
    let key = format!("s{size}");
    bencher.bench_local(|| WORLD.client.secrets().get(&key).unwrap());
}

#[divan::bench(args = SIZES)]
fn bare_ureq(bencher: Bencher<'_, '_>, size: usize) {
    let url = format!("{}/api/v1/secrets/s{size}", WORLD.vault.base_url());
    let agent = ureq::Agent::new_with_defaults();
    bencher.bench_local(|| {
        let request = agent.get(&url).header("X-Aegis-Token", &WORLD.token);
        request.call().unwrap().body_mut().read_to_vec().unwrap()
    });
}
