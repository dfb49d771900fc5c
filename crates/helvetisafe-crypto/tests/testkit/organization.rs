//! The groups of the kit for an organization. The cause of a refusal is the name of the error's variant.

use std::collections::BTreeSet;
use std::fmt::Debug;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use helvetisafe_crypto::organization::{
    Anchor, Chain, ChainError, Entry, Head, Invitation, InvitationCode, InvitationSecret,
    JoinRequest, PublicKeyInfo, SignedInvitation, SigningKey, Words,
};
use helvetisafe_crypto::{EncodedLockedKey, Envelope, LockedPrivateKey, OrgKey};
use serde_json::Value;

use super::{Case, Refusal, Run};

pub(super) const RUNS: [Run; 6] = [
    chain,
    fingerprint_words,
    invitation_code,
    join_request,
    sealed_invitation,
    signing_key,
];

/// The name of a variant with hyphens, as in `last-administrator`.
fn named(error: impl Debug) -> Refusal {
    let error = format!("{error:?}");
    let name = error.split(' ').next().unwrap();
    let mut hyphened = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !hyphened.is_empty() {
            hyphened.push('-');
        }
        hyphened.extend(c.to_lowercase());
    }
    Refusal::Organization(hyphened)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    let bytes = STANDARD.decode(text(value)).unwrap();
    bytes.try_into().unwrap()
}

fn scopes(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(text).collect()
}

fn invitation(value: &Value) -> Invitation {
    Invitation {
        organization: text(&value["organization"]),
        epoch: value["epoch"].as_u64().unwrap(),
        name: text(&value["name"]),
        scopes: scopes(&value["scopes"]),
        expires_at: value["expires_at"].as_u64().unwrap(),
    }
}

fn entries(value: &Value) -> Result<Vec<Entry>, ChainError> {
    let entries = value.as_array().unwrap().iter();
    entries
        .map(|entry| Entry::from_bytes(&STANDARD.decode(text(entry)).unwrap()))
        .collect()
}

fn sealed_invitation(case: &Case) -> Result<Vec<u8>, Refusal> {
    let body: Value = serde_json::from_slice(&case.body).unwrap();
    let envelope = Envelope::decode(&text(&body["value"]), &text(&body["nonce"]))?;
    let org_key = OrgKey::from_bytes(&case.bytes("org-key").try_into().unwrap());
    let (terms, id) = (invitation(&body), bytes(&body["id"]));
    let secret = InvitationSecret::open(envelope, &org_key, &terms, &id)?;
    Ok(secret.expose_secret().to_vec())
}

fn invitation_code(case: &Case) -> Result<Vec<u8>, Refusal> {
    let code = InvitationCode::parse(str::from_utf8(&case.body).unwrap()).map_err(named)?;
    let parts: [&[u8]; 6] = [
        code.secret.expose_secret(),
        code.fingerprint.as_bytes(),
        code.inviter.as_bytes(),
        &code.head.sequence.to_be_bytes(),
        &code.head.hash,
        code.base_url.as_bytes(),
    ];
    Ok(parts.concat())
}

fn request(value: &Value) -> JoinRequest {
    let key = &value["verification_key"];
    let locked = &value["locked_private_key"];
    let locked = locked.is_object().then(|| EncodedLockedKey {
        ciphertext: text(&locked["encrypted_private_key"]),
        nonce: text(&locked["nonce"]),
        salt: text(&locked["salt"]),
        tag: text(&locked["auth_tag"]),
    });
    let public_key = STANDARD.decode(text(&value["public_key"])).unwrap();
    JoinRequest {
        organization: text(&value["organization"]),
        epoch: value["epoch"].as_u64().unwrap(),
        fingerprint: text(&value["fingerprint"]).parse().unwrap(),
        name: text(&value["name"]),
        scopes: scopes(&value["scopes"]),
        account: text(&value["account"]),
        public_key: PublicKeyInfo::from_der(&public_key).unwrap(),
        client_secret_hash: bytes(&value["client_secret_hash"]),
        verification_key: key.as_str().map(|key| key.parse().unwrap()),
        locked_private_key: locked.map(|locked| LockedPrivateKey::decode(&locked).unwrap()),
    }
}

fn join_request(case: &Case) -> Result<Vec<u8>, Refusal> {
    let body: Value = serde_json::from_slice(&case.body).unwrap();
    let secret = InvitationSecret::from_bytes(&case.bytes("secret").try_into().unwrap());
    let chain = entries(&body["chain"]).unwrap();
    let anchor = Anchor::Head(chain[0].head());
    let chain = Chain::follow("acme", &anchor, &chain).unwrap();
    let (request, tag) = (request(&body["request"]), bytes(&body["tag"]));
    let invitation = SignedInvitation {
        invitation: invitation(&body["invitation"]),
        signature: bytes(&body["invitation"]["signature"]),
    };
    let verified = request
        .verify(&tag, &secret, &invitation, &chain)
        .map_err(named)?;
    Ok(verified.request().authenticate(&secret).to_vec())
}

fn chain(case: &Case) -> Result<Vec<u8>, Refusal> {
    let body: Value = serde_json::from_slice(&case.body).unwrap();
    let anchor = match &body["anchor"] {
        Value::String(key) => Anchor::Key(key.parse().unwrap()),
        head => Anchor::Head(Head {
            sequence: head["sequence"].as_u64().unwrap(),
            hash: bytes(&head["hash"]),
        }),
    };
    let entries = entries(&body["entries"]).map_err(named)?;
    let chain = Chain::follow(&text(&body["organization"]), &anchor, &entries).map_err(named)?;
    Ok(state(&chain).into_bytes())
}

/// The state of a chain as the lines of a text.
fn state(chain: &Chain) -> String {
    let head = chain.head();
    let mut lines = vec![
        format!("epoch {}", chain.epoch()),
        format!("fingerprint {}", chain.fingerprint()),
        format!("head {} {}", head.sequence, STANDARD.encode(head.hash)),
    ];
    for (kind, members) in [
        ("member", chain.members()),
        ("former", chain.former_members()),
    ] {
        lines.extend(members.iter().map(|(account, member)| {
            let hash = STANDARD.encode(member.public_key_hash);
            format!("{kind} {account} {hash} {}", member.name)
        }));
    }
    let administrators = chain.administrators().iter();
    lines.extend(administrators.map(|(account, key)| format!("administrator {account} {key}")));
    lines.join("\n")
}

fn fingerprint_words(case: &Case) -> Result<Vec<u8>, Refusal> {
    let body: Value = serde_json::from_slice(&case.body).unwrap();
    let given: Words = text(&body["words"]).parse().map_err(named)?;
    let key = STANDARD.decode(text(&body["key"])).unwrap();
    let words = match body["kind"].as_str().unwrap() {
        "public-key" => Words::of_public_key(&PublicKeyInfo::from_der(&key).unwrap()),
        _ => {
            let key = base64::engine::general_purpose::STANDARD_NO_PAD.encode(key);
            Words::of_fingerprint(&format!("SHA256:{key}").parse().unwrap())
        }
    };
    (given == words)
        .then(|| words.to_string().into_bytes())
        .ok_or_else(|| Refusal::Organization("other-words".to_owned()))
}

fn signing_key(case: &Case) -> Result<Vec<u8>, Refusal> {
    let pem = str::from_utf8(&case.body).unwrap();
    let key = SigningKey::from_pem(pem).map_err(named)?;
    Ok(key.verification_key().as_bytes().to_vec())
}
