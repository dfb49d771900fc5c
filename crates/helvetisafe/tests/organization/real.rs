//! The vault of this project: the whole life of an organization, and answers that a hostile one would give.

mod rotation;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use helvetisafe::organization::*;
use helvetisafe::reexports::http::{Request, Response};
use helvetisafe::{
    AsyncClient, Client, Credentials, Error, ErrorKind, ExposeSecret, KeySource, OrgKeyRotation,
    Scopes, Transport, TransportError,
};
use helvetisafe_server::Vault;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::people::{
    ADMINISTRATOR, AnyClient, BOTH, Kind, READER, RUNTIME, founding, keys, other_keys,
};

/// A vault with an organization that Ada founded.
struct Real {
    kind: Kind,
    vault: Vault,
    ada: AccountKeys,
    anchor: Anchor,
}

macro_rules! without_account {
    ($kind:expr, $url:expr, |$builder:ident| $call:expr) => {
        match $kind {
            Kind::Blocking => {
                let $builder = Client::builder_without_account($url);
                $call
            }
            Kind::Async => {
                let $builder = AsyncClient::builder_without_account($url);
                RUNTIME.block_on($call)
            }
        }
    };
}

impl Real {
    fn new(kind: Kind) -> Self {
        let (vault, ada) = (Vault::ephemeral().unwrap(), keys(true));
        let token = vault.new_bootstrap_token().unwrap();
        let (url, founding) = (vault.base_url(), founding(&ada));
        let founded = without_account!(kind, url, |it| it.found_organization(&token, &founding));
        let founded = founded.unwrap();
        // Again, as after a lost answer: the token is used.
        let again = without_account!(kind, url, |it| it.found_organization(&token, &founding));
        assert_eq!(again.unwrap(), founded);
        let anchor = Anchor::Key(founded.verification_key);
        Self {
            kind,
            vault,
            ada,
            anchor,
        }
    }

    fn administrator(&self) -> Administrator<'_> {
        Administrator {
            signing_key: self.ada.signing_key.as_ref().unwrap(),
            anchor: &self.anchor,
        }
    }

    fn connect(&self, keys: &AccountKeys, scopes: &str) -> Result<AnyClient, Error> {
        let source = KeySource::pem(keys.private_key.to_pkcs8_pem().unwrap().as_bytes());
        let (url, credentials) = (self.vault.base_url(), keys.credentials());
        let scopes: Scopes = scopes.parse().unwrap();
        let rotation = OrgKeyRotation::follow_chain(self.anchor);
        match self.kind {
            Kind::Blocking => Client::builder(url, credentials, source)
                .scopes(scopes)
                .org_key_rotation(rotation)
                .connect()
                .map(AnyClient::Blocking),
            Kind::Async => RUNTIME
                .block_on(
                    AsyncClient::builder(url, credentials, source)
                        .scopes(scopes)
                        .org_key_rotation(rotation)
                        .connect(),
                )
                .map(AnyClient::Async),
        }
    }

    fn ada(&self) -> AnyClient {
        self.connect(&self.ada, ADMINISTRATOR).unwrap()
    }

    fn invite(&self, name: &str, scopes: &str) -> InvitationCode {
        let invited = self
            .ada()
            .invite(&self.administrator(), &invitation(name, scopes));
        InvitationCode::parse(&invited.unwrap().code.encode()).unwrap()
    }

    fn join(&self, code: &InvitationCode, keys: &AccountKeys) -> Result<Joining, Error> {
        without_account!(self.kind, &code.base_url, |it| it.join(code, keys))
    }

    fn status(&self, code: &InvitationCode) -> Result<Terms, Error> {
        without_account!(self.kind, &code.base_url, |it| it.invitation(code))
    }

    fn member(&self, name: &str, scopes: &str) -> AccountKeys {
        let code = self.invite(name, scopes);
        let keys = other_keys(scopes.contains("organization:write"));
        self.join(&code, &keys).unwrap();
        self.ada().confirm(&self.administrator(), name).unwrap();
        keys
    }
}

fn invitation(name: &str, scopes: &str) -> NewInvite {
    NewInvite {
        name: name.into(),
        scopes: ScopeList::parse(scopes).unwrap(),
        expires_at: Timestamp::now() + Duration::from_secs(3600),
    }
}

#[test]
fn an_organization_lives_in_the_vault_of_this_project() {
    for kind in BOTH {
        let real = Real::new(kind);
        let ada = real.ada();
        ada.create("db", "s3cr3t-v@lue").unwrap();
        assert!(ada.account().unwrap().has_chain);
        let code = real.invite("bob", READER);
        assert_eq!(
            real.status(&code).unwrap().status,
            InvitationStatus::Pending
        );
        let bob = other_keys(false);
        real.join(&code, &bob).unwrap();
        let again = real.join(&code, &bob).unwrap();
        assert_eq!(again.terms.status, InvitationStatus::Joined);
        let thief = real.join(&code, &other_keys(false)).unwrap_err();
        assert_eq!(thief.kind(), ErrorKind::Conflict, "{thief}");
        assert!(real.connect(&bob, READER).is_err());
        let confirmed = ada.confirm(&real.administrator(), "bob").unwrap();
        assert_eq!(
            real.status(&code).unwrap().status,
            InvitationStatus::Confirmed
        );
        let bobs = real.connect(&bob, READER).unwrap();
        assert_eq!(bobs.get("db").unwrap(), "s3cr3t-v@lue");
        assert_eq!(bobs.head(), Some(confirmed.head));
        let forbidden = bobs.members(&real.anchor).unwrap_err();
        assert_eq!(forbidden.kind(), ErrorKind::Forbidden);

        let eve = real.member("eve", ADMINISTRATOR);
        let eves = real.connect(&eve, ADMINISTRATOR).unwrap();
        let eves_own = Administrator {
            signing_key: eve.signing_key.as_ref().unwrap(),
            anchor: &real.anchor,
        };
        let disabled = eves.disable(&eves_own, &bob.client_id).unwrap();
        assert_eq!(bobs.get("db").unwrap_err().kind(), ErrorKind::Auth);
        let members = ada.members(&Anchor::Head(disabled.head)).unwrap();
        let standing = |keys: &AccountKeys| {
            let mut members = members.iter();
            members
                .find(|it| it.account == keys.client_id)
                .unwrap()
                .standing
        };
        assert_eq!(standing(&real.ada), Standing::Active);
        assert_eq!(standing(&eve), Standing::Active);
        assert_eq!(standing(&bob), Standing::Disabled);
        let acts: Vec<_> = ada.audit(None).unwrap().records;
        let acts: Vec<_> = acts
            .iter()
            .rev()
            .map(|record| record.act.as_str())
            .collect();
        let expected = [
            "organization.found",
            "organization.invite",
            "organization.join",
            "organization.confirm",
            "organization.invite",
            "organization.join",
            "organization.confirm",
            "organization.disable",
        ];
        assert_eq!(acts, expected);
    }
}

#[test]
fn invitations_are_withdrawn_and_the_last_administrator_stays() {
    for kind in BOTH {
        let real = Real::new(kind);
        let ada = real.ada();
        let code = real.invite("bob", READER);
        let taken = ada.invite(&real.administrator(), &invitation("bob", READER));
        assert_eq!(taken.err().unwrap().kind(), ErrorKind::Conflict);
        let open = ada.invitations().unwrap();
        assert_eq!((open.len(), open[0].name.as_str()), (1, "bob"));
        ada.withdraw(open[0].id).unwrap();
        assert_eq!(real.status(&code).unwrap_err().kind(), ErrorKind::Auth);
        let own = ada.disable(&real.administrator(), &real.ada.client_id);
        assert_eq!(own.unwrap_err().kind(), ErrorKind::Conflict);
        let unknown = ada.confirm(&real.administrator(), "bob").unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::NotFound);
    }
}

#[test]
fn an_api_token_reads_until_it_is_revoked() {
    for kind in BOTH {
        let real = Real::new(kind);
        let ada = real.ada();
        ada.create("db", "s3cr3t-v@lue").unwrap();
        let new = NewToken {
            name: "ci".into(),
            scopes: ScopeList::parse(READER).unwrap(),
            expires_at: None,
        };
        let (token, record) = ada.create_token(&new).unwrap();
        let source = KeySource::pem(real.ada.private_key.to_pkcs8_pem().unwrap().as_bytes());
        let token = Credentials::api_token(token.expose_secret());
        let client = Client::builder(real.vault.base_url(), token, source)
            .connect()
            .unwrap();
        assert_eq!(
            client.secrets().get("db").unwrap().expose_secret(),
            "s3cr3t-v@lue"
        );
        assert!(ada.tokens().unwrap().iter().any(|it| it.id == record.id));
        ada.revoke_token(record.id).unwrap();
        assert_eq!(
            client.secrets().get("db").unwrap_err().kind(),
            ErrorKind::Auth
        );
    }
}

/// A password unlocks the key that the new member locked before it joined.
#[test]
fn a_member_connects_with_its_password() {
    let real = Real::new(Kind::Blocking);
    real.ada().create("db", "s3cr3t-v@lue").unwrap();
    let code = real.invite("bob", READER);
    let mut bob = other_keys(false);
    bob.lock("pass word").unwrap();
    real.join(&code, &bob).unwrap();
    real.ada().confirm(&real.administrator(), "bob").unwrap();
    let source = KeySource::password("pass word");
    let client = Client::builder(real.vault.base_url(), bob.credentials(), source)
        .scopes(READER.parse::<Scopes>().unwrap())
        .connect()
        .unwrap();
    assert_eq!(
        client.secrets().get("db").unwrap().expose_secret(),
        "s3cr3t-v@lue"
    );
}

/// A change of an answer.
type Change = dyn Fn(&mut Value) + Send + Sync;

/// Changes the answers to one path.
struct Tampering {
    inner: Arc<dyn Transport>,
    path: &'static str,
    change: Arc<Change>,
    /// The changing requests after the change.
    writes: Arc<Mutex<Vec<String>>>,
}

impl Transport for Tampering {
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let path = request.uri().path();
        if request.method() != "GET" && path != "/oauth/token" {
            self.writes.lock().unwrap().push(path.to_owned());
        }
        let mut response = self.inner.send(request)?;
        if path == self.path && request.method() == "GET" && response.status().is_success() {
            let mut answer = serde_json::from_slice(response.body()).unwrap();
            (self.change)(&mut answer);
            *response.body_mut() = serde_json::to_vec(&answer).unwrap();
        }
        Ok(response)
    }
}

const INVITATIONS: &str = "/api/v1/organization/invitations";
const MEMBERS: &str = "/api/v1/organization/members";
const CHAIN: &str = "/api/v1/organization/chain";
const ORG_KEY: &str = "/api/v1/credentials/org-key";
const JOIN: &str = "/api/v1/join";
const JOIN_CHAIN: &str = "/api/v1/join/chain";

impl Real {
    /// Ada's client behind a vault that changes its answers.
    fn behind(
        &self,
        path: &'static str,
        change: impl Fn(&mut Value) + Send + Sync + 'static,
    ) -> (Client, Arc<Mutex<Vec<String>>>) {
        let source = KeySource::pem(self.ada.private_key.to_pkcs8_pem().unwrap().as_bytes());
        let writes = Arc::default();
        let (change, seen) = (Arc::new(change), Arc::clone(&writes));
        let client = Client::builder(self.vault.base_url(), self.ada.credentials(), source)
            .scopes(ADMINISTRATOR.parse::<Scopes>().unwrap())
            .around_transport(move |inner| Tampering {
                inner,
                path,
                change,
                writes: seen,
            })
            .connect()
            .unwrap();
        (client, writes)
    }
}

#[test]
fn a_confirmation_is_stopped_by_the_check_of_each_attack() {
    let real = Real::new(Kind::Blocking);
    let code = real.invite("bob", READER);
    real.join(&code, &other_keys(false)).unwrap();
    let eve = real.invite("eve", ADMINISTRATOR);
    real.join(&eve, &other_keys(true)).unwrap();
    let of_bob = |answer: &mut Value, change: &dyn Fn(&mut Value)| {
        let invitations = answer["invitations"].as_array_mut().unwrap();
        let mut bobs = invitations.iter_mut().filter(|it| it["name"] == "bob");
        change(bobs.next().unwrap());
    };
    let swapped = PublicKeyInfo::try_from(&real.ada.private_key.public_key()).unwrap();
    let swapped = json!(helvetisafe_proto::Base64(swapped.as_der().to_vec()));
    type Edit = Box<dyn Fn(&mut Value) + Send + Sync>;
    let attacks: Vec<(Edit, &str)> = vec![
        (
            Box::new(move |it| it["request"]["public_key"] = swapped.clone()),
            "was not made with this invitation, or was changed",
        ),
        (
            Box::new(|it| it["request"]["account"] = json!("hs_client_mallory")),
            "was not made with this invitation, or was changed",
        ),
        (
            Box::new(|it| it["scopes"] = json!("secrets:read secrets:write")),
            "the sealed secret does not fit the invitation",
        ),
        (
            Box::new(|it| it["expires_at"] = json!("2099-01-01T00:00:00Z")),
            "the sealed secret does not fit the invitation",
        ),
        (
            Box::new(|it| it["expires_at"] = json!("2001-01-01T00:00:00Z")),
            "the invitation expired at 2001-01-01T00:00:00Z",
        ),
        (
            Box::new(|it| it["sealed"]["key_epoch"] = json!(2)),
            "is not of the present epoch",
        ),
    ];
    for (edit, check) in attacks {
        let (client, writes) = real.behind(INVITATIONS, move |answer| of_bob(answer, &edit));
        let error = client
            .organization()
            .confirm(&real.administrator(), "bob")
            .unwrap_err();
        assert!(error.to_string().contains(check), "{error}");
        assert!(writes.lock().unwrap().is_empty());
    }
    // The request of Eve, under the name of Bob.
    let (client, writes) = real.behind(INVITATIONS, |answer| {
        let invitations = answer["invitations"].as_array_mut().unwrap();
        let eve = invitations.iter().find(|it| it["name"] == "eve").unwrap()["request"].clone();
        let bob = invitations
            .iter_mut()
            .find(|it| it["name"] == "bob")
            .unwrap();
        bob["request"] = eve;
    });
    let error = client
        .organization()
        .confirm(&real.administrator(), "bob")
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("was not made with this invitation"),
        "{error}"
    );
    assert!(writes.lock().unwrap().is_empty());
}

#[test]
fn a_withheld_change_an_own_account_and_an_own_org_key_are_noticed() {
    let real = Real::new(Kind::Blocking);
    let bob = real.member("bob", READER);
    let seen = Anchor::Head(*real.ada().follow(&real.anchor).unwrap().head());
    let (client, _) = real.behind(CHAIN, |answer| {
        answer["entries"].as_array_mut().unwrap().pop();
    });
    let error = client.organization().members(&seen).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Crypto);
    assert!(
        error
            .to_string()
            .contains("older than one that was seen before"),
        "{error}"
    );

    let (client, _) = real.behind(MEMBERS, |answer| {
        let members = answer["members"].as_array_mut().unwrap();
        let mut own = members[0].clone();
        own["account"] = json!("hs_client_mallory");
        members.push(own);
    });
    let members = client.organization().members(&seen).unwrap();
    let standing = |account: &str| {
        let mut members = members.iter();
        members.find(|it| it.account == account).unwrap().standing
    };
    assert_eq!(standing("hs_client_mallory"), Standing::OnlyInVault);
    assert_eq!(standing(&bob.client_id), Standing::Active);

    let own = OrgKey::generate().unwrap();
    let wrap = real
        .ada
        .private_key
        .public_key()
        .wrap_org_key(&own)
        .unwrap();
    let (client, writes) = real.behind(ORG_KEY, move |answer| {
        answer["encrypted_org_key"] = json!(wrap.encode());
    });
    let error = client
        .organization()
        .invite(&real.administrator(), &invitation("joe", READER));
    let error = error.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::OrgKeyRefused);
    assert!(writes.lock().unwrap().is_empty());
}

#[test]
fn an_invited_person_is_not_led_astray() {
    let real = Real::new(Kind::Blocking);
    let other = Real::new(Kind::Blocking);
    let code = real.invite("bob", READER);
    // It has the same id.
    let entries = chain_of(&other);
    let attacks: Vec<(&'static str, Box<Change>, &str)> = vec![
        (
            JOIN_CHAIN,
            Box::new(move |answer| answer["entries"] = entries.clone()),
            "is not the one that was seen before",
        ),
        (
            JOIN_CHAIN,
            Box::new(|answer| answer["entries"] = json!([])),
            "does not start with its genesis",
        ),
        (
            JOIN,
            Box::new(|answer| answer["organization"] = json!("0000000000000001")),
            "an entry of the chain is of another organization",
        ),
        (
            JOIN,
            Box::new(|answer| answer["id"] = json!("00".repeat(32))),
            "another invitation than that of the code",
        ),
        (
            JOIN,
            Box::new(|answer| answer["expires_at"] = json!("2001-01-01T00:00:00Z")),
            "the invitation expired at",
        ),
    ];
    for (path, change, check) in attacks {
        let (change, writes) = (Arc::from(change), Arc::new(Mutex::new(vec![])));
        let seen = Arc::clone(&writes);
        let error = Client::builder_without_account(&code.base_url)
            .around_transport(move |inner| Tampering {
                inner,
                path,
                change,
                writes: seen,
            })
            .join(&code, &other_keys(false))
            .unwrap_err();
        assert!(error.to_string().contains(check), "{error}");
        assert!(writes.lock().unwrap().is_empty());
    }
}

/// The entries of an organization's chain, as its vault sends them.
fn chain_of(real: &Real) -> Value {
    let entries = Arc::new(Mutex::new(json!([])));
    let seen = Arc::clone(&entries);
    let (client, _) = real.behind(CHAIN, move |answer| {
        *seen.lock().unwrap() = answer["entries"].clone();
    });
    client.organization().follow(&real.anchor).unwrap();
    entries.lock().unwrap().clone()
}
