//! A vault with faults and one account, and a client that checks answers byte by byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use helvetisafe_crypto::PrivateKey;
use helvetisafe_server::faults::Faults;
use helvetisafe_server::{Account, NewAccount, NewApiToken, Organization, Vault};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// The longest wait for something that should happen at once.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) const VALUE: &str = "AAAAAAAAAAAAAAAAAAAAAA==";
pub(crate) const NONCE: &str = "AAAAAAAAAAAAAAAA";

pub(crate) struct Site {
    pub(crate) vault: Vault,
    pub(crate) faults: Faults,
    pub(crate) organization: Organization,
    pub(crate) account: Account,
    pub(crate) token: String,
}

pub(crate) fn site() -> Site {
    site_of(Faults::new())
}

pub(crate) fn site_of(faults: Faults) -> Site {
    let vault = Vault::builder().faults(faults.clone()).start().unwrap();
    let organization = vault.new_organization().unwrap();
    let key = PrivateKey::from_pem(include_str!("../data/private-key.pem")).unwrap();
    let account = NewAccount::default().private_key(key);
    let account = vault.new_account(&organization, account).unwrap();
    let token = vault
        .new_api_token(&account, NewApiToken::default())
        .unwrap();
    Site {
        vault,
        faults,
        organization,
        account,
        token: token.expose_secret().to_owned(),
    }
}

/// The end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The connection stays open after a complete answer.
    Open,
    Closed,
    Reset,
}

/// A received answer, complete or not.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) bytes: Vec<u8>,
    pub(crate) end: End,
}

impl Raw {
    pub(crate) fn head(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        text.split("\r\n\r\n").next().unwrap().to_ascii_lowercase()
    }

    pub(crate) fn status(&self) -> u16 {
        self.head()[9..12].parse().unwrap()
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[head_end(&self.bytes).unwrap()..]
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(self.body()).unwrap()
    }
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|at| at + 4)
}

/// One connection.
pub(crate) struct Wire(pub(crate) TcpStream);

impl Wire {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        Self(stream)
    }

    pub(crate) fn send(&mut self, request: &str) {
        self.0.write_all(request.as_bytes()).unwrap();
    }

    /// Reads until the answer is complete or the connection ends.
    pub(crate) fn receive(&mut self) -> Raw {
        let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
        loop {
            if is_whole(&bytes) {
                let end = End::Open;
                return Raw { bytes, end };
            }
            let end = match self.0.read(&mut piece) {
                Ok(0) => End::Closed,
                Ok(count) => {
                    bytes.extend_from_slice(&piece[..count]);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => End::Reset,
                Err(error) => panic!("{error} after {} bytes", bytes.len()),
            };
            return Raw { bytes, end };
        }
    }
}

/// Returns true if an answer with a `content-length` is complete.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(head_end) = head_end(bytes) else {
        return false;
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map(|length| length.parse::<usize>().unwrap());
    match length {
        Some(length) => bytes.len() >= head_end + length,
        None => head.starts_with("http/1.1 204"),
    }
}

impl Site {
    pub(crate) fn wire(&self) -> Wire {
        Wire::connect(self.vault.address())
    }

    /// Returns the text of a request with the site's API token.
    pub(crate) fn request(&self, method: &str, path: &str, body: Option<&Value>) -> String {
        request_as(&self.token, method, path, body)
    }

    /// Sends a request on a new connection.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Raw {
        let mut wire = self.wire();
        wire.send(&self.request(method, path, body));
        wire.receive()
    }

    pub(crate) fn create(&self, key: &str) -> Raw {
        self.call("POST", "/api/v1/secrets", Some(&secret(key)))
    }

    pub(crate) fn read(&self, key: &str) -> Raw {
        self.call("GET", &format!("/api/v1/secrets/{key}"), None)
    }

    pub(crate) fn list(&self) -> Raw {
        self.call("GET", "/api/v1/secrets", None)
    }

    /// Returns the stored names without a request.
    pub(crate) fn stored(&self) -> Vec<String> {
        let stored = self.vault.stored_secrets(&self.organization).unwrap();
        stored.into_iter().map(|secret| secret.key).collect()
    }
}

pub(crate) fn request_as(token: &str, method: &str, path: &str, body: Option<&Value>) -> String {
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: vault\r\nX-Aegis-Token: {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

pub(crate) fn secret(key: &str) -> Value {
    json!({ "key": key, "value": VALUE, "nonce": NONCE })
}
