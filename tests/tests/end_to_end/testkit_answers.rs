//! The testkit's answers, read from the body to the result as the client reads them: by the wire crate,
//! then by the crypto crate. The tests of each crate cover one half.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use helvetisafe_crypto::{
    EncodedLockedKey, Envelope, LockedPrivateKey, OrgKey, Payload, PrivateKey, WrappedOrgKey,
};
use helvetisafe_proto::endpoint::{GetOrgKey, GetPrivateKey, GetSecret};
use helvetisafe_proto::{ApiError, Endpoint, KeyName};
use http::Response;

/// A class of failure in the testkit.
type Class = &'static str;

fn kit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testkit")
}

struct Case {
    head: String,
    body: Vec<u8>,
}

impl Case {
    fn read(path: &Path) -> Self {
        let content = fs::read(path).unwrap();
        let end = content.windows(2).position(|two| two == b"\n\n").unwrap();
        Self {
            head: String::from_utf8(content[..end].to_vec()).unwrap(),
            body: content[end + 2..].to_vec(),
        }
    }

    fn header(&self, name: &str) -> &str {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(':'));
        let header = headers.find(|(found, _)| *found == name);
        header.map(|(_, value)| value.trim()).unwrap_or_default()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        STANDARD.decode(self.header(name)).unwrap()
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(kit().join(self.header(name))).unwrap()
    }

    fn answer<E: Endpoint>(&self, call: &E) -> Result<E::Answer, Class> {
        let response = Response::new(self.body.clone());
        call.parse(response).map_err(|_: ApiError| "api-error")
    }
}

fn crypto(_: helvetisafe_crypto::Error) -> Class {
    "crypto-error"
}

fn unwrap(key: &PrivateKey, wrapped: &str) -> Result<Vec<u8>, Class> {
    let wrapped = WrappedOrgKey::decode(wrapped).map_err(crypto)?;
    let org_key = key.unwrap_org_key(&wrapped).map_err(crypto)?;
    Ok(org_key.expose_secret().to_vec())
}

fn wrapped_org_key(case: &Case) -> Result<Vec<u8>, Class> {
    let key = PrivateKey::from_pem(&case.file("private-key")).unwrap();
    unwrap(&key, &case.answer(&GetOrgKey)?.encrypted_org_key)
}

fn locked_private_key(case: &Case) -> Result<Vec<u8>, Class> {
    let answer = case.answer(&GetPrivateKey)?;
    let locked = LockedPrivateKey::decode(&EncodedLockedKey {
        ciphertext: answer.encrypted_private_key,
        nonce: answer.nonce,
        salt: answer.salt,
        tag: answer.auth_tag,
    });
    let password = String::from_utf8(case.bytes("password-base64")).unwrap();
    let key = locked.and_then(|locked| locked.unlock(&password));
    unwrap(&key.map_err(crypto)?, &case.file("unwraps"))
}

fn envelope(case: &Case) -> Result<Vec<u8>, Class> {
    let key = KeyName::parse("db").unwrap();
    let answer = case.answer(&GetSecret { key })?;
    let org_key = OrgKey::from_bytes(&case.bytes("org-key").try_into().unwrap());
    let envelope = Envelope::decode(&answer.value, &answer.nonce);
    let plaintext = envelope.and_then(|envelope| org_key.open(envelope));
    let payload = plaintext.and_then(|plaintext| Payload::parse(plaintext, "db"));
    Ok(payload.map_err(crypto)?.expose_secret().as_bytes().to_vec())
}

/// Runs each file of a group. Returns the number of files, and those with another outcome than they
/// claim.
fn run(group: &str, read: fn(&Case) -> Result<Vec<u8>, Class>) -> (usize, Vec<String>) {
    let (mut count, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(kit().join(group)).unwrap() {
        let path = entry.unwrap().path();
        let case = Case::read(&path);
        let right = match read(&case) {
            Ok(result) => case.header("expect") == "ok" && result == case.bytes("result"),
            Err(class) => case.header("expect") == class,
        };
        if !right {
            wrong.push(format!("{}: {:?}", path.display(), read(&case)));
        }
        count += 1;
    }
    (count, wrong)
}

#[test]
fn every_answer_has_the_outcome_that_its_file_claims() {
    for (group, read) in [
        ("envelope", envelope as fn(&Case) -> _),
        ("locked-private-key", locked_private_key),
        ("wrapped-org-key", wrapped_org_key),
    ] {
        let (count, wrong) = run(group, read);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(count >= 50, "{group} has only {count} files");
    }
}
