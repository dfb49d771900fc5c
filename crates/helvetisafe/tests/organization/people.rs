//! An organization that Ada founded, and the calls of both clients.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use base64ct::{Base64UrlUnpadded, Encoding};
use helvetisafe::organization::*;
use helvetisafe::{
    AsyncClient, AsyncClock, Client, Clock, Error, KeySource, OrgKeyRotation, Scopes, SecretString,
};
use helvetisafe_test_support::PEM;
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use crate::vault::{BOOTSTRAP, FakeVault};

pub(crate) const URL: &str = "https://vault.example";
pub(crate) const ADMINISTRATOR: &str = "secrets:read secrets:write credentials:read organization:read \
     organization:write tokens:write audit:read";
pub(crate) const MEMBER: &str = "secrets:read secrets:write credentials:read";
pub(crate) const READER: &str = "secrets:read credentials:read";

const PEM_3072: &str = include_str!("../../../helvetisafe-crypto/tests/data/rsa-3072-pkcs8.pem");

/// The client of a test.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Blocking,
    Async,
}

pub(crate) const BOTH: [Kind; 2] = [Kind::Blocking, Kind::Async];

pub(crate) static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().enable_all().build().unwrap());

/// A clock that stands still: noon of the day, unless a test sets it.
#[derive(Clone, Copy)]
pub(crate) struct At(pub(crate) Timestamp);

impl Clock for At {
    fn now(&self) -> Duration {
        Duration::from_secs(1000)
    }

    fn sleep(&self, _: Duration) {}

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.as_second().try_into().unwrap())
    }
}

impl AsyncClock for At {
    fn sleep_async(&self, _: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn noon() -> At {
    At(time("2026-11-29T12:00:00Z"))
}

/// One of the two clients.
pub(crate) enum AnyClient {
    Blocking(Client),
    Async(AsyncClient),
}

macro_rules! both {
    ($client:expr, |$it:ident| $call:expr) => {
        match $client {
            AnyClient::Blocking($it) => $call,
            AnyClient::Async($it) => RUNTIME.block_on($call),
        }
    };
}

impl AnyClient {
    pub(crate) fn follow(&self, anchor: &Anchor) -> Result<Chain, Error> {
        both!(self, |it| it.organization().follow(anchor))
    }

    pub(crate) fn use_org_key(&self, chain: &Chain) -> Result<(), Error> {
        both!(self, |it| it.organization().use_org_key(chain))
    }

    pub(crate) fn account(&self) -> Result<Account, Error> {
        both!(self, |it| it.organization().account())
    }

    pub(crate) fn members(&self, anchor: &Anchor) -> Result<Vec<Member>, Error> {
        both!(self, |it| it.organization().members(anchor))
    }

    pub(crate) fn invite(
        &self,
        administrator: &Administrator<'_>,
        new: &NewInvite,
    ) -> Result<Invited, Error> {
        both!(self, |it| it.organization().invite(administrator, new))
    }

    pub(crate) fn invitations(&self) -> Result<Vec<PendingInvitation>, Error> {
        both!(self, |it| it.organization().invitations())
    }

    /// Returns the open invitation of this name, as a person sees it.
    pub(crate) fn shown(&self, name: &str) -> Result<PendingInvitation, Error> {
        let mut open = self.invitations()?.into_iter();
        Ok(open.find(|it| it.name == name).unwrap())
    }

    /// Confirms what the vault shows under a name.
    pub(crate) fn confirm(
        &self,
        administrator: &Administrator<'_>,
        name: &str,
    ) -> Result<Confirmed, Error> {
        self.confirm_shown(administrator, &self.shown(name)?)
    }

    pub(crate) fn confirm_shown(
        &self,
        administrator: &Administrator<'_>,
        shown: &PendingInvitation,
    ) -> Result<Confirmed, Error> {
        both!(self, |it| it.organization().confirm(administrator, shown))
    }

    pub(crate) fn enroll(
        &self,
        administrator: &Administrator<'_>,
        new: &NewInvite,
        keys: &AccountKeys,
    ) -> Result<Confirmed, Error> {
        both!(self, |it| it.organization().enroll(
            administrator,
            new,
            keys
        ))
    }

    pub(crate) fn verify_request(
        &self,
        administrator: &Administrator<'_>,
        name: &str,
    ) -> Result<(), Error> {
        let shown = self.shown(name)?;
        both!(self, |it| it
            .organization()
            .verify_request(administrator, &shown))
    }

    pub(crate) fn check_rotation(
        &self,
        administrator: &Administrator<'_>,
    ) -> Result<RotationCheck, Error> {
        both!(self, |it| it.organization().check_rotation(administrator))
    }

    pub(crate) fn withdraw(&self, id: InvitationId) -> Result<(), Error> {
        both!(self, |it| it.organization().withdraw(id))
    }

    pub(crate) fn disable(
        &self,
        administrator: &Administrator<'_>,
        account: &str,
    ) -> Result<Disabled, Error> {
        both!(self, |it| it.organization().disable(administrator, account))
    }

    pub(crate) fn rotate(
        &self,
        administrator: &Administrator<'_>,
        new: &NewOrgKey,
        progress: impl FnMut(RotationProgress) + Send,
    ) -> Result<Rotated, Error> {
        both!(self, |it| it.organization().rotate(
            administrator,
            new,
            progress
        ))
    }

    pub(crate) fn wrap_new_key(&self, new: &NewOrgKey) -> Result<String, Error> {
        match self {
            Self::Blocking(it) => it.organization().wrap_new_key(new),
            Self::Async(it) => it.organization().wrap_new_key(new),
        }
    }

    pub(crate) fn unwrap_new_key(&self, id: RotationId, wrapped: &str) -> Result<NewOrgKey, Error> {
        both!(self, |it| it.organization().unwrap_new_key(id, wrapped))
    }

    pub(crate) fn rotation(&self) -> Result<Option<RotationState>, Error> {
        both!(self, |it| it.organization().rotation())
    }

    pub(crate) fn abandon_rotation(&self, id: RotationId) -> Result<(), Error> {
        both!(self, |it| it.organization().abandon_rotation(id))
    }

    pub(crate) fn tokens(&self) -> Result<Vec<TokenRecord>, Error> {
        both!(self, |it| it.organization().tokens())
    }

    pub(crate) fn create_token(
        &self,
        new: &NewToken,
    ) -> Result<(SecretString, TokenRecord), Error> {
        both!(self, |it| it.organization().create_token(new))
    }

    pub(crate) fn revoke_token(&self, id: ApiTokenId) -> Result<(), Error> {
        both!(self, |it| it.organization().revoke_token(id))
    }

    pub(crate) fn audit(&self, before: Option<Hex<8>>) -> Result<AuditPage, Error> {
        both!(self, |it| it.organization().audit(before))
    }

    pub(crate) fn create(&self, key: &str, value: &str) -> Result<(), Error> {
        both!(self, |it| it.secrets().create(key, value, None)).map(drop)
    }

    pub(crate) fn put(&self, key: &str, value: &str) -> Result<(), Error> {
        both!(self, |it| it.secrets().put(key, value, None)).map(drop)
    }

    pub(crate) fn get(&self, key: &str) -> Result<String, Error> {
        let secret = both!(self, |it| it.secrets().get(key))?;
        Ok(secret.expose_secret().to_owned())
    }

    pub(crate) fn head(&self) -> Option<Head> {
        match self {
            Self::Blocking(it) => it.chain_head(),
            Self::Async(it) => it.chain_head(),
        }
    }

    pub(crate) fn key_epoch(&self) -> Option<u64> {
        match self {
            Self::Blocking(it) => it.key_epoch(),
            Self::Async(it) => it.key_epoch(),
        }
    }

    pub(crate) fn fingerprint(&self) -> helvetisafe::Fingerprint {
        match self {
            Self::Blocking(it) => it.org_key_fingerprint(),
            Self::Async(it) => it.org_key_fingerprint(),
        }
    }
}

impl Kind {
    pub(crate) fn found(
        self,
        vault: &FakeVault,
        founding: &NewOrganization<'_>,
    ) -> Result<Founded, Error> {
        let token = BOOTSTRAP.into();
        match self {
            Self::Blocking => Client::builder_without_account(URL)
                .transport(vault.clone())
                .clock(noon())
                .attempts(1)
                .found_organization(&token, founding),
            Self::Async => RUNTIME.block_on(
                AsyncClient::builder_without_account(URL)
                    .transport(vault.clone())
                    .clock(noon())
                    .attempts(1)
                    .found_organization(&token, founding),
            ),
        }
    }

    pub(crate) fn invitation(
        self,
        vault: &FakeVault,
        clock: At,
        code: &InvitationCode,
    ) -> Result<Terms, Error> {
        match self {
            Self::Blocking => Client::builder_without_account(URL)
                .transport(vault.clone())
                .clock(clock)
                .invitation(code),
            Self::Async => RUNTIME.block_on(
                AsyncClient::builder_without_account(URL)
                    .transport(vault.clone())
                    .clock(clock)
                    .invitation(code),
            ),
        }
    }

    pub(crate) fn join(
        self,
        vault: &FakeVault,
        clock: At,
        code: &InvitationCode,
        keys: &AccountKeys,
    ) -> Result<Joining, Error> {
        match self {
            Self::Blocking => Client::builder_without_account(URL)
                .transport(vault.clone())
                .clock(clock)
                .join(code, keys),
            Self::Async => RUNTIME.block_on(
                AsyncClient::builder_without_account(URL)
                    .transport(vault.clone())
                    .clock(clock)
                    .join(code, keys),
            ),
        }
    }

    pub(crate) fn connect(
        self,
        vault: &FakeVault,
        clock: At,
        keys: &AccountKeys,
        rotation: Option<OrgKeyRotation>,
    ) -> Result<AnyClient, Error> {
        let source = KeySource::pem(keys.private_key.to_pkcs8_pem().unwrap().as_bytes());
        let scopes: Scopes = ADMINISTRATOR.parse().unwrap();
        match self {
            Self::Blocking => {
                let mut builder = Client::builder(URL, keys.credentials(), source)
                    .transport(vault.clone())
                    .clock(clock)
                    .scopes(scopes);
                if let Some(rotation) = rotation {
                    builder = builder.org_key_rotation(rotation);
                }
                builder.connect().map(AnyClient::Blocking)
            }
            Self::Async => {
                let mut builder = AsyncClient::builder(URL, keys.credentials(), source)
                    .transport(vault.clone())
                    .clock(clock)
                    .scopes(scopes);
                if let Some(rotation) = rotation {
                    builder = builder.org_key_rotation(rotation);
                }
                RUNTIME.block_on(builder.connect()).map(AnyClient::Async)
            }
        }
    }
}

/// Keys with an RSA key of the test data, since making one is slow.
pub(crate) fn keys(is_administrator: bool) -> AccountKeys {
    keys_of(PEM, is_administrator)
}

/// Keys with the other RSA key of the test data.
pub(crate) fn other_keys(is_administrator: bool) -> AccountKeys {
    keys_of(PEM_3072, is_administrator)
}

fn keys_of(pem: &str, is_administrator: bool) -> AccountKeys {
    use std::sync::atomic::{AtomicU64, Ordering};
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = u128::from(LAST.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
    let id = Base64UrlUnpadded::encode_string(&number);
    AccountKeys {
        client_id: format!("hs_client_{id}"),
        client_secret: Credential::generate().unwrap().expose_secret().into(),
        private_key: PrivateKey::from_pem(pem).unwrap(),
        signing_key: is_administrator.then(|| SigningKey::generate().unwrap()),
        locked_private_key: None,
    }
}

/// An organization with its founder.
pub(crate) struct Acme {
    pub(crate) kind: Kind,
    pub(crate) vault: FakeVault,
    pub(crate) ada: AccountKeys,
    pub(crate) anchor: Anchor,
    pub(crate) founded: Founded,
}

impl Acme {
    pub(crate) fn new(kind: Kind) -> Self {
        let (vault, ada) = (FakeVault::new(), keys(true));
        let founded = kind.found(&vault, &founding(&ada)).unwrap();
        Self {
            kind,
            vault,
            anchor: Anchor::Key(founded.verification_key),
            founded,
            ada,
        }
    }

    pub(crate) fn administrator(&self) -> Administrator<'_> {
        Administrator {
            signing_key: self.ada.signing_key.as_ref().unwrap(),
            anchor: &self.anchor,
        }
    }

    pub(crate) fn client(&self) -> AnyClient {
        self.kind
            .connect(&self.vault, noon(), &self.ada, None)
            .unwrap()
    }

    pub(crate) fn invite(&self, name: &str, scopes: &str) -> InvitationCode {
        let invited = self
            .client()
            .invite(&self.administrator(), &invite(name, scopes));
        invited.unwrap().code
    }

    /// Invites, joins and returns the new keys.
    pub(crate) fn joined(&self, name: &str, scopes: &str) -> AccountKeys {
        let code = self.invite(name, scopes);
        let keys = other_keys(scopes.contains("organization:write"));
        self.kind.join(&self.vault, noon(), &code, &keys).unwrap();
        keys
    }

    /// Invites, joins and confirms.
    pub(crate) fn member(&self, name: &str, scopes: &str) -> AccountKeys {
        let keys = self.joined(name, scopes);
        self.client().confirm(&self.administrator(), name).unwrap();
        keys
    }

    /// Returns the error with which Ada's confirmation fails, after which nothing has changed.
    pub(crate) fn refused(&self, name: &str) -> Error {
        let before = self.vault.state().chain.len();
        let error = self
            .client()
            .confirm(&self.administrator(), name)
            .unwrap_err();
        assert_eq!(self.vault.state().chain.len(), before);
        // The same checks without a change.
        let verification = self.client().verify_request(&self.administrator(), name);
        assert_eq!(verification.unwrap_err().to_string(), error.to_string());
        error
    }
}

pub(crate) fn founding(keys: &AccountKeys) -> NewOrganization<'_> {
    NewOrganization {
        id: "7d0d94e25fa0b1c3".parse().unwrap(),
        name: "ada",
        scopes: ScopeList::parse(ADMINISTRATOR).unwrap(),
        keys,
    }
}

pub(crate) fn invite(name: &str, scopes: &str) -> NewInvite {
    NewInvite {
        name: name.into(),
        scopes: ScopeList::parse(scopes).unwrap(),
        expires_at: time("2026-11-30T12:00:00Z"),
    }
}
