//! A small scripted vault, so that every secret can be a canary: the test chooses the access token and
//! the org key.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use helvetisafe::{
    AsyncClient, AsyncParts, Client, ClientBuilder, Credentials, KeySource, RetryPolicy, Timeouts,
};
use helvetisafe_crypto::{LockedPrivateKey, OrgKey, Payload, PrivateKey};
use helvetisafe_test_support::server::{End, Reply, serve};

use crate::canaries::{ACCESS_TOKEN, FIELD, ORG_KEY, PASSWORD, PEM, VALUE};

pub(crate) struct Fake {
    address: SocketAddr,
}

/// The locked private key. Locking is slow.
static LOCKED: LazyLock<String> = LazyLock::new(|| {
    let locked = LockedPrivateKey::lock(&PrivateKey::from_pem(PEM).unwrap(), PASSWORD);
    let locked = locked.unwrap().encode();
    serde_json::json!({
        "encrypted_private_key": locked.ciphertext,
        "nonce": locked.nonce,
        "salt": locked.salt,
        "auth_tag": locked.tag,
    })
    .to_string()
});

/// One attempt, and hardly a wait: a vault that always reports a lost race is asked again many times.
fn policy() -> RetryPolicy {
    RetryPolicy {
        max_attempts: 1,
        base: Duration::from_millis(1),
        max_back_off: Duration::from_millis(1),
        ..RetryPolicy::default()
    }
}

impl Fake {
    /// Starts one that answers a method and path with the answer of `script`, if there is one.
    pub(crate) fn start(
        script: impl Fn(&str, &str) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let address = serve(move |request| {
            let (method, path) = (&request.method, &request.path);
            let answer = script(method, path).unwrap_or_else(|| usual(method, path));
            Reply::new(answer, End::Close)
        });
        Self { address }
    }

    /// A client of it with a single attempt.
    pub(crate) fn builder(&self, credentials: Credentials, key_source: KeySource) -> ClientBuilder {
        Client::builder(self.url(), credentials, key_source)
            .retry_policy(policy())
            .timeouts(TIMEOUTS)
    }

    /// The same, asynchronous.
    pub(crate) fn asynchronous(
        &self,
        credentials: Credentials,
        key_source: KeySource,
    ) -> ClientBuilder<AsyncParts> {
        AsyncClient::builder(self.url(), credentials, key_source)
            .retry_policy(policy())
            .timeouts(TIMEOUTS)
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(3),
    attempt: Duration::from_secs(10),
    silence: Duration::from_secs(2),
    operation: Duration::from_secs(30),
};

/// The answer of an honest vault.
fn usual(method: &str, path: &str) -> Vec<u8> {
    let body = match (method, path) {
        ("POST", "/oauth/token") => serde_json::json!({ "access_token": ACCESS_TOKEN }).to_string(),
        ("GET", "/api/v1/credentials/private-key") => LOCKED.clone(),
        ("GET", "/api/v1/credentials/org-key") => {
            let key = PrivateKey::from_pem(PEM).unwrap().public_key();
            let wrapped = key.wrap_org_key(&OrgKey::from_bytes(ORG_KEY)).unwrap();
            format!(r#"{{"encrypted_org_key":"{}"}}"#, wrapped.encode())
        }
        ("GET", "/api/v1/secrets") => r#"{"keys":[]}"#.to_owned(),
        ("GET", "/api/v1/secrets/fields") => record(
            "fields",
            &Payload::encode_fields(&[("one", FIELD), ("two", VALUE)]),
        ),
        ("GET", _) => record("db", &Payload::encode("db", VALUE)),
        ("DELETE", _) => String::new(),
        _ => r#"{"key":"db"}"#.to_owned(),
    };
    answer("200 OK", "", &body)
}

fn record(name: &str, plaintext: &[u8]) -> String {
    let envelope = OrgKey::from_bytes(ORG_KEY).seal(plaintext).unwrap();
    let (value, nonce) = (envelope.encode_value(), envelope.encode_nonce());
    format!(r#"{{"key":"{name}","value":"{value}","nonce":"{nonce}"}}"#)
}

pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n");
    let _ = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
    text.into_bytes()
}
