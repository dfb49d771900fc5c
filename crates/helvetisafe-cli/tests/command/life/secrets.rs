//! All secrets of an organization: those in the folders of its people, and those that open what they sent.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use helvetisafe::organization::InvitationCode;
use helvetisafe_crypto::{PrivateKey, WrappedOrgKey};
use helvetisafe_test_support::Search;

use super::front::Exchange;

/// The bytes of a PKCS#8 file of 2048 bits from which on all are secret. Before them is the modulus.
const MODULUS_END: usize = 336;

/// The secrets of an organization.
pub(super) struct Secrets {
    /// Those that never leave the machines of the members: keys, values, S of each invitation, passwords.
    pub(super) keys: Search,
    /// Those that the vault receives and of which it stores hashes.
    pub(super) credentials: Search,
    /// The org key of each epoch.
    pub(super) org_keys: BTreeSet<[u8; 32]>,
}

impl Secrets {
    /// Collects the secrets of all files below a folder, and of the traffic.
    pub(super) fn collect(folder: &Path, traffic: &[Exchange], values: &[&str]) -> Self {
        let mut found = Self {
            keys: Search::default(),
            credentials: Search::default(),
            org_keys: BTreeSet::new(),
        };
        for value in values {
            found.keys.add("a value", value.as_bytes());
        }
        let mut private_keys = Vec::new();
        found.read(folder, &mut private_keys);
        found.add_org_keys(&private_keys, traffic);
        found.add_access_tokens(traffic);
        found
    }

    fn read(&mut self, folder: &Path, private_keys: &mut Vec<PrivateKey>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                self.read(&path, private_keys);
                continue;
            }
            let text = || fs::read_to_string(&path).unwrap().trim_end().to_owned();
            match name.rsplit('.').next().unwrap() {
                _ if name == "private-key.pem" => private_keys.push(self.add_private_key(&text())),
                _ if name == "signing-key.pem" => self.add_signing_key(&text()),
                "code" => self.add_invitation(&text()),
                "password" => self.keys.add("a password", text().as_bytes()),
                "client-secret" | "token" | "bootstrap" => self.add_credential(&name, &text()),
                _ => {}
            }
        }
    }

    fn add_private_key(&mut self, pem: &str) -> PrivateKey {
        let lines: Vec<_> = pem.lines().filter(|it| !it.starts_with('-')).collect();
        // Text is encoded again on the wire, so the lines are searched for, too. A line has 48 bytes.
        for line in lines[MODULUS_END / 48..].iter().filter(|it| it.len() == 64) {
            self.keys.add("a line of a private key", line.as_bytes());
        }
        let der = BASE64_STANDARD.decode(lines.concat()).unwrap();
        self.keys.add("a private key", &der[MODULUS_END..]);
        PrivateKey::from_pem(pem).unwrap()
    }

    fn add_signing_key(&mut self, pem: &str) {
        let line = pem.lines().nth(1).unwrap();
        let der = BASE64_STANDARD.decode(line).unwrap();
        self.keys.add("a signing key", &der[der.len() - 32..]);
        self.keys
            .add("the text of a signing key", &line.as_bytes()[24..]);
    }

    fn add_invitation(&mut self, text: &str) {
        let code = InvitationCode::parse(text).unwrap();
        self.keys
            .add("S of an invitation", code.secret.expose_secret());
        let token = code.secret.derive_token();
        self.credentials.add("the token of an invitation", &**token);
    }

    fn add_credential(&mut self, name: &str, text: &str) {
        self.credentials.add(name, text.as_bytes());
        if let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(text) {
            self.credentials.add(name, &bytes);
        }
    }

    /// Unwraps each wrapped org key that was sent.
    fn add_org_keys(&mut self, private_keys: &[PrivateKey], traffic: &[Exchange]) {
        let wrapped: BTreeSet<_> = texts(traffic, r#""encrypted_org_key":""#).collect();
        for wrapped in wrapped {
            let wrapped = WrappedOrgKey::decode(&wrapped).unwrap();
            let keys = private_keys.iter();
            for key in keys.flat_map(|it| it.unwrap_org_key(&wrapped)) {
                self.keys.add("an org key", key.expose_secret());
                self.org_keys.insert(*key.expose_secret());
            }
        }
    }

    fn add_access_tokens(&mut self, traffic: &[Exchange]) {
        for token in texts(traffic, r#""access_token":""#) {
            self.add_credential("an access token", &token);
        }
    }
}

/// Returns the texts that begin after `start` in the traffic and end with a quote.
fn texts<'a>(traffic: &'a [Exchange], start: &'a str) -> impl Iterator<Item = String> + 'a {
    traffic.iter().flat_map(move |exchange| {
        let bytes = exchange.bytes();
        let all = String::from_utf8_lossy(&bytes);
        let after = all.split(start).skip(1);
        let found: Vec<_> = after
            .map(|it| it.split('"').next().unwrap().to_owned())
            .collect();
        found
    })
}
