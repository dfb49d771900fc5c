//! A vault and our client behind a line protocol, for `tests/interop/interop.py`.
//!
//! It prints one line with all credentials, then answers each line of standard input with one line:
//! `{"op": "get", "combination": "ApiToken+Password", "key": "a"}` with `{"ok": {"value": "…"}}` or
//! `{"error": "NotFound"}`. It ends with its input.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod organization;

use std::collections::HashMap;
use std::io::stdin;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use helvetisafe::{Client, Error, Expiry, Scope, Scopes, Secret, SecretMetadata, Timestamp};
use helvetisafe_crypto::{
    EncodedLockedKey, Error as CryptoError, LockedPrivateKey, Payload, PrivateKey, WrappedOrgKey,
};
use helvetisafe_server::NewAccount;
use helvetisafe_tests::{COMBINATIONS, Member, World, raw, test_key};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use organization::Organization;

fn main() {
    let mut host = Host::new();
    println!("{}", host.credentials());
    for line in stdin().lines() {
        let request = Request(serde_json::from_str(&line.unwrap()).unwrap());
        println!("{}", host.answer(&request));
    }
}

struct Host {
    world: World,
    /// An account with read access only.
    reader: Member,
    /// Accounts made on request. Dropping one would delete its key file.
    adopted: Vec<Member>,
    /// Organizations with a chain, founded on request.
    organizations: Vec<Organization>,
    clients: HashMap<String, Client>,
}

impl Host {
    fn new() -> Self {
        let world = World::new();
        let scopes: Scopes = [Scope::CredentialsRead, Scope::SecretsRead]
            .into_iter()
            .collect();
        let reader = new_member(&world, test_key(), scopes);
        let connect = |combination| {
            let builder = world.member.builder(world.vault.base_url(), combination);
            (combination.to_string(), builder.connect().unwrap())
        };
        let clients = COMBINATIONS.map(connect).into();
        Self {
            world,
            reader,
            adopted: Vec::new(),
            organizations: Vec::new(),
            clients,
        }
    }

    fn credentials(&self) -> Value {
        json!({
            "base_url": self.world.vault.base_url(),
            "member": credentials(&self.world.member),
            "reader": credentials(&self.reader),
        })
    }

    fn answer(&mut self, request: &Request) -> Value {
        match request.text("op") {
            "adopt" => json!({ "ok": self.adopt(request) }),
            "found" => json!({ "ok": self.found(request) }),
            "create_fields" => json!({ "ok": self.create_fields(request) }),
            "unwrap" => match unwrap(request) {
                Ok(org_key) => json!({ "ok": org_key }),
                Err(_) => json!({ "error": "Crypto" }),
            },
            "rotate" => {
                let organization = &mut self.organizations[request.number("organization")];
                outcome(organization.rotate().map(Value::from))
            }
            _ => outcome(self.operate(request)),
        }
    }

    /// An operation of the client.
    fn operate(&self, request: &Request) -> Result<Value, Error> {
        let secrets = self.client(request).secrets();
        if request.text("op") == "list" {
            return Ok(secrets.list()?.iter().map(metadata).collect());
        }
        let key = request.text("key");
        match request.text("op") {
            "get" => secrets.get(key).map(|read| secret(&read)),
            "exists" => secrets.exists(key).map(Value::from),
            "delete" => secrets.delete(key).map(Value::from),
            "create" => secrets
                .create(key, request.text("value"), request.expires_at())
                .map(|created| metadata(&created)),
            "put" => secrets
                .put(key, request.text("value"), request.expires_at())
                .map(|written| metadata(written.metadata())),
            "set_field" => secrets
                .set_field(
                    key,
                    request.text("field"),
                    request.text("value"),
                    request.expiry(),
                )
                .map(|written| metadata(written.metadata())),
            "update" => secrets
                .update(key, request.text("value"), request.expiry())
                .map(|updated| metadata(&updated)),
            unknown => unimplemented!("{unknown}"),
        }
    }

    /// The client of an organization with a chain, or that of a combination.
    fn client(&self, request: &Request) -> &Client {
        match request.0.get("organization") {
            Some(_) => self.organizations[request.number("organization")].client(),
            None => &self.clients[request.text("combination")],
        }
    }

    /// Founds an organization with a chain, in a vault of its own.
    fn found(&mut self, request: &Request) -> Value {
        let accepts = request.0["accepts_writes_without_epoch"].as_bool().unwrap();
        let organization = Organization::found(accepts);
        let credentials = organization.credentials().clone();
        self.organizations.push(organization);
        json!({ "organization": self.organizations.len() - 1, "credentials": credentials })
    }

    /// Makes an account of the same organization with the given RSA key.
    fn adopt(&mut self, request: &Request) -> Value {
        let key = PrivateKey::from_pem(request.text("pem")).unwrap();
        let adopted = new_member(&self.world, key, Scopes::ALL);
        let credentials = credentials(&adopted);
        self.adopted.push(adopted);
        credentials
    }

    fn create_fields(&self, request: &Request) {
        let fields: Vec<_> = request.0["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| (field[0].as_str().unwrap(), field[1].as_str().unwrap()))
            .collect();
        let (url, member) = (self.world.vault.base_url(), &self.world.member);
        raw::create(
            url,
            member,
            request.text("key"),
            &Payload::encode_fields(&fields),
        );
    }
}

fn outcome(result: Result<Value, Error>) -> Value {
    match result {
        Ok(answer) => json!({ "ok": answer }),
        Err(error) => json!({ "error": format!("{:?}", error.kind()) }),
    }
}

fn new_member(world: &World, key: PrivateKey, scopes: Scopes) -> Member {
    let account = NewAccount::default().private_key(key).scopes(scopes);
    Member::new(&world.vault, &world.organization, account)
}

fn credentials(member: &Member) -> Value {
    json!({
        "client_id": member.account.client_id,
        "client_secret": member.account.client_secret.expose_secret(),
        "api_token": member.api_token.expose_secret(),
        "private_key_path": member.pem_path(),
        "private_key_pem": *member.account.private_key_pem,
        "password": member.account.password.expose_secret(),
    })
}

/// Unwraps an org key with a private key that is locked under a password, both made elsewhere.
fn unwrap(request: &Request) -> Result<String, CryptoError> {
    let text = |name| request.text(name).to_owned();
    let locked = LockedPrivateKey::decode(&EncodedLockedKey {
        ciphertext: text("encrypted_private_key"),
        nonce: text("nonce"),
        salt: text("salt"),
        tag: text("auth_tag"),
    })?;
    let wrapped = WrappedOrgKey::decode(request.text("encrypted_org_key"))?;
    let org_key = locked
        .unlock(request.text("password"))?
        .unwrap_org_key(&wrapped)?;
    Ok(BASE64_STANDARD.encode(org_key.expose_secret()))
}

fn secret(secret: &Secret) -> Value {
    let fields = secret.fields().iter();
    json!({
        "value": secret.expose_secret(),
        "expires_at": secret.expires_at(),
        "is_bound": secret.is_bound(),
        "fields": fields
            .map(|field| (field.name(), field.expose_secret()))
            .collect::<Vec<_>>(),
    })
}

fn metadata(metadata: &SecretMetadata) -> Value {
    json!({ "key": metadata.key().to_string(), "expires_at": metadata.expires_at() })
}

struct Request(Value);

impl Request {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    fn number(&self, name: &str) -> usize {
        self.0[name].as_u64().unwrap().try_into().unwrap()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        let time = self.0.get("expires_at")?.as_str()?;
        Some(time.parse().unwrap())
    }

    /// Absent: unchanged; `null`: never; or a time.
    fn expiry(&self) -> Expiry {
        match self.0.get("expires_at") {
            None => Expiry::Keep,
            Some(_) => self.expires_at().map_or(Expiry::Never, Expiry::At),
        }
    }
}
