//! A `get` of a cached value, by one thread and by sixteen: all of one key, and each of its own.

#![allow(clippy::unwrap_used, reason = "a benchmark fails loudly")]

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use divan::Bencher;
use helvetisafe::{CachePolicy, Client, Credentials, KeySource};
use helvetisafe_server::{NewAccount, NewApiToken, Vault};

const THREADS: [usize; 2] = [1, 16];
const KEYS: usize = 16;

/// A client with all keys in its cache. The vault is no longer needed.
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
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
        Credentials::api_token(token),
        KeySource::pem(account.private_key_pem.as_bytes()),
    )
    .cache(CachePolicy::new(Duration::from_secs(3600)))
    .connect()
    .unwrap();
    for number in 0..KEYS {
        client.secrets().create(key(number), "value", None).unwrap();
    }
    client
});

fn key(number: usize) -> String {
    format!("key_{number}")
}

fn main() {
    divan::main();
}

#[divan::bench(threads = THREADS)]
fn one_key(bencher: Bencher<'_, '_>) {
    let client = &*CLIENT;
    bencher.bench(|| client.secrets().get("key_0").unwrap());
}

#[divan::bench(threads = THREADS)]
fn own_keys(bencher: Bencher<'_, '_>) {
    static THREAD: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static KEY: String = key(THREAD.fetch_add(1, Ordering::Relaxed) % KEYS);
    }
    let client = &*CLIENT;
    bencher.bench(|| KEY.with(|key| client.secrets().get(key).unwrap()));
}
