use helvetisafe_crypto::organization::{
    Anchor, Head, InvitationCode, PublicKeyInfo, SigningKey, VerificationKey, Words,
};
use helvetisafe_proto::endpoint::organization::{
    AccountAnswer, ApiTokenId, ApiTokenRecord, InvitationId, OrganizationId,
};
use helvetisafe_proto::{Hex, ScopeList};
use jiff::Timestamp;

/// The means of an administrator to change the organization.
///
/// It has no `Debug`, since it refers to a secret.
#[derive(Clone, Copy)]
pub struct Administrator<'a> {
    /// The signing key of the account.
    pub signing_key: &'a SigningKey,
    /// The trusted part of the chain: the head that was seen last, or a verification key. It never comes from the vault.
    pub anchor: &'a Anchor,
}

/// The account of a client, as the vault states it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The organization.
    pub organization: OrganizationId,
    /// The number of the present org key; the first one has 1.
    pub key_epoch: u64,
    /// The client id.
    pub account: String,
    /// The name for people, if it has one.
    pub name: Option<String>,
    /// The scopes of the account.
    pub scopes: ScopeList,
    /// The scopes of the client's credential: a part of the account's.
    pub granted: ScopeList,
    /// True if the organization has a signed chain. One that `dev` made has none.
    pub has_chain: bool,
}

impl From<AccountAnswer> for Account {
    fn from(answer: AccountAnswer) -> Self {
        Self {
            organization: answer.organization,
            key_epoch: answer.key_epoch,
            account: answer.account,
            name: answer.name,
            scopes: answer.scopes,
            granted: answer.granted,
            has_chain: answer.has_chain,
        }
    }
}

/// An account of the organization: as the vault lists it, beside the verified chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// The client id.
    pub account: String,
    /// The name for people, by the chain; `None` if the chain never had the account. The vault's is not used.
    pub name: Option<String>,
    /// The scopes, as the vault states them; `None` if only the chain has the account.
    pub scopes: Option<ScopeList>,
    /// The public key, as the vault states it. Compare [`Self::standing`] before use.
    pub public_key: Option<PublicKeyInfo>,
    /// The verification key of an administrator, by the chain.
    pub verification_key: Option<VerificationKey>,
    /// The time of its creation, as the vault states it.
    pub created_at: Option<Timestamp>,
    /// The time at which it was disabled, as the vault states it.
    pub disabled_at: Option<Timestamp>,
    /// The result of comparing the vault's list with the chain.
    pub standing: Standing,
}

/// The comparison of the vault's list with the chain, for one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Standing {
    /// Both have the account, with the same name and keys.
    Active,
    /// The chain does not have the account any more, and the vault has disabled it.
    Disabled,
    /// The vault lists the account as active, and the chain does not have it: no administrator confirmed it. It never
    /// gets the org key from an administrator.
    OnlyInVault,
    /// The chain has the account, and the vault does not list it as active.
    OnlyInChain,
    /// Both have the account, and the vault gives another public key or verification key than the chain. It never gets
    /// the org key from an administrator.
    OtherKey,
    /// Both have the account with the same keys, and the vault gives another name than the chain.
    OtherName,
}

/// An invitation to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvite {
    /// The name of the new account, for people.
    pub name: String,
    /// The scopes of the new account. One with `organization:write` is an administrator.
    pub scopes: ScopeList,
    /// The time of expiry. Parts of a second are left out.
    pub expires_at: Timestamp,
}

/// An invitation that was made.
///
/// It has no `Debug`, since the code is a secret.
#[non_exhaustive]
pub struct Invited {
    /// The code for the invited person, to send on a channel that the vault does not control:
    /// [`InvitationCode::encode`].
    pub code: InvitationCode,
    /// The newest entry of the verified chain, to store as the next anchor.
    pub head: Head,
}

/// An open invitation, as the vault states it. What a person saw of it is what
/// [`Organization::confirm`](crate::organization::Organization::confirm) confirms.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingInvitation {
    /// The id.
    pub id: InvitationId,
    /// The name of the new account.
    pub name: String,
    /// The scopes of the new account.
    pub scopes: ScopeList,
    /// The time of expiry.
    pub expires_at: Timestamp,
    /// The client id of the account that invited.
    pub invited_by: String,
    /// The time of the invitation.
    pub created_at: Timestamp,
    /// The request of the invited person, after it has joined.
    pub request: Option<PendingRequest>,
}

/// A request to join. It is not verified before its confirmation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingRequest {
    /// The client id of the new account.
    pub account: String,
    /// The words of its public key, to compare on another channel; `None` if the vault gives no valid public key.
    pub words: Option<Words>,
}

/// A confirmed member.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Confirmed {
    /// The client id.
    pub account: String,
    /// The newest entry of the chain, to store as the next anchor.
    pub head: Head,
}

/// A disabled account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disabled {
    /// The newest entry of the chain, to store as the next anchor.
    pub head: Head,
}

/// An API token to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// A name for people.
    pub name: String,
    /// Its scopes, which the account and the client's credential must have.
    pub scopes: ScopeList,
    /// The time of expiry; `None` for a token that does not expire.
    pub expires_at: Option<Timestamp>,
}

/// An API token, without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenRecord {
    /// The id.
    pub id: ApiTokenId,
    /// The name for people, if it has one.
    pub name: Option<String>,
    /// Its scopes.
    pub scopes: ScopeList,
    /// The time of its creation, if it is known.
    pub created_at: Option<Timestamp>,
    /// The time of expiry.
    pub expires_at: Option<Timestamp>,
}

impl From<ApiTokenRecord> for TokenRecord {
    fn from(record: ApiTokenRecord) -> Self {
        Self {
            id: record.id,
            name: record.name,
            scopes: record.scopes,
            created_at: record.created_at,
            expires_at: record.expires_at,
        }
    }
}

/// A part of the record of administrative acts, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditPage {
    /// The acts.
    pub records: Vec<AuditRecord>,
    /// The id for the next page, with older acts; `None` after the last one.
    pub next: Option<Hex<8>>,
}

/// An administrative act, as the vault states it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditRecord {
    /// The id.
    pub id: Hex<8>,
    /// The time.
    pub at: Timestamp,
    /// The client id of the account that acted; `None` for the operator of the vault, and for a person who joins.
    pub actor: Option<String>,
    /// The act, such as `organization.invite`.
    pub act: String,
    /// The id of the account, invitation, token or rotation that it is about.
    pub subject: Option<String>,
    /// More about it, for people.
    pub detail: Option<String>,
}
