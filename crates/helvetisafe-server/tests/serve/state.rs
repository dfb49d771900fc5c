//! A database with one account, made through the library, since `serve` makes no accounts.

use std::path::PathBuf;

use helvetisafe_crypto::PrivateKey;
use helvetisafe_server::{Account, ExposeSecret, NewAccount, NewApiToken, Vault};
use tempfile::TempDir;

pub(crate) struct State {
    pub(crate) folder: TempDir,
    pub(crate) account: Account,
    pub(crate) token: String,
}

impl State {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        let vault = Vault::builder().state(path).start().unwrap();
        let organization = vault.new_organization().unwrap();
        let key = PrivateKey::from_pem(include_str!("../data/private-key.pem")).unwrap();
        let account = NewAccount::default().private_key(key);
        let account = vault.new_account(&organization, account).unwrap();
        let token = vault
            .new_api_token(&account, NewApiToken::default())
            .unwrap();
        vault.stop().unwrap();
        Self {
            folder,
            account,
            token: token.expose_secret().to_owned(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("vault.db")
    }

    pub(crate) fn database(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }
}
