//! `Debug` of every public type that can hold a secret, with a canary in it.

use std::collections::BTreeSet;
use std::time::Duration;

use helvetisafe::load::{self, Load};
use helvetisafe::{Client, ConfigSource, Credentials, KeySource, TransportError};
use helvetisafe_crypto::{
    Envelope, FieldValue, LockedPrivateKey, OrgKey, Payload, PrivateKey, organization,
};
use helvetisafe_proto::auth::{ApiTokenHeader, AuthHeader, Token};
use helvetisafe_proto::endpoint::organization::{
    FoundOrganization, Founding, GetInvitation, GetJoinChain, Join, JoinBody,
};
use helvetisafe_proto::endpoint::{AccessToken, FetchToken, TokenAnswer};
use helvetisafe_proto::{Base64, BaseUrl, Scopes};
use helvetisafe_server::faults::{Answer, Attacker, Fault, Faults, Requests, Route, StatusCode};
use helvetisafe_server::{DevVault, NewAccount, NewApiToken, Vault};
use secrecy::{ExposeSecret, SecretString};

use crate::canaries::{
    ACCESS_TOKEN, API_TOKEN, CLIENT_SECRET, FIELD, ORG_KEY, PASSWORD, PEM, VALUE, assert_none,
};
use crate::fake::Fake;
use crate::sources::public_types;

/// The types that hold only numbers, names, times, ciphertext and public keys. Their derived `Debug`
/// shows nothing else.
const HARMLESS: &[&str] = &[
    "crypto::Anchor",
    "crypto::Chain",
    "crypto::ChainError",
    "crypto::ChainMember",
    "crypto::EncodedLockedKey",
    "crypto::Entry",
    "crypto::Error",
    "crypto::Event",
    "crypto::Fingerprint",
    "crypto::Head",
    "crypto::InvalidCode",
    "crypto::InvalidKey",
    "crypto::InvalidPem",
    "crypto::InvalidWords",
    "crypto::Invitation",
    "crypto::JoinRefused",
    // With a `LockedPrivateKey`, which is below.
    "crypto::JoinRequest",
    "crypto::PayloadKind",
    "crypto::PublicKeyInfo",
    "crypto::VerificationKey",
    "crypto::VerifiedJoinRequest",
    "crypto::Words",
    // Of an organization.
    "crypto::SignedInvitation",
    "helvetisafe::Account",
    "helvetisafe::AuditPage",
    "helvetisafe::AuditRecord",
    "helvetisafe::Confirmed",
    "helvetisafe::Disabled",
    "helvetisafe::Founded",
    "helvetisafe::Joining",
    "helvetisafe::Member",
    "helvetisafe::NewInvite",
    "helvetisafe::NewToken",
    "helvetisafe::OtherHistory",
    "helvetisafe::PendingInvitation",
    "helvetisafe::PendingRequest",
    "helvetisafe::Rotated",
    "helvetisafe::RotationCheck",
    "helvetisafe::RotationProgress",
    "helvetisafe::RotationStep",
    "helvetisafe::Standing",
    "helvetisafe::Terms",
    "helvetisafe::TokenRecord",
    "helvetisafe::WithoutAccount",
    "proto::AbandonRotation",
    "proto::AccountAnswer",
    "proto::ApiTokenRecord",
    "proto::ApiTokensAnswer",
    "proto::AuditAnswer",
    "proto::AuditRecord",
    "proto::Base64",
    "proto::BeginRotation",
    "proto::ChainAnswer",
    "proto::CommitRotation",
    "proto::Commitment",
    "proto::Committed",
    "proto::Confirm",
    "proto::Confirmation",
    "proto::CreateApiToken",
    "proto::Disable",
    "proto::Disabling",
    "proto::Done",
    "proto::Founding",
    "proto::GetAccount",
    "proto::GetChain",
    "proto::GetRotation",
    "proto::Hex",
    "proto::InvalidHex",
    "proto::InvitationRecord",
    "proto::InvitationStatus",
    "proto::InvitationTerms",
    "proto::InvitationsAnswer",
    "proto::Invite",
    "proto::JoinBody",
    "proto::ListApiTokens",
    "proto::ListAudit",
    "proto::ListInvitations",
    "proto::ListMembers",
    "proto::ListUnstaged",
    "proto::Member",
    "proto::MemberStatus",
    "proto::MembersAnswer",
    "proto::NewApiToken",
    "proto::NewInvitation",
    "proto::NewRotation",
    "proto::ResealedInvitation",
    "proto::RevokeApiToken",
    "proto::RotationAnswer",
    "proto::RotationState",
    "proto::SealedInvitation",
    "proto::StageSecrets",
    "proto::StagedSecret",
    "proto::StagedSecrets",
    "proto::Unstaged",
    "proto::UnstagedAnswer",
    "proto::WithdrawInvitation",
    "proto::Wrap",
    "helvetisafe::AttemptLimits",
    "helvetisafe::BodyLimits",
    "helvetisafe::CachePolicy",
    // With the names of secrets, which `Debug` hides.
    "helvetisafe::CallInfo",
    "helvetisafe::CallOptions",
    "helvetisafe::CancelToken",
    "helvetisafe::Change",
    "helvetisafe::ChangeKind",
    "helvetisafe::ErrorKind",
    "helvetisafe::Expiry",
    "helvetisafe::Failure",
    "helvetisafe::InvalidValueKind",
    // With the error of a read: see `errors`.
    "helvetisafe::Freshness",
    // With the errors of reads: see `errors`.
    "helvetisafe::LoadError",
    "helvetisafe::HiddenKey",
    "helvetisafe::OrgKeyChange",
    "helvetisafe::OrgKeyRotation",
    "helvetisafe::Problem",
    "helvetisafe::Readme",
    "helvetisafe::SecretMetadata",
    "helvetisafe::Setting",
    "helvetisafe::Timeouts",
    "helvetisafe::Written",
    "proto::AnswerSize",
    "proto::ApiTokenHeader",
    "proto::AttemptFailure",
    "proto::BackOff",
    "proto::CreateSecret",
    "proto::CreatedSecret",
    "proto::DeleteSecret",
    "proto::ErrorBody",
    "proto::ErrorCode",
    "proto::Effect",
    "proto::Expiry",
    "proto::GetOrgKey",
    "proto::GetPrivateKey",
    "proto::GetSecret",
    "proto::InvalidBaseUrl",
    "proto::InvalidKeyName",
    "proto::InvalidScopeList",
    "proto::InvalidToken",
    "proto::InvalidVersion",
    "proto::KeyName",
    "proto::Kind",
    "proto::ListSecrets",
    "proto::ListedKey",
    "proto::ListedSecret",
    "proto::NewSecret",
    "proto::OrgKeyAnswer",
    "proto::Page",
    "proto::PrivateKeyAnswer",
    "proto::Repeat",
    "proto::RetryPolicy",
    "proto::Scope",
    "proto::ScopeList",
    "proto::Scopes",
    "proto::ScopesIter",
    "proto::SecretRecord",
    "proto::SecretUpdate",
    "proto::SecretsAnswer",
    "proto::Time",
    "proto::UnknownErrorCode",
    "proto::UnknownScope",
    "proto::UpdateSecret",
    "proto::UpdatedSecret",
    "proto::Verdict",
    "proto::Version",
    "proto::WaitTooLong",
    "server::Answer",
    "server::Backup",
    "server::BackupOptions",
    "server::BadOrgKey",
    "server::BadPrivateKey",
    "server::Checked",
    "server::Config",
    "server::Contents",
    "server::Copied",
    "server::CopiedTable",
    "server::Database",
    "server::Ending",
    "server::Error",
    "server::Framing",
    "server::Handled",
    "server::InitOptions",
    "server::InvalidDatabase",
    "server::InvalidLie",
    "server::InvalidRate",
    "server::InvalidSpec",
    "server::Kind",
    "server::Lie",
    "server::Migration",
    "server::Organization",
    "server::Origin",
    "server::Part",
    "server::Problem",
    "server::Progress",
    "server::Rate",
    "server::RateLimits",
    "server::Report",
    "server::RestoreOptions",
    "server::Restored",
    "server::Route",
    "server::Seen",
    "server::Setting",
    "server::Spec",
    "server::Status",
    "server::StoredSecret",
    "server::Verb",
    "server::VerifiedAudit",
    "server::VerifiedRecord",
    "server::Version",
];

/// The types of errors and events: see `errors` and `logs`.
const ELSEWHERE: &[&str] = &[
    "helvetisafe::Error",
    "helvetisafe::Event",
    "helvetisafe::EventError",
    "proto::ApiError",
];

/// The types without `Debug`.
const WITHOUT_DEBUG: &[&str] = &[
    "crypto::Credential",
    "crypto::InvitationCode",
    "crypto::InvitationSecret",
    "crypto::OrgKey",
    "crypto::SigningKey",
    "helvetisafe::AccountKeys",
    "helvetisafe::Administrator",
    "helvetisafe::Found",
    "helvetisafe::Invited",
    "helvetisafe::NewOrgKey",
    "helvetisafe::NewOrganization",
    "helvetisafe::Requests",
    "helvetisafe::ReqwestTransport",
    "helvetisafe::TowerTransport",
    "server::Given",
    "server::Initialized",
    "server::When",
];

/// Does not compile for a type with `Debug`.
macro_rules! has_no_debug {
    ($type:ty) => {{
        trait Ambiguous<Marker> {
            fn check() {}
        }
        impl<T: ?Sized> Ambiguous<()> for T {}
        struct HasDebug;
        impl<T: ?Sized + std::fmt::Debug> Ambiguous<HasDebug> for T {}
        <$type as Ambiguous<_>>::check();
    }};
}

fn shown<T: std::fmt::Debug>(name: &'static str, value: T) -> (&'static str, String) {
    (name, format!("{value:?}\n{value:#?}"))
}

fn of_crypto() -> Vec<(&'static str, String)> {
    let key = PrivateKey::from_pem(PEM).unwrap();
    let org_key = OrgKey::from_bytes(ORG_KEY);
    let fields = Payload::encode_fields(&[("one", FIELD), ("two", VALUE)]);
    let fields = Payload::parse(fields, "db").unwrap();
    let envelope: Envelope = org_key.seal(VALUE.as_bytes()).unwrap();
    vec![
        shown(
            "crypto::LockedPrivateKey",
            LockedPrivateKey::lock(&key, PASSWORD).unwrap(),
        ),
        shown(
            "crypto::WrappedOrgKey",
            key.public_key().wrap_org_key(&org_key).unwrap(),
        ),
        shown("crypto::PublicKey", key.public_key()),
        shown("crypto::PrivateKey", key),
        shown("crypto::Envelope", envelope),
        shown("crypto::Field", &fields.fields()[0]),
        shown("crypto::FieldValue", FieldValue::from(VALUE)),
        shown("crypto::Payload", fields),
        shown("crypto::Plaintext", Payload::encode("db", VALUE)),
    ]
}

fn of_proto() -> Vec<(&'static str, String)> {
    let secret = SecretString::from(CLIENT_SECRET);
    let token = Token::parse(ACCESS_TOKEN.into()).unwrap();
    let answer = TokenAnswer {
        access_token: ACCESS_TOKEN.into(),
        expires_in: Some(Duration::from_secs(60)),
        token_type: None,
        scope: None,
    };
    let access = AccessToken {
        token: token.clone(),
        life: Duration::ZERO,
        granted: None,
    };
    let call = FetchToken {
        client_id: "id",
        client_secret: &secret,
        scopes: &Scopes::ALL.into(),
    };
    vec![
        shown("proto::FetchToken", call),
        shown(
            "proto::GetInvitation",
            GetInvitation {
                token: secret.clone(),
            },
        ),
        shown(
            "proto::GetJoinChain",
            GetJoinChain {
                token: secret.clone(),
                from: 0,
            },
        ),
        shown(
            "proto::FoundOrganization",
            FoundOrganization {
                token: secret.clone(),
                founding: founding(),
            },
        ),
        shown(
            "proto::Join",
            Join {
                token: secret.clone(),
                request: join_body(),
            },
        ),
        shown("proto::TokenAnswer", answer),
        shown("proto::AccessToken", access),
        shown(
            "proto::AuthHeader",
            AuthHeader::api_token(&token, ApiTokenHeader::XAegisToken),
        ),
        shown("proto::Token", token),
        shown(
            "proto::BaseUrl",
            BaseUrl::parse("https://vault.example").unwrap(),
        ),
    ]
}

/// The body of a founding, which is public.
fn founding() -> Founding {
    Founding {
        organization: [1; 8].into(),
        account: "id".into(),
        name: "ada".into(),
        scopes: Scopes::ALL.into(),
        client_secret_hash: [1; 32].into(),
        public_key: Base64::default(),
        verification_key: Base64::default(),
        encrypted_org_key: String::new(),
        private_key: None,
        genesis: Base64::default(),
    }
}

/// The body of a request to join, which is public.
fn join_body() -> JoinBody {
    JoinBody {
        epoch: 1,
        fingerprint: [1; 32].into(),
        account: "id".into(),
        public_key: Base64::default(),
        client_secret_hash: [1; 32].into(),
        verification_key: None,
        private_key: None,
        tag: Base64::default(),
    }
}

fn of_client() -> Vec<(&'static str, String)> {
    let fake = Fake::start(|_, _| None);
    let account = Credentials::service_account("id", CLIENT_SECRET);
    let token = Credentials::api_token(API_TOKEN);
    let sources = [
        KeySource::pem(PEM),
        // The PEM given as its path by mistake.
        KeySource::pem_file(PEM),
        KeySource::password(PASSWORD),
        KeySource::pem(PEM).with_passphrase(PASSWORD),
    ];
    // A password in a URL is refused, but only when it is used.
    let url = format!("https://user:{API_TOKEN}@vault.example");
    let builder = Client::builder(url, account.clone(), sources[1].clone());
    let client = fake
        .builder(account.clone(), sources[0].clone())
        .connect()
        .unwrap();
    let error = TransportError::new(helvetisafe::Failure::Lost);
    let asynchronous = fake.asynchronous(account.clone(), sources[0].clone());
    let asynchronous = crate::asynchronous::runtime()
        .block_on(asynchronous.connect())
        .unwrap();
    let watch = client.secrets().watch(["db"], Duration::ZERO).unwrap();
    let asynchronous_watch = asynchronous.secrets().watch(["db"], Duration::MAX).unwrap();
    let source = ConfigSource::new(client.clone()).secret("db", "db");
    let config = config::ConfigError::Message(VALUE.to_owned());
    let memory = helvetisafe::MemoryStore::from([("db", VALUE)]);
    let invalid = client.secrets().get("db").unwrap().parse::<u8>();
    let default = load::text("db").or(VALUE.to_owned());
    let optional = load::secret("db").optional();
    vec![
        shown("helvetisafe::Value", load::secret("db")),
        shown("helvetisafe::Optional", &optional),
        shown("helvetisafe::Map", optional.map(drop)),
        shown("helvetisafe::Or", default),
        shown("helvetisafe::Parts", helvetisafe::Parts::default()),
        shown(
            "helvetisafe::AsyncParts",
            helvetisafe::AsyncParts::default(),
        ),
        shown("helvetisafe::Secrets", client.secrets()),
        shown("helvetisafe::AsyncSecrets", asynchronous.secrets()),
        shown("helvetisafe::Organization", client.organization()),
        shown(
            "helvetisafe::AsyncOrganization",
            asynchronous.organization(),
        ),
        // A part of the builder, which shows it.
        shown("helvetisafe::WithAccount", &builder),
        shown("helvetisafe::AsyncClient", &asynchronous),
        shown("helvetisafe::AsyncWatch", asynchronous_watch),
        shown("helvetisafe::Watch", watch),
        shown("helvetisafe::ConfigSource", source),
        shown("helvetisafe::MemoryStore", memory),
        shown(
            "helvetisafe::RedactedConfigError",
            helvetisafe::RedactedConfigError::from(config),
        ),
        shown("helvetisafe::InvalidValue", invalid.unwrap_err()),
        shown("helvetisafe::Credentials", (account, token)),
        shown("helvetisafe::KeySource", sources),
        shown("helvetisafe::ClientBuilder", builder),
        shown("helvetisafe::Secret", client.secrets().get("db").unwrap()),
        shown("helvetisafe::Client", client),
        shown("helvetisafe::TransportError", error),
    ]
}

fn of_server() -> Vec<(&'static str, String)> {
    let faults = Faults::new();
    faults.on(Route::Read).once().then(Fault::raw(VALUE));
    let vault = Vault::builder().faults(faults.clone());
    let builder = shown("server::VaultBuilder", &vault);
    let vault = vault.start().unwrap();
    let organization = vault.new_organization().unwrap();
    let key = PrivateKey::from_pem(PEM).unwrap();
    let account = NewAccount::default().private_key(key).password(PASSWORD);
    let new_account = shown("server::NewAccount", &account);
    let account = vault.new_account(&organization, account).unwrap();
    let dev = DevVault::start("127.0.0.1:0".parse().unwrap(), None).unwrap();
    let credentials = dev.credentials();
    let texts = [
        shown("server::Account", &account),
        shown("server::DevCredentials", credentials),
        shown("server::DevVault", &dev),
    ];
    let secrets = [
        account.client_secret.expose_secret(),
        credentials.client_secret.expose_secret(),
        credentials.api_token.expose_secret(),
        credentials.password.expose_secret(),
    ];
    for (name, text) in &texts {
        for secret in secrets {
            assert!(!text.contains(secret), "{name}: {text}");
        }
    }
    let answer = Answer::status(StatusCode::OK).body(VALUE);
    let fault = shown("server::Fault", Fault::answer(answer));
    let attacker = Attacker::with_private_key(PrivateKey::from_pem(PEM).unwrap()).unwrap();
    let mut shown = vec![
        builder,
        new_account,
        shown("server::NewApiToken", NewApiToken::default()),
        shown("server::Vault", vault),
        fault,
        shown("server::Requests", Requests::about("db")),
        shown("server::Faults", faults),
        shown("server::Attacker", attacker),
    ];
    shown.extend(texts);
    shown
}

#[test]
fn no_public_type_shows_a_secret() {
    has_no_debug!(OrgKey);
    has_no_debug!(organization::Credential);
    has_no_debug!(organization::InvitationCode);
    has_no_debug!(organization::InvitationSecret);
    has_no_debug!(organization::SigningKey);
    has_no_debug!(helvetisafe::organization::AccountKeys);
    has_no_debug!(helvetisafe::organization::Administrator<'static>);
    has_no_debug!(helvetisafe::organization::Invited);
    has_no_debug!(helvetisafe::organization::NewOrgKey);
    has_no_debug!(helvetisafe::organization::NewOrganization<'static>);
    has_no_debug!(helvetisafe::ReqwestTransport);
    has_no_debug!(helvetisafe::TowerTransport<(), ()>);
    has_no_debug!(helvetisafe_server::faults::When<'static>);
    has_no_debug!(helvetisafe_server::maintenance::Initialized);
    has_no_debug!(helvetisafe_server::serve::Given);
    let all = [of_crypto(), of_proto(), of_client(), of_server()].concat();
    for (name, text) in &all {
        assert!(text.len() > 2, "{name} shows nothing at all");
        assert_none(name, text);
    }
    let known: BTreeSet<_> = all.iter().map(|(name, _)| *name).collect();
    let groups = [HARMLESS, ELSEWHERE, WITHOUT_DEBUG].concat();
    let known: BTreeSet<_> = groups.into_iter().chain(known).map(str::to_owned).collect();
    let types = public_types();
    let unknown: Vec<_> = types.difference(&known).collect();
    assert!(unknown.is_empty(), "may they show a secret? {unknown:?}");
    let gone: Vec<_> = known.difference(&types).collect();
    assert!(gone.is_empty(), "there are no such types: {gone:?}");
}
