//! A vault with random failures, in a separate process.

use std::env;
use std::io::{BufRead, BufReader, Read, stdin};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::time::Duration;

use helvetisafe_crypto::PrivateKey;
use helvetisafe_server::faults::{Fault, Faults, Requests, StatusCode};
use helvetisafe_server::{NewAccount, Vault};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

const PEM: &str =
    include_str!("../../../../crates/helvetisafe-crypto/tests/data/rsa-2048-pkcs8.pem");
/// The lifetime of an access token.
const TOKEN_LIFE: Duration = Duration::from_secs(5);

/// Serves until its input ends. The first line of its output has its URL and credentials.
pub(crate) fn serve() -> ExitCode {
    let faults = Faults::seeded(1);
    // 5 % resets, some of them after the vault has acted; 2 % 503; 1 % 429.
    let percent = |percent| faults.on(Requests::any()).percent(percent);
    percent(3).then(Fault::reset_before_acting());
    percent(2).then(Fault::reset_after_acting());
    percent(2).then(Fault::status(StatusCode::SERVICE_UNAVAILABLE));
    percent(1).then(Fault::too_many_requests(Duration::from_secs(1)));
    let vault = Vault::builder()
        .token_life(TOKEN_LIFE)
        .faults(faults.clone())
        .start()
        .unwrap();
    let organization = vault.new_organization().unwrap();
    let account = NewAccount::default().private_key(PrivateKey::from_pem(PEM).unwrap());
    let account = vault.new_account(&organization, account).unwrap();
    println!(
        "{}",
        json!({
            "base_url": vault.base_url(),
            "client_id": account.client_id,
            "client_secret": account.client_secret.expose_secret(),
        })
    );
    let _ = stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}

/// The vault's process, which ends with this value.
pub(crate) struct VaultProcess {
    pub(crate) base_url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) pem: &'static str,
    process: Child,
    input: Option<ChildStdin>,
}

impl VaultProcess {
    pub(crate) fn start() -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .arg("vault")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| said[name].as_str().unwrap().to_owned();
        Self {
            base_url: text("base_url"),
            client_id: text("client_id"),
            client_secret: text("client_secret"),
            pem: PEM,
            input: process.stdin.take(),
            process,
        }
    }
}

impl Drop for VaultProcess {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.wait();
    }
}
