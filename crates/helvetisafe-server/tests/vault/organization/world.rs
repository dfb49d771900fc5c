//! An organization that Ada founded, and what its members send.

use std::sync::Arc;

use helvetisafe_crypto::organization::{
    Anchor, Chain, Credential, Entry, Invitation, InvitationSecret, JoinRequest, PublicKeyInfo,
    SignedInvitation, SigningKey,
};
use helvetisafe_crypto::{OrgKey, PrivateKey};
use helvetisafe_proto::endpoint::organization::{
    Confirmation, Disabling, Founding, JoinBody, NewInvitation, SealedInvitation,
};
use helvetisafe_proto::{Base64, ErrorCode, Scope, ScopeList, Scopes};
use helvetisafe_server::{ExposeSecret, Vault};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::document::Document;
use crate::support::{Answer, builder, send};

/// The five scopes of the service, and those of an administrator.
pub(super) const MEMBER: &str = "secrets:read secrets:write secrets:list credentials:read";
pub(super) const ADMINISTRATOR: &str = "secrets:read secrets:write secrets:list credentials:read organization:read organization:write \
     tokens:write";

const MEMBERS: &str = "/api/v1/organization/members";

/// The keys of a person, which the vault does not have.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) account: String,
    pub(super) secret: Credential,
    pub(super) private_key: PrivateKey,
    pub(super) signing_key: Option<SigningKey>,
    /// An access token with all scopes of the account; empty before the login.
    pub(super) token: String,
}

/// Changes of a request, each with what the answer to it has.
pub(super) type Changes<'c, K, T> = &'c [(K, &'c dyn Fn(&mut T))];

pub(super) struct World {
    pub(super) vault: Arc<Vault>,
    pub(super) organization: [u8; 8],
    pub(super) org_key: OrgKey,
    pub(super) ada: Person,
}

/// An invitation as the inviting administrator has it.
pub(super) struct Invited {
    pub(super) secret: InvitationSecret,
    pub(super) terms: SignedInvitation,
    pub(super) body: NewInvitation,
}

impl Person {
    pub(super) fn new(name: &'static str, is_administrator: bool) -> Self {
        let pem = include_str!("../../data/private-key.pem");
        Self {
            name,
            account: format!("hs_client_{}", base64url(&random::<16>())),
            secret: Credential::generate().unwrap(),
            private_key: PrivateKey::from_pem(pem).unwrap(),
            signing_key: is_administrator.then(|| SigningKey::generate().unwrap()),
            token: String::new(),
        }
    }

    pub(super) fn public_key(&self) -> PublicKeyInfo {
        PublicKeyInfo::try_from(&self.private_key.public_key()).unwrap()
    }

    pub(super) fn signing_key(&self) -> &SigningKey {
        self.signing_key.as_ref().unwrap()
    }

    fn verification_key(&self) -> Option<Base64> {
        let key = self.signing_key.as_ref();
        key.map(|key| Base64(key.verification_key().as_bytes().to_vec()))
    }

    pub(super) fn wrap(&self, org_key: &OrgKey) -> String {
        let key = self.private_key.public_key();
        key.wrap_org_key(org_key).unwrap().encode()
    }

    /// Logs in with these scopes.
    pub(super) fn log_in(&mut self, vault: &Vault, scopes: &str) {
        let answer = log_in(vault, self, scopes).success(200);
        self.token = answer["access_token"].as_str().unwrap().to_owned();
    }
}

pub(super) fn log_in(vault: &Vault, person: &Person, scopes: &str) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &person.account)
        .append_pair("client_secret", person.secret.expose_secret())
        .append_pair("scope", scopes)
        .finish();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let form = Some(form.into_bytes());
    send(vault.base_url(), "POST", "/oauth/token", &headers, form)
}

impl World {
    pub(super) fn new() -> Self {
        Self::of(builder().start().unwrap())
    }

    pub(super) fn of(vault: impl Into<Arc<Vault>>) -> Self {
        Self::found(vault.into())
    }

    /// Founds another organization in the same vault.
    pub(super) fn beside(&self) -> Self {
        Self::found(Arc::clone(&self.vault))
    }

    fn found(vault: Arc<Vault>) -> Self {
        let mut world = Self {
            vault,
            organization: random(),
            org_key: OrgKey::generate().unwrap(),
            ada: Person::new("Ada", true),
        };
        let token = world.vault.new_bootstrap_token().unwrap();
        let founding = world.founding();
        world
            .post("/api/v1/organizations", token.expose_secret(), &founding)
            .success(200);
        let World { vault, ada, .. } = &mut world;
        ada.log_in(vault, ADMINISTRATOR);
        world
    }

    pub(super) fn id(&self) -> String {
        helvetisafe_proto::Hex::from(self.organization).to_string()
    }

    pub(super) fn founding(&self) -> Founding {
        let ada = &self.ada;
        let genesis = Chain::found(
            &self.id(),
            1,
            &self.org_key.fingerprint(),
            &ada.account,
            ada.name,
            &ada.public_key(),
            ada.signing_key(),
        );
        Founding {
            organization: self.organization.into(),
            account: ada.account.clone(),
            name: ada.name.to_owned(),
            scopes: ScopeList::parse(ADMINISTRATOR).unwrap(),
            client_secret_hash: ada.secret.hash().into(),
            public_key: Base64(ada.public_key().as_der().to_vec()),
            verification_key: ada.verification_key().unwrap(),
            encrypted_org_key: ada.wrap(&self.org_key),
            private_key: None,
            genesis: Base64(genesis.to_bytes()),
        }
    }

    /// Returns the chain as the vault states it, verified.
    pub(super) fn chain(&self) -> Chain {
        let anchor = Anchor::Key(self.ada.signing_key().verification_key());
        Chain::follow(&self.id(), &anchor, &self.entries()).unwrap()
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        let answer = self.get("/api/v1/organization/chain?from=0", &self.ada.token);
        let answer = answer.success(200);
        assert_eq!(answer["has_more"], false);
        let entries = answer["entries"].as_array().unwrap().iter();
        let bytes = entries.map(|entry| serde_json::from_value::<Base64>(entry.clone()).unwrap());
        bytes
            .map(|bytes| Entry::from_bytes(&bytes.0).unwrap())
            .collect()
    }

    pub(super) fn invitation(&self, name: &str, scopes: &str) -> Invited {
        self.invitation_for(name, scopes, SignedDuration::from_hours(1))
    }

    pub(super) fn invitation_for(&self, name: &str, scopes: &str, life: SignedDuration) -> Invited {
        let expires_at = Timestamp::from_second((Timestamp::now() + life).as_second()).unwrap();
        let terms = Invitation {
            organization: self.id(),
            epoch: 1,
            name: name.to_owned(),
            scopes: scopes.split(' ').map(str::to_owned).collect(),
            expires_at: u64::try_from(expires_at.as_second()).unwrap(),
        };
        let secret = InvitationSecret::generate().unwrap();
        let sealed = secret.seal(&self.org_key, &terms).unwrap();
        let terms = terms.sign(&secret.id(), self.ada.signing_key());
        let base64 = |text: &str| serde_json::from_value(Value::from(text)).unwrap();
        let body = NewInvitation {
            id: secret.id().into(),
            name: name.to_owned(),
            scopes: ScopeList::parse(scopes).unwrap(),
            expires_at,
            sealed: SealedInvitation {
                key_epoch: 1,
                nonce: base64(&sealed.encode_nonce()),
                value: base64(&sealed.encode_value()),
                signature: Base64(terms.signature.to_vec()),
            },
        };
        Invited {
            secret,
            terms,
            body,
        }
    }

    pub(super) fn invite(&self, invited: &Invited) -> Answer {
        self.post(
            "/api/v1/organization/invitations",
            &self.ada.token,
            &invited.body,
        )
    }

    pub(super) fn withdraw(&self, invited: &Invited) -> Answer {
        let path = format!("/api/v1/organization/invitations/{}", invited.body.id);
        self.call("DELETE", &path, &self.ada.token, None)
    }

    /// Invites a person, who joins.
    pub(super) fn join(&self, person: &Person) -> Invited {
        let scopes = match person.signing_key {
            Some(_) => ADMINISTRATOR,
            None => MEMBER,
        };
        let invited = self.invitation(person.name, scopes);
        self.invite(&invited).success(200);
        let body = self.join_body(person, &invited);
        self.post("/api/v1/join", &invited.token(), &body)
            .success(200);
        invited
    }

    pub(super) fn join_request(&self, person: &Person, invited: &Invited) -> JoinRequest {
        JoinRequest {
            organization: self.id(),
            epoch: 1,
            fingerprint: self.org_key.fingerprint(),
            name: invited.terms.invitation.name.clone(),
            scopes: invited.terms.invitation.scopes.clone(),
            account: person.account.clone(),
            public_key: person.public_key(),
            client_secret_hash: person.secret.hash(),
            verification_key: person
                .signing_key
                .as_ref()
                .map(SigningKey::verification_key),
            locked_private_key: None,
        }
    }

    pub(super) fn join_body(&self, person: &Person, invited: &Invited) -> JoinBody {
        let request = self.join_request(person, invited);
        JoinBody {
            epoch: request.epoch,
            fingerprint: (*request.fingerprint.as_bytes()).into(),
            account: request.account.clone(),
            public_key: Base64(request.public_key.as_der().to_vec()),
            client_secret_hash: request.client_secret_hash.into(),
            verification_key: person.verification_key(),
            private_key: None,
            tag: Base64(request.authenticate(&invited.secret).to_vec()),
        }
    }

    /// Returns the confirmation by an administrator who knows this chain.
    pub(super) fn confirmation(
        &self,
        person: &Person,
        invited: &Invited,
        chain: &Chain,
        by: &SigningKey,
    ) -> Confirmation {
        let request = self.join_request(person, invited);
        let tag = request.authenticate(&invited.secret);
        let verified = request.verify(&tag, &invited.secret, &invited.terms, chain);
        let verified = verified.unwrap();
        let mut entries = vec![chain.confirm(&verified, by).unwrap()];
        if person.signing_key.is_some() {
            let mut chain = chain.clone();
            chain.append(&entries[0]).unwrap();
            entries.push(chain.add_administrator(&verified, by).unwrap());
        }
        Confirmation {
            invitation: invited.body.id,
            public_key_hash: person.public_key().hash().into(),
            key_epoch: 1,
            encrypted_org_key: person.wrap(&self.org_key),
            entries: entries
                .iter()
                .map(|entry| Base64(entry.to_bytes()))
                .collect(),
        }
    }

    pub(super) fn confirm(&self, confirmation: &Confirmation) -> Answer {
        self.post(MEMBERS, &self.ada.token, confirmation)
    }

    /// Makes a person a member with a token of all its scopes.
    pub(super) fn enroll(&self, person: &mut Person) {
        let invited = self.join(person);
        let key = self.ada.signing_key();
        let confirmation = self.confirmation(person, &invited, &self.chain(), key);
        self.confirm(&confirmation).success(200);
        let scopes: Vec<_> = invited.terms.invitation.scopes.iter().cloned().collect();
        person.log_in(&self.vault, &scopes.join(" "));
    }

    pub(super) fn disabling(&self, person: &Person) -> Disabling {
        let entry = self
            .chain()
            .disable(&person.account, self.ada.signing_key());
        Disabling {
            account: person.account.clone(),
            entry: Base64(entry.unwrap().to_bytes()),
        }
    }

    pub(super) fn disable(&self, disabling: &Disabling) -> Answer {
        let path = format!("{MEMBERS}/disable");
        self.post(&path, &self.ada.token, disabling)
    }

    pub(super) fn members(&self) -> Value {
        self.get(MEMBERS, &self.ada.token).success(200)["members"].take()
    }

    pub(super) fn invitations(&self) -> Value {
        let path = "/api/v1/organization/invitations";
        self.get(path, &self.ada.token).success(200)["invitations"].take()
    }

    pub(super) fn get(&self, path: &str, token: &str) -> Answer {
        self.call("GET", path, token, None)
    }

    pub(super) fn post(&self, path: &str, token: &str, body: &impl Serialize) -> Answer {
        let body = serde_json::to_value(body).unwrap();
        self.call("POST", path, token, Some(body))
    }

    pub(super) fn call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("authorization", bearer.as_str())];
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let body = body.map(|body| body.to_string().into_bytes());
        let answer = send(self.vault.base_url(), method, path, &headers, body);
        let document = Document::new();
        let mut operations = document.extensions().into_iter();
        let operation = operations.find(|it| it.method == method && it.is_at(path));
        if let Some(operation) = operation {
            document.check(operation, &answer);
        }
        answer
    }
}

impl Invited {
    /// Returns the token of the invitation, as the invited person sends it.
    pub(super) fn token(&self) -> String {
        base64url(self.secret.derive_token().as_slice())
    }
}

#[track_caller]
pub(super) fn check(answer: &Answer, code: ErrorCode) {
    answer.error(code.status().as_u16());
    assert_eq!(answer.body["code"], code.as_str(), "{answer:?}");
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// Returns the scopes of a text.
pub(super) fn scopes(text: &str) -> Scopes {
    let scopes = text.split(' ').map(|scope| scope.parse::<Scope>().unwrap());
    scopes.collect()
}
