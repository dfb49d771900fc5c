//! The vault of this project: the whole life of an organization, and its lies as a hostile vault.

mod defences;
mod hostile;
mod rotation;

use std::time::Duration;

use helvetisafe::organization::*;
use helvetisafe::{
    AsyncClient, Client, Credentials, Error, ErrorKind, ExposeSecret, KeySource, OrgKeyRotation,
    Scopes,
};
use helvetisafe_server::Vault;
use helvetisafe_server::faults::Faults;
use jiff::Timestamp;

use crate::people::{
    ADMINISTRATOR, AnyClient, BOTH, Kind, MEMBER, READER, RUNTIME, founding, keys, other_keys,
};

/// A vault with an organization that Ada founded.
struct Real {
    kind: Kind,
    vault: Vault,
    faults: Faults,
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
        let (faults, ada) = (Faults::new(), keys(true));
        let vault = Vault::builder().faults(faults.clone()).start().unwrap();
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
            faults,
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

    /// Connects a client that follows the chain.
    fn connect(&self, keys: &AccountKeys, scopes: &str) -> Result<AnyClient, Error> {
        self.connect_by(keys, scopes, OrgKeyRotation::follow_chain(self.anchor))
    }

    fn connect_by(
        &self,
        keys: &AccountKeys,
        scopes: &str,
        rotation: OrgKeyRotation,
    ) -> Result<AnyClient, Error> {
        let source = KeySource::pem(keys.private_key.to_pkcs8_pem().unwrap().as_bytes());
        let (url, credentials) = (self.vault.base_url(), keys.credentials());
        let scopes: Scopes = scopes.parse().unwrap();
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
        let closed = ada.confirm_shown(&real.administrator(), &open[0]);
        assert_eq!(closed.unwrap_err().kind(), ErrorKind::NotFound);
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
