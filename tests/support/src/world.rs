//! A vault with one account behind a proxy, and clients with a driven clock.

use helvetisafe::{Client, ClientBuilder, Credentials, KeySource};
use helvetisafe_crypto::{OrgKey, PrivateKey};
use helvetisafe_server::{Account, NewAccount, NewApiToken, Vault};
use secrecy::ExposeSecret;

use crate::{Action, DrivenClock, Proxy, Request};

/// The private key of test accounts. Generating one is slow.
pub const PEM: &str =
    include_str!("../../../crates/helvetisafe-crypto/tests/data/rsa-2048-pkcs8.pem");
/// The path of the token call.
pub const TOKEN: &str = "/oauth/token";
/// The path of the org-key call.
pub const ORG_KEY: &str = "/api/v1/credentials/org-key";
/// The path of the list; a secret's name follows it after a slash.
pub const SECRETS: &str = "/api/v1/secrets";

/// A vault with one account, a proxy in front of it, and the clock of its clients.
pub struct World {
    /// The vault.
    pub vault: Vault,
    /// The account, with the key [`PEM`].
    pub account: Account,
    /// The proxy.
    pub proxy: Proxy,
    /// The clock of the clients.
    pub clock: DrivenClock,
}

impl World {
    /// Starts a world. The proxy forwards each request for which `script` returns `None`.
    pub fn new(
        script: impl Fn(&Request, &[Request]) -> Option<Action> + Send + Sync + 'static,
    ) -> Self {
        Self::with(Vault::ephemeral().unwrap(), NewAccount::default(), script)
    }

    /// Starts a world around this vault; `account` gets the key [`PEM`].
    pub fn with(
        vault: Vault,
        account: NewAccount,
        script: impl Fn(&Request, &[Request]) -> Option<Action> + Send + Sync + 'static,
    ) -> Self {
        let organization = vault.new_organization().unwrap();
        let account = account.private_key(PrivateKey::from_pem(PEM).unwrap());
        let account = vault.new_account(&organization, account).unwrap();
        let proxy = Proxy::start(vault.address(), move |request, earlier| {
            script(request, earlier).unwrap_or(Action::Forward)
        });
        Self {
            vault,
            account,
            proxy,
            clock: DrivenClock::default(),
        }
    }

    /// The builder of a service account's client on the driven clock.
    pub fn builder(&self) -> ClientBuilder {
        self.builder_for(credentials(&self.account))
    }

    /// The builder of a client with these credentials on the driven clock.
    pub fn builder_for(&self, credentials: Credentials) -> ClientBuilder {
        Client::builder(self.proxy.base_url(), credentials, KeySource::pem(PEM))
            .clock(self.clock.clone())
    }

    /// The builder of a service account's client on the real clock.
    pub fn builder_on_the_real_clock(&self) -> ClientBuilder {
        let credentials = credentials(&self.account);
        Client::builder(self.proxy.base_url(), credentials, KeySource::pem(PEM))
    }

    /// A new API token of the account.
    pub fn api_token(&self) -> Credentials {
        let token = NewApiToken::default();
        Credentials::api_token(self.vault.new_api_token(&self.account, token).unwrap())
    }

    /// A connected client of the service account on the driven clock.
    pub fn client(&self) -> Client {
        self.builder().connect().unwrap()
    }
}

/// The credentials of a service account.
pub fn credentials(account: &Account) -> Credentials {
    let secret = account.client_secret.expose_secret();
    Credentials::service_account(account.client_id.as_str(), secret)
}

/// An answer to the org-key call: this org key, wrapped for [`PEM`].
pub fn wrapped_for_test_key(org_key: &OrgKey) -> String {
    let public = PrivateKey::from_pem(PEM).unwrap().public_key();
    let wrapped = public.wrap_org_key(org_key).unwrap();
    format!(
        r#"{{"encrypted_org_key":"{}","key_epoch":1}}"#,
        wrapped.encode()
    )
}

/// The number of earlier requests with this method and path.
pub fn earlier(requests: &[Request], method: &str, path: &str) -> usize {
    requests.iter().filter(|it| it.is(method, path)).count()
}
