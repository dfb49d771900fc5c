//! Runs every file of `tests/testkit`. Its README describes the files.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

#[cfg(feature = "organization")]
mod organization;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use helvetisafe_crypto::{
    EncodedLockedKey, Envelope, Error, InvalidPem, LockedPrivateKey, OrgKey, Payload, PayloadKind,
    PrivateKey, WrappedOrgKey,
};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

const GROUPS: [(&str, Run); 6] = [
    ("envelope", envelope),
    ("jwk", jwk),
    ("locked-private-key", locked_private_key),
    ("payload", payload),
    ("pem", pem),
    ("wrapped-org-key", wrapped_org_key),
];

/// The groups for the feature `organization`.
const ORGANIZATION: [&str; 6] = [
    "chain",
    "fingerprint-words",
    "invitation-code",
    "join-request",
    "sealed-invitation",
    "signing-key",
];

/// All groups that this build can run.
fn groups() -> Vec<(&'static str, Run)> {
    #[cfg(feature = "organization")]
    let more = ORGANIZATION.into_iter().zip(organization::RUNS);
    #[cfg(not(feature = "organization"))]
    let more = [];
    GROUPS.into_iter().chain(more).collect()
}

type Run = fn(&Case) -> Result<Vec<u8>, Refusal>;

/// The reason for a failure.
#[derive(Debug, PartialEq)]
enum Refusal {
    /// The answer lacks a member, or has a wrong one: refused before this crate sees it.
    Answer,
    /// The file is not text: refused before this crate sees it.
    NotText,
    Crypto(Error),
    /// An error of the module `organization`, by its name.
    Organization(String),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Crypto(error)
    }
}

/// One file: its headers, and the body after the first empty line.
struct Case {
    path: PathBuf,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Case {
    fn read(path: PathBuf) -> Self {
        let content = fs::read(&path).unwrap();
        let end = content.windows(2).position(|two| two == b"\n\n").unwrap();
        let (head, body) = (
            str::from_utf8(&content[..end]).unwrap(),
            &content[end + 2..],
        );
        let headers = head.lines().map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_owned(), value.trim().to_owned())
        });
        Self {
            headers: headers.collect(),
            body: body.to_vec(),
            path,
        }
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(String::as_str)
            .unwrap_or_default()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        STANDARD.decode(self.header(name)).unwrap()
    }

    /// The file of the kit that a header names.
    fn file(&self, name: &str) -> String {
        fs::read_to_string(kit().join(self.header(name))).unwrap()
    }

    /// The members of the answer in the body, all of them texts.
    fn answer<const N: usize>(&self, names: [&str; N]) -> Result<[String; N], Refusal> {
        let Members(mut members) =
            serde_json::from_slice(&self.body).map_err(|_| Refusal::Answer)?;
        let texts = names.map(|name| members.remove(name));
        if texts
            .iter()
            .all(|text| matches!(text, Some(Value::String(_))))
        {
            Ok(texts.map(|text| text.unwrap().as_str().unwrap().to_owned()))
        } else {
            Err(Refusal::Answer)
        }
    }

    fn cause(&self) -> Refusal {
        let name = self.header("cause");
        let is_own = ORGANIZATION.contains(&self.header("group")) && name != "decryption";
        if is_own {
            Refusal::Organization(name.to_owned())
        } else {
            Refusal::Crypto(cause(name))
        }
    }

    fn expected(&self) -> Result<Vec<u8>, Refusal> {
        match self.header("expect") {
            "ok" => Ok(self.bytes("result")),
            "api-error" => Err(Refusal::Answer),
            "config-error" => Err(Refusal::NotText),
            "crypto-error" => Err(self.cause()),
            other => unreachable!("{other:?} is no class"),
        }
    }
}

/// A JSON object that names each member once.
struct Members(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(de::Error::custom("a member is there twice"));
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

fn kit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/testkit")
}

fn cause(name: &str) -> Error {
    match name {
        "encoding" => Error::Encoding,
        "decryption" => Error::Decryption,
        "payload" => Error::Payload,
        "unwrap" => Error::Unwrap,
        "unlock" => Error::Unlock,
        "key-format" => Error::KeyFormat,
        "key-rejected" => Error::KeyRejected,
        "passphrase-required" => Error::PassphraseRequired,
        "no-first-line" => InvalidPem::NoFirstLine.into(),
        "no-last-line" => InvalidPem::NoLastLine.into(),
        "escaped-line-breaks" => InvalidPem::EscapedLineBreaks.into(),
        "public-key" => InvalidPem::PublicKey.into(),
        "certificate" => InvalidPem::Certificate.into(),
        "no-private-key" => InvalidPem::NoPrivateKey.into(),
        "other-key" => InvalidPem::OtherKey.into(),
        "two-private-keys" => InvalidPem::TwoPrivateKeys.into(),
        "damaged" => InvalidPem::Damaged.into(),
        other => unreachable!("{other:?} is no cause"),
    }
}

fn unwrap(key: &PrivateKey, wrapped: &str) -> Result<Vec<u8>, Refusal> {
    let org_key = key.unwrap_org_key(&WrappedOrgKey::decode(wrapped)?)?;
    Ok(org_key.expose_secret().to_vec())
}

fn wrapped_org_key(case: &Case) -> Result<Vec<u8>, Refusal> {
    let [wrapped] = case.answer(["encrypted_org_key"])?;
    unwrap(&PrivateKey::from_pem(&case.file("private-key"))?, &wrapped)
}

fn locked_private_key(case: &Case) -> Result<Vec<u8>, Refusal> {
    let members = ["encrypted_private_key", "nonce", "salt", "auth_tag"];
    let [ciphertext, nonce, salt, tag] = case.answer(members)?;
    let locked = LockedPrivateKey::decode(&EncodedLockedKey {
        ciphertext,
        nonce,
        salt,
        tag,
    })?;
    let password = String::from_utf8(case.bytes("password-base64")).unwrap();
    unwrap(&locked.unlock(&password)?, &case.file("unwraps"))
}

fn jwk(case: &Case) -> Result<Vec<u8>, Refusal> {
    unwrap(&PrivateKey::from_jwk(&case.body)?, &case.file("unwraps"))
}

fn pem(case: &Case) -> Result<Vec<u8>, Refusal> {
    let pem = str::from_utf8(&case.body).map_err(|_| Refusal::NotText)?;
    unwrap(&PrivateKey::from_pem(pem)?, &case.file("unwraps"))
}

fn envelope(case: &Case) -> Result<Vec<u8>, Refusal> {
    let [key, value, nonce] = case.answer(["key", "value", "nonce"])?;
    if key != "db" {
        return Err(Refusal::Answer);
    }
    let org_key = OrgKey::from_bytes(&case.bytes("org-key").try_into().unwrap());
    let plaintext = org_key.open(Envelope::decode(&value, &nonce)?)?;
    let payload = Payload::parse(plaintext, &key)?;
    Ok(payload.expose_secret().as_bytes().to_vec())
}

fn payload(case: &Case) -> Result<Vec<u8>, Refusal> {
    let payload = Payload::parse(case.body.clone().into(), case.header("key"))?;
    let kind = match payload.kind() {
        PayloadKind::Single => "single",
        PayloadKind::MultiField => "multi-field",
        PayloadKind::Legacy => "legacy",
    };
    assert_eq!(kind, case.header("kind"), "{}", case.path.display());
    Ok(payload.expose_secret().as_bytes().to_vec())
}

fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Checks one file; the error describes the difference to its claim.
fn check(case: &Case, group: &str, run: Run) -> Option<String> {
    assert_eq!((case.header("testkit"), case.header("group")), ("1", group));
    let (expected, found) = (case.expected(), run(case));
    let path = case.path.strip_prefix(kit()).unwrap().display();
    (found != expected).then(|| format!("{path}: expected {expected:?}, found {found:?}"))
}

fn run_group(group: &str, run: Run) -> (usize, usize, Vec<String>) {
    let cases: Vec<_> = files(&kit().join(group))
        .into_iter()
        .map(Case::read)
        .collect();
    let faults = cases
        .iter()
        .filter(|case| case.headers.contains_key("fault"));
    let faults = faults.count();
    let wrong = cases.iter().filter_map(|case| check(case, group, run));
    (faults, cases.len() - faults, wrong.collect())
}

#[test]
fn every_file_has_the_outcome_that_it_claims() {
    let run_all = |(group, run)| (group, std::thread::spawn(move || run_group(group, run)));
    let groups: Vec<_> = groups().into_iter().map(run_all).collect();
    let (mut all, mut wrong) = (0, Vec::new());
    for (group, thread) in groups {
        let (faults, controls, failed) = thread.join().unwrap();
        println!("{group}: {faults} faults, {controls} controls");
        assert!(faults > 0 && controls > 0, "{group}");
        all += faults;
        wrong.extend(failed);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all >= 150, "only {all} faults");
}

#[test]
fn every_file_is_read() {
    let names = GROUPS
        .map(|(group, _)| group)
        .into_iter()
        .chain(ORGANIZATION);
    let folders: BTreeSet<_> = names.map(|group| kit().join(group)).collect();
    let others =
        ["keys", "maker", "README.md", "make.py", ".gitattributes"].map(|name| kit().join(name));
    let known: BTreeSet<_> = folders.iter().cloned().chain(others).collect();
    assert_eq!(files(&kit()), known);
    for folder in &folders {
        for file in files(folder) {
            assert_eq!(file.extension().unwrap(), "case", "{}", file.display());
        }
    }
}
