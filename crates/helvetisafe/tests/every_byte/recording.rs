//! The answers of a real vault to each call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use helvetisafe::{Client, Credentials, Expiry, KeySource};
use helvetisafe_crypto::PrivateKey;
use helvetisafe_server::{NewAccount, Vault};
use helvetisafe_test_support::PEM;
use helvetisafe_test_support::server::{End, Reply, serve};

use crate::call::Call;

type Answers = HashMap<(String, String), Vec<u8>>;

pub(crate) struct Recording {
    answers: Answers,
}

impl Recording {
    /// Makes each call once against a vault, and records the answers.
    pub(crate) fn of_a_vault() -> Self {
        let vault = Vault::ephemeral().unwrap();
        let organization = vault.new_organization().unwrap();
        let account = NewAccount::default().private_key(PrivateKey::from_pem(PEM).unwrap());
        let account = vault.new_account(&organization, account).unwrap();
        let answers = Arc::new(Mutex::new(Answers::new()));
        let (shared, address) = (Arc::clone(&answers), vault.address());
        let proxy = serve(move |request| {
            let answer = request.forward(address);
            let call = (request.method.clone(), request.route().to_owned());
            shared.lock().unwrap().insert(call, answer.clone());
            Reply::new(answer, End::KeepOpen)
        });
        let credentials = Credentials::service_account(account.client_id, account.client_secret);
        let password = KeySource::password(account.password);
        let client = Client::builder(format!("http://{proxy}"), credentials, password);
        let client = client.connect().unwrap();
        let secrets = client.secrets();
        secrets.create("db", "value", None).unwrap();
        secrets.list().unwrap();
        secrets.update("db", "value", Expiry::Keep).unwrap();
        secrets.get("db").unwrap();
        secrets.delete("db").unwrap();
        let mut answers = answers.lock().unwrap().clone();
        spoil_the_private_key(&mut answers);
        Self { answers }
    }

    /// The whole answer to a call.
    pub(crate) fn answer(&self, call: Call) -> &[u8] {
        let (method, path) = call.line();
        &self.answers[&(method.to_owned(), path.to_owned())]
    }
}

/// Replaces the nonce of the locked private key with an invalid one of the same length. Unlocking at
/// every byte would take too long, and the refusal shows that the whole answer was read.
fn spoil_the_private_key(answers: &mut Answers) {
    let (method, path) = Call::PrivateKey.line();
    let answer = answers
        .get_mut(&(method.to_owned(), path.to_owned()))
        .unwrap();
    let text = String::from_utf8(answer.clone()).unwrap();
    let (before, after) = text.split_once("\"nonce\":\"").unwrap();
    let (_, after) = after.split_at(16);
    *answer = format!("{before}\"nonce\":\"{}{after}", "=".repeat(16)).into_bytes();
}
