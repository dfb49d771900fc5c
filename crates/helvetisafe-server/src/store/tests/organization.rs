//! Administrative acts.

use std::sync::Arc;

use helvetisafe_crypto::organization::{Chain, Entry, Invitation, PublicKeyInfo, SigningKey};
use helvetisafe_crypto::{OrgKey, PrivateKey};
use helvetisafe_proto::ErrorCode;
use helvetisafe_proto::endpoint::organization::JoinBody;
use helvetisafe_proto::{Base64, Hex};
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::*;
use crate::store::act::ActError;

/// An organization that was founded with a bootstrap token.
struct Acme {
    store: Arc<Store>,
    organization: OrganizationId,
    grant: Grant,
    key: SigningKey,
    genesis: Entry,
    _world: World,
}

fn public_key() -> PublicKeyInfo {
    let pem = include_str!("../../../tests/data/private-key.pem");
    let key = PrivateKey::from_pem(pem).unwrap();
    PublicKeyInfo::try_from(&key.public_key()).unwrap()
}

fn member(organization: OrganizationId, name: &str, key: Option<&SigningKey>) -> MemberRow {
    MemberRow {
        id: AccountId(generate_id().unwrap()),
        organization,
        name: name.to_owned(),
        client_id: generate_name("hs_client_").unwrap(),
        client_secret_hash: [7; 32],
        scopes: Scopes::ALL,
        public_key: public_key().as_der().to_vec(),
        verification_key: key.map(|key| *key.verification_key().as_bytes()),
        private_key: None,
    }
}

fn founding(
    organization: OrganizationId,
    bootstrap: Hash,
    founder: MemberRow,
    key: &SigningKey,
) -> FoundAct {
    let id = Hex::from(organization).to_string();
    let fingerprint = OrgKey::from_bytes(&[1; 32]).fingerprint();
    let account = founder.client_id.clone();
    let genesis = Chain::found(&id, 1, &fingerprint, &account, "ada", &public_key(), key);
    FoundAct {
        bootstrap,
        content: [1; 32],
        founder,
        encrypted_org_key: "wrapped".to_owned(),
        genesis: ChainEntry::from(&genesis),
    }
}

async fn acmes() -> Vec<Acme> {
    let mut acmes = Vec::new();
    for mut world in worlds().await {
        let other = Store::open(&Database::in_memory()).await.unwrap();
        let store = Arc::new(std::mem::replace(&mut world.store, other));
        acmes.push(Acme::found(store, world).await);
    }
    acmes
}

impl Acme {
    async fn found(store: Arc<Store>, world: World) -> Self {
        let organization = OrganizationId(generate_id().unwrap());
        let (key, bootstrap) = (SigningKey::generate().unwrap(), new_hash());
        store.act(BootstrapAct(bootstrap)).await.unwrap();
        assert!(store.is_bootstrap(bootstrap).await.unwrap());
        let founder = member(organization, "ada", Some(&key));
        let account = founder.id;
        let act = founding(organization, bootstrap, founder, &key);
        store.act(act).await.unwrap();
        let token = token(account, TokenExpiry::Never);
        let grant = Grant {
            token: token.hash,
            tenant: Tenant {
                organization,
                key_epoch: KeyEpoch::FIRST,
            },
        };
        store.add_token(token).await.unwrap();
        let chain = store.chain(organization, 0, 10).await.unwrap();
        Self {
            genesis: Entry::from_bytes(&chain[0]).unwrap(),
            store,
            organization,
            grant,
            key,
            _world: world,
        }
    }

    fn chain(&self) -> Chain {
        let anchor = helvetisafe_crypto::organization::Anchor::Head(self.genesis.head());
        let id = Hex::from(self.organization).to_string();
        Chain::follow(&id, &anchor, std::slice::from_ref(&self.genesis)).unwrap()
    }

    fn invite(&self, name: &str, id: [u8; 32]) -> InviteAct {
        let expires_at = Timestamp::now().as_second() + 60;
        let terms = Invitation {
            organization: Hex::from(self.organization).to_string(),
            epoch: 1,
            name: name.to_owned(),
            scopes: Scopes::ALL
                .iter()
                .map(|it| it.as_str().to_owned())
                .collect(),
            expires_at: expires_at.cast_unsigned(),
        };
        InviteAct {
            grant: self.grant,
            row: generate_id().unwrap(),
            id,
            name: name.to_owned(),
            scopes: Scopes::ALL,
            expires_at: Timestamp::from_second(expires_at).unwrap().into(),
            key_epoch: KeyEpoch::FIRST,
            nonce: "AAAA".to_owned(),
            sealed: "AAAA".to_owned(),
            signature: terms.sign(&id, &self.key).signature,
        }
    }

    fn join(&self, name: &str, invitation: [u8; 32]) -> JoinAct {
        let member = member(self.organization, name, None);
        let request = JoinBody {
            epoch: 1,
            fingerprint: [2; 32].into(),
            account: member.client_id.clone(),
            public_key: Base64(member.public_key.clone()),
            client_secret_hash: member.client_secret_hash.into(),
            verification_key: None,
            private_key: None,
            tag: Base64(vec![3; 32]),
        };
        JoinAct {
            invitation,
            member,
            request,
        }
    }

    /// Invites, joins, and returns the confirmation and the account.
    async fn joined(&self, name: &str) -> (ConfirmAct, AccountId) {
        let id = new_hash_bytes();
        self.store.act(self.invite(name, id)).await.unwrap();
        let join = self.join(name, id);
        let account = join.member.id;
        let entry = self.entry(&join.member.client_id, name, id);
        self.store.act(join).await.unwrap();
        let confirm = ConfirmAct {
            grant: self.grant,
            invitation: id,
            public_key_hash: public_key().hash(),
            key_epoch: KeyEpoch::FIRST,
            encrypted_org_key: "wrapped".to_owned(),
            entries: vec![entry],
            checked: Ok(()),
        };
        (confirm, account)
    }

    /// Returns the entry after the genesis that confirms an account.
    fn entry(&self, account: &str, name: &str, id: [u8; 32]) -> Entry {
        use helvetisafe_crypto::organization::{JoinRequest, Words};
        let invitation = Invitation {
            organization: Hex::from(self.organization).to_string(),
            epoch: 1,
            name: name.to_owned(),
            scopes: Default::default(),
            expires_at: 0,
        };
        let request = JoinRequest {
            organization: invitation.organization.clone(),
            epoch: 1,
            fingerprint: *self.chain().fingerprint(),
            name: name.to_owned(),
            scopes: Default::default(),
            account: account.to_owned(),
            public_key: public_key(),
            client_secret_hash: [7; 32],
            verification_key: None,
            locked_private_key: None,
        };
        let words = Words::of_public_key(&request.public_key);
        let verified = request.verify_words(&words, id, &invitation, &self.chain());
        self.chain().confirm(&verified.unwrap(), &self.key).unwrap()
    }

    fn refused<T>(code: ErrorCode) -> Result<T, ActError> {
        Err(ActError::Refused(code))
    }
}

fn new_hash() -> Hash {
    Hash::of_text(&generate_name("").unwrap())
}

fn new_hash_bytes() -> [u8; 32] {
    new_hash().as_bytes().try_into().unwrap()
}

#[tokio::test]
async fn a_bootstrap_token_founds_one_organization() {
    for acme in acmes().await {
        let store = &acme.store;
        let members = store.members(acme.organization).await.unwrap();
        assert_eq!(members.len(), 1);
        assert_eq!(members[0].name.as_deref(), Some("ada"));
        let (principal, _) = store
            .read_secret(&acme.grant.token, None)
            .await
            .unwrap()
            .unwrap();
        let details = store.account_details(principal.account).await.unwrap();
        let details = details.unwrap();
        assert!(details.has_chain && details.organization == acme.organization);
        assert_eq!(details.client_id, members[0].account);
        let chain = store.chain(acme.organization, 0, 10).await.unwrap();
        assert_eq!(chain, [acme.genesis.to_bytes()]);
        assert!(
            store
                .chain(acme.organization, 1, 10)
                .await
                .unwrap()
                .is_empty()
        );

        let bootstrap = new_hash();
        let act = |content| {
            let organization = OrganizationId(77);
            let founder = member(organization, "eve", Some(&acme.key));
            let act = founding(organization, bootstrap, founder, &acme.key);
            FoundAct { content, ..act }
        };
        let unknown = store.act(act([1; 32])).await;
        assert_eq!(unknown, Acme::refused(ErrorCode::InvalidBootstrap));
        store.act(BootstrapAct(bootstrap)).await.unwrap();
        for _ in 0..2 {
            assert_eq!(store.act(act([1; 32])).await, Ok(()));
        }
        let other = store.act(act([2; 32])).await;
        assert_eq!(other, Acme::refused(ErrorCode::InvalidBootstrap));
        assert_eq!(store.members(OrganizationId(77)).await.unwrap().len(), 1);
        // A secret can be written, and the list changes.
        let tenant = acme.grant.tenant;
        let before = store.list_version(tenant).await.unwrap().0;
        let write = SecretWrite {
            grant: acme.grant,
            key: key("a"),
            ciphertext: Ciphertext {
                value: "v".to_owned(),
                nonce: "n".to_owned(),
            },
            expiry: Expiry::Never,
            versions: None,
            idempotency_key: None,
        };
        store.create_secret(write).await.unwrap().unwrap();
        assert_ne!(store.list_version(tenant).await.unwrap().0, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_invitations_of_one_name_at_once_one_is_stored() {
    for acme in acmes().await {
        let mut tasks = JoinSet::new();
        for n in 0..8 {
            let (store, act) = (Arc::clone(&acme.store), acme.invite("bob", [n; 32]));
            tasks.spawn(async move { store.act(act).await });
        }
        let outcomes = tasks.join_all().await;
        let taken = Acme::refused(ErrorCode::NameTaken);
        let refused = outcomes.iter().filter(|outcome| **outcome == taken);
        assert_eq!(refused.count(), 7, "{outcomes:?}");
        assert!(outcomes.contains(&Ok(())));
        let stored = acme.store.invitations(acme.organization).await.unwrap();
        assert_eq!(stored.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_requests_with_one_invitation_at_once_one_is_stored() {
    for acme in acmes().await {
        acme.store.act(acme.invite("bob", [9; 32])).await.unwrap();
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let (store, act) = (Arc::clone(&acme.store), acme.join("bob", [9; 32]));
            tasks.spawn(async move { store.act(act).await });
        }
        let outcomes = tasks.join_all().await;
        let taken = Acme::refused(ErrorCode::IdTaken);
        let refused = outcomes.iter().filter(|outcome| **outcome == taken);
        assert_eq!(refused.count(), 7, "{outcomes:?}");
        assert!(outcomes.contains(&Ok(())));
    }
}

/// Both entries were valid when they were checked.
#[tokio::test(flavor = "multi_thread")]
async fn of_confirmations_at_once_one_is_appended() {
    for acme in acmes().await {
        let (bob, of_bob) = acme.joined("bob").await;
        let (kim, of_kim) = acme.joined("kim").await;
        let store = &acme.store;
        let (one, two) = tokio::join!(store.act(bob), store.act(kim));
        let moved = Acme::refused(ErrorCode::ChainMoved);
        assert!(
            [(&one, &two), (&two, &one)].contains(&(&Ok(()), &moved)),
            "{one:?} {two:?}"
        );
        assert_eq!(
            store.chain(acme.organization, 0, 10).await.unwrap().len(),
            2
        );
        let wrap = async |account| store.encrypted_org_key(account, KeyEpoch::FIRST).await;
        let wraps = [wrap(of_bob).await.unwrap(), wrap(of_kim).await.unwrap()];
        assert_eq!(wraps[0].is_some(), one.is_ok());
        assert_eq!(wraps[1].is_some(), two.is_ok());
    }
}

/// Without a look at the chain and its signatures.
#[tokio::test]
async fn only_the_next_entries_of_the_caller_are_admitted() {
    for acme in acmes().await {
        let end = acme.store.chain_end(&acme.grant).await.unwrap();
        let fingerprint = || OrgKey::generate().unwrap().fingerprint();
        let mut chain = acme.chain();
        let mut next = || {
            let entry = chain.rotate(&fingerprint(), &acme.key).unwrap();
            chain.append(&entry).unwrap();
            entry
        };
        let (one, two, three) = (next(), next(), next());
        let admit = |entries: &[&Entry]| {
            let entries: Vec<_> = entries.iter().map(|&it| it.clone()).collect();
            end.admit(&entries, "entries")
        };
        for entries in [&[&one][..], &[&one, &two]] {
            assert_eq!(admit(entries), Ok(()));
        }
        for entries in [
            &[&acme.genesis][..],
            &[&two],
            &[&one, &three],
            &[&one, &one],
        ] {
            assert_eq!(admit(entries), Acme::refused(ErrorCode::ChainMoved));
        }
        let other = SigningKey::generate().unwrap();
        let id = Hex::from(acme.organization).to_string();
        let foreign = Chain::found(&id, 1, &fingerprint(), "a", "eve", &public_key(), &other);
        for entries in [&[&foreign][..], &[&one, &foreign]] {
            assert_eq!(admit(entries), Err(ActError::Invalid("entries")));
        }
        let unknown = Grant {
            token: new_hash(),
            ..acme.grant
        };
        let refused = acme.store.chain_end(&unknown).await.map(drop);
        assert_eq!(refused.err(), Some(StoreError::Revoked));
    }
}

#[tokio::test]
async fn a_disabled_account_loses_its_tokens_and_wraps() {
    for acme in acmes().await {
        let (confirm, account) = acme.joined("bob").await;
        let (store, entry) = (&acme.store, confirm.entries[0].clone());
        store.act(confirm).await.unwrap();
        let token = token(account, TokenExpiry::Never);
        let hash = token.hash;
        store.add_token(token).await.unwrap();
        assert!(store.principal(&hash).await.unwrap().is_some());
        let mut chain = acme.chain();
        chain.append(&entry).unwrap();
        let members = store.members(acme.organization).await.unwrap();
        let bob = members.iter().find(|it| it.name.as_deref() == Some("bob"));
        let bob = bob.unwrap().account.clone();
        let disable = || DisableAct {
            grant: acme.grant,
            account: bob.clone(),
            entry: chain.disable(&bob, &acme.key).unwrap(),
            checked: Ok(()),
        };
        // The last administrator.
        let mut last = disable();
        last.account = members
            .iter()
            .find(|it| it.name.as_deref() == Some("ada"))
            .unwrap()
            .account
            .clone();
        let refused = store.act(last).await;
        assert_eq!(refused, Acme::refused(ErrorCode::LastAdministrator));
        for _ in 0..2 {
            assert_eq!(store.act(disable()).await, Ok(()));
        }
        assert!(store.principal(&hash).await.unwrap().is_none());
        assert!(store.client(&bob).await.unwrap().is_none());
        let wrapped = store.encrypted_org_key(account, KeyEpoch::FIRST).await;
        assert_eq!(wrapped.unwrap(), None);
        let grant = Grant {
            token: hash,
            ..acme.grant
        };
        let act = InviteAct {
            grant,
            ..acme.invite("kim", [5; 32])
        };
        assert_eq!(store.act(act).await, Err(StoreError::Revoked.into()));
    }
}

/// Every change has a row, without a secret.
#[tokio::test]
async fn acts_are_recorded() {
    use crate::store::act::Statement;
    for acme in acmes().await {
        let (confirm, _) = acme.joined("bob").await;
        let client = acme.store.members(acme.organization).await.unwrap();
        let founder = client[0].account.clone();
        acme.store.act(confirm).await.unwrap();
        let id = new_hash_bytes();
        acme.store.act(acme.invite("kim", id)).await.unwrap();
        let grant = acme.grant;
        for _ in 0..2 {
            acme.store.act(WithdrawAct { grant, id }).await.unwrap();
        }
        let select = "SELECT act, coalesce(client_id, ''), subject FROM audit \
                      LEFT JOIN accounts ON accounts.id = actor WHERE audit.organization = $1 ORDER BY at";
        let select = Statement::new(select).bind(acme.organization.0);
        let rows = acme.store.records(select).await.unwrap();
        let acts: Vec<_> = rows
            .iter()
            .map(|row| (row.text(0).unwrap(), row.text(1).unwrap()))
            .collect();
        let founder = founder.as_str();
        let expected = [
            ("organization.found", founder),
            ("organization.invite", founder),
            ("organization.join", ""),
            ("organization.confirm", founder),
            ("organization.invite", founder),
            ("organization.withdraw", founder),
        ];
        assert_eq!(acts, expected);
        assert_eq!(rows[5].text(2).unwrap(), Hex::from(id).to_string());
    }
}

#[tokio::test]
async fn an_organization_has_a_bounded_number_of_open_invitations() {
    let acme = acmes().await.remove(0);
    for number in 0..1000 {
        let invite = acme.invite(&number.to_string(), new_hash_bytes());
        acme.store.act(invite).await.unwrap();
    }
    let refused = acme.store.act(acme.invite("one more", new_hash_bytes()));
    assert_eq!(refused.await, Acme::refused(ErrorCode::TooManyInvitations));
    let open = acme.store.invitations(acme.organization).await.unwrap();
    let (grant, id) = (acme.grant, open[0].invitation.id.to_bytes());
    acme.store.act(WithdrawAct { grant, id }).await.unwrap();
    let invite = acme.invite("one more", new_hash_bytes());
    acme.store.act(invite).await.unwrap();
}
