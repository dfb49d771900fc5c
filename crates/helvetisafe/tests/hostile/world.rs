//! A hostile vault with one account, and the clients that connect to it.

use helvetisafe::{Client, ClientBuilder, KeySource};
use helvetisafe_crypto::PrivateKey;
use helvetisafe_server::faults::{Answer, Fault, Faults, Requests, StatusCode};
use helvetisafe_server::{Account, NewAccount, Organization, Vault};
use helvetisafe_test_support::{PEM, credentials};
use secrecy::ExposeSecret;

pub(crate) struct World {
    pub(crate) vault: Vault,
    pub(crate) faults: Faults,
    pub(crate) organization: Organization,
    pub(crate) account: Account,
}

impl World {
    pub(crate) fn new() -> Self {
        let faults = Faults::new();
        let vault = Vault::builder().faults(faults.clone()).start().unwrap();
        let organization = vault.new_organization().unwrap();
        let account = NewAccount::default().private_key(PrivateKey::from_pem(PEM).unwrap());
        let account = vault.new_account(&organization, account).unwrap();
        Self {
            vault,
            faults,
            organization,
            account,
        }
    }

    /// A client with the private key in memory.
    pub(crate) fn builder(&self) -> ClientBuilder {
        self.builder_with(KeySource::pem(PEM))
    }

    /// A client that fetches the private key and unlocks it.
    pub(crate) fn password_builder(&self) -> ClientBuilder {
        let password = self.account.password.expose_secret();
        self.builder_with(KeySource::password(password))
    }

    fn builder_with(&self, key_source: KeySource) -> ClientBuilder {
        Client::builder(
            self.vault.base_url(),
            credentials(&self.account),
            key_source,
        )
    }

    pub(crate) fn async_builder(&self) -> ClientBuilder<helvetisafe::AsyncParts> {
        let (url, key) = (self.vault.base_url(), KeySource::pem(PEM));
        helvetisafe::AsyncClient::builder(url, credentials(&self.account), key)
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().connect().unwrap()
    }

    /// From now on the vault gives this answer.
    pub(crate) fn answer(&self, requests: impl Into<Requests>, json: impl Into<String>) {
        let answer = Answer::status(StatusCode::OK).json(json.into());
        self.faults.on(requests).then(Fault::answer(answer));
    }
}
