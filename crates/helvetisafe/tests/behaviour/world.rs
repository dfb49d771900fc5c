//! A vault with one account, a proxy before it, and clients whose time is the test's.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use helvetisafe::{Client, ClientBuilder, Clock, Credentials, KeySource};
use helvetisafe_crypto::{OrgKey, PrivateKey};
use helvetisafe_server::{Account, NewAccount, NewApiToken, Vault};
use secrecy::ExposeSecret;

use crate::proxy::{Deed, Proxy, Seen};

pub(crate) const PEM: &str =
    include_str!("../../../helvetisafe-crypto/tests/data/rsa-2048-pkcs8.pem");
pub(crate) const TOKEN: &str = "/oauth/token";
pub(crate) const ORG_KEY: &str = "/api/v1/credentials/org-key";
pub(crate) const SECRETS: &str = "/api/v1/secrets";

pub(crate) struct World {
    pub(crate) vault: Vault,
    pub(crate) account: Account,
    pub(crate) proxy: Proxy,
    pub(crate) clock: TestClock,
}

impl World {
    /// A world whose proxy forwards what `script` does not answer with a deed.
    pub(crate) fn new(
        script: impl Fn(&Seen, &[Seen]) -> Option<Deed> + Send + Sync + 'static,
    ) -> Self {
        Self::with(Vault::ephemeral().unwrap(), NewAccount::default(), script)
    }

    pub(crate) fn with(
        vault: Vault,
        account: NewAccount,
        script: impl Fn(&Seen, &[Seen]) -> Option<Deed> + Send + Sync + 'static,
    ) -> Self {
        let organization = vault.new_organization().unwrap();
        let account = account.private_key(PrivateKey::from_pem(PEM).unwrap());
        let account = vault.new_account(&organization, account).unwrap();
        let script =
            move |seen: &Seen, before: &[Seen]| script(seen, before).unwrap_or(Deed::Forward);
        let proxy = Proxy::start(vault.address(), script);
        Self {
            vault,
            account,
            proxy,
            clock: TestClock::default(),
        }
    }

    /// A service account's client, on the test's clock, with jitter 0.5.
    pub(crate) fn builder(&self) -> ClientBuilder {
        let secret = self.account.client_secret.expose_secret();
        let credentials = Credentials::service_account(self.account.client_id.as_str(), secret);
        self.builder_for(credentials)
    }

    pub(crate) fn builder_for(&self, credentials: Credentials) -> ClientBuilder {
        Client::builder(self.proxy.base_url(), credentials, KeySource::pem(PEM))
            .clock(self.clock.clone())
    }

    /// The same client, which waits as long as it says.
    pub(crate) fn on_the_real_clock(&self) -> ClientBuilder {
        let secret = self.account.client_secret.expose_secret();
        let credentials = Credentials::service_account(self.account.client_id.as_str(), secret);
        Client::builder(self.proxy.base_url(), credentials, KeySource::pem(PEM))
    }

    pub(crate) fn api_token(&self) -> Credentials {
        let token = self
            .vault
            .new_api_token(&self.account, NewApiToken::default())
            .unwrap();
        Credentials::api_token(token)
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().connect().unwrap()
    }
}

/// A new org key, wrapped for the account, as the answer to the org-key call.
pub(crate) fn wrapped(org_key: &OrgKey) -> String {
    let wrapped = PrivateKey::from_pem(PEM)
        .unwrap()
        .public_key()
        .wrap_org_key(org_key)
        .unwrap();
    format!(r#"{{"encrypted_org_key":"{}"}}"#, wrapped.encode())
}

/// How many requests with this method and path came before.
pub(crate) fn earlier(before: &[Seen], method: &str, path: &str) -> usize {
    before.iter().filter(|seen| seen.is(method, path)).count()
}

/// Time that passes only when somebody sleeps or the test says so.
#[derive(Clone, Default)]
pub(crate) struct TestClock(Arc<Times>);

#[derive(Default)]
struct Times {
    now: AtomicU64,
    sleeps: Mutex<Vec<Duration>>,
}

impl TestClock {
    pub(crate) fn advance(&self, time: Duration) {
        self.0
            .now
            .fetch_add(time.as_millis() as u64, Ordering::SeqCst);
    }

    /// The waits so far, in milliseconds.
    pub(crate) fn sleeps(&self) -> Vec<u128> {
        self.0
            .sleeps
            .lock()
            .unwrap()
            .iter()
            .map(Duration::as_millis)
            .collect()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.now.load(Ordering::SeqCst))
    }

    fn sleep(&self, duration: Duration) {
        self.0.sleeps.lock().unwrap().push(duration);
        self.advance(duration);
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}
