//! The actions and the causes of failures of an organization.

use std::fmt;

use helvetisafe_crypto as crypto;
use helvetisafe_crypto::organization::{ChainError, JoinRefused};
use helvetisafe_proto::endpoint::organization::{
    AbandonRotation, CommitRotation, Confirm, GetInvitation, GetRotation, Join,
};
use helvetisafe_proto::endpoint::organization::{
    CreateApiToken, Disable, FoundOrganization, GetAccount, GetChain, Invite, ListApiTokens,
    ListAudit, ListInvitations, ListMembers, RevokeApiToken, WithdrawInvitation,
};
use helvetisafe_proto::{Endpoint, KeyName, Scope};
use jiff::Timestamp;

use super::{ErrorKind, OtherHistory};

/// An action on an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OrganizationAction {
    Found,
    ReadInvitation,
    Join,
    ReadAccount,
    FollowChain,
    ListMembers,
    Invite,
    ListInvitations,
    Withdraw,
    Confirm,
    Disable,
    Rotate,
    ReadRotation,
    AbandonRotation,
    ListTokens,
    CreateToken,
    RevokeToken,
    ReadAudit,
}

impl OrganizationAction {
    /// Returns the scope that its call needs.
    pub(super) fn scope(&self) -> Option<Scope> {
        match self {
            Self::Found => FoundOrganization::SCOPE,
            Self::ReadInvitation => GetInvitation::SCOPE,
            Self::Join => Join::SCOPE,
            Self::ReadAccount => GetAccount::SCOPE,
            Self::FollowChain => GetChain::SCOPE,
            Self::ListMembers => ListMembers::SCOPE,
            Self::Invite => Invite::SCOPE,
            Self::ListInvitations => ListInvitations::SCOPE,
            Self::Withdraw => WithdrawInvitation::SCOPE,
            Self::Confirm => Confirm::SCOPE,
            Self::Disable => Disable::SCOPE,
            Self::Rotate => CommitRotation::SCOPE,
            Self::ReadRotation => GetRotation::SCOPE,
            Self::AbandonRotation => AbandonRotation::SCOPE,
            Self::ListTokens => ListApiTokens::SCOPE,
            Self::CreateToken => CreateApiToken::SCOPE,
            Self::RevokeToken => RevokeApiToken::SCOPE,
            Self::ReadAudit => ListAudit::SCOPE,
        }
    }

    /// Returns true if the action needs an existing record, so that a 404 can be about it.
    pub(super) fn is_about_existing(&self) -> bool {
        matches!(
            self,
            Self::Withdraw
                | Self::Confirm
                | Self::Disable
                | Self::AbandonRotation
                | Self::RevokeToken
        )
    }

    /// Returns the advice after a change of which it is unknown whether it happened.
    pub(super) fn advice_for_repetition(&self) -> &'static str {
        match self {
            Self::Found | Self::Join => "repeat it with the same keys",
            Self::Confirm | Self::Disable => "list the members before you repeat it",
            Self::Rotate => "repeat it with the same id and the same new key",
            Self::AbandonRotation => "repeat it",
            Self::CreateToken | Self::RevokeToken => "list the tokens before you repeat it",
            _ => "list the invitations before you repeat it",
        }
    }

    /// Returns the name of the action in events and spans.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Found => "organization.found",
            Self::ReadInvitation => "invitation.get",
            Self::Join => "organization.join",
            Self::ReadAccount => "account.get",
            Self::FollowChain => "organization.follow",
            Self::ListMembers => "organization.members",
            Self::Invite => "organization.invite",
            Self::ListInvitations => "organization.invitations",
            Self::Withdraw => "organization.withdraw",
            Self::Confirm => "organization.confirm",
            Self::Disable => "organization.disable",
            Self::Rotate => "organization.rotate",
            Self::ReadRotation => "rotation.get",
            Self::AbandonRotation => "rotation.abandon",
            Self::ListTokens => "tokens.list",
            Self::CreateToken => "tokens.create",
            Self::RevokeToken => "tokens.revoke",
            Self::ReadAudit => "audit.list",
        }
    }
}

impl fmt::Display for OrganizationAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Found => "cannot found the organization",
            Self::ReadInvitation => "cannot read the invitation",
            Self::Join => "cannot join the organization",
            Self::ReadAccount => "cannot read the account",
            Self::FollowChain => "cannot follow the chain of the organization",
            Self::ListMembers => "cannot list the members",
            Self::Invite => "cannot invite",
            Self::ListInvitations => "cannot list the invitations",
            Self::Withdraw => "cannot withdraw the invitation",
            Self::Confirm => "cannot confirm the member",
            Self::Disable => "cannot disable the account",
            Self::Rotate => "cannot replace the org key",
            Self::ReadRotation => "cannot read the rotation in progress",
            Self::AbandonRotation => "cannot abandon the rotation",
            Self::ListTokens => "cannot list the API tokens",
            Self::CreateToken => "cannot create the API token",
            Self::RevokeToken => "cannot revoke the API token",
            Self::ReadAudit => "cannot read the audit record",
        })
    }
}

/// The check that failed, or the reason for which a change cannot be made.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum OrganizationCause {
    /// The chain, or a part of it, is refused.
    #[error(transparent)]
    Chain(ChainError),
    /// The chain does not contain the trusted head.
    #[error("{0}")]
    OtherHistory(OtherHistory),
    /// The chain does not allow the change.
    #[error(transparent)]
    Change(ChainError),
    #[error(transparent)]
    Request(#[from] JoinRefused),
    #[error("the vault answers with another invitation than that of the code: do not join")]
    OtherInvitation,
    #[error(
        "the chain never had the org key of the invitation code: the vault, or the code, is of another organization. \
         Do not join, and ask the person who invited"
    )]
    OtherCodeKey,
    #[error(
        "the sealed secret does not fit the invitation: its name, scopes, expiry or id were changed in the vault, or \
         it was sealed under another org key. Do not confirm it, and invite again"
    )]
    OtherTerms,
    #[error("the request has no valid {0}: do not confirm it, and invite again")]
    Unreadable(&'static str),
    #[error(
        "the request to join and its scopes do not agree: an account with the scope organization:write has a \
         verification key, and no other has one. Do not confirm it, and invite again"
    )]
    VerificationKey,
    /// The request is that of the caller, who has its keys.
    #[error(
        "the vault contradicts what was sent for the new account: {0}. No other person joins with this invitation, so the vault, \
         or an intermediary, has changed or used it"
    )]
    OwnRequest(&'static str),
    #[error(
        "the vault's genesis is not the one that these keys signed: another account founded the organization"
    )]
    OtherGenesis,
    #[error(
        "the chain has the org key {expected}, and the vault gives {found}; nothing was sealed or wrapped under it"
    )]
    OtherOrgKey {
        expected: crypto::Fingerprint,
        found: crypto::Fingerprint,
    },
    #[error(
        "the chain never had a pinned org key: its present one is {present}. The pins are wrong, or the chain is of another \
         organization"
    )]
    OtherPins { present: crypto::Fingerprint },
    #[error(
        "the signing key is not an administrator's in the chain: use the key of an administrator, or ask one"
    )]
    NotAdministrator,
    #[error(
        "the invitation expired at {expires_at}: it is {now} by the clock of this machine; check the clock, or use a new \
         invitation"
    )]
    Expired {
        expires_at: Timestamp,
        now: Timestamp,
    },
    #[error("this invitation is not open any more: list the invitations and the members")]
    NoInvitation,
    #[error(
        "another administrator has confirmed this request meanwhile: the account is a member, and there is nothing else to \
         do"
    )]
    ConfirmedMeanwhile,
    #[error(
        "the vault now has another invitation or another request than the one that was shown: do not confirm it; list the \
         invitations again, and ask another administrator before you continue"
    )]
    OtherThanShown,
    #[error("the invited person has not yet sent a request to join")]
    NotJoined,
    #[error(
        "the vault and the chain do not agree about {}: only one of them has it, or its keys or name differ. The \
         org key was not replaced, and nothing was wrapped; list the members, and ask another administrator before you \
         continue",
        described(account, name.as_deref())
    )]
    UnverifiedMember {
        account: String,
        /// The name in the chain.
        name: Option<String>,
    },
    #[error(
        "the open invitation `{}` does not verify: no present administrator has signed its terms, or they were changed, or \
         it was used before. \
         The org key was not replaced; withdraw the invitation, and repeat",
        .0.escape_debug()
    )]
    UnverifiedInvitation(String),
    #[error(
        "secrets do not open under the org key: {}. The org key was not replaced; write them again or delete them, and \
         repeat",
        names(.0)
    )]
    UnopenedSecrets(Vec<KeyName>),
    /// The change was made so many times, and each time another one was faster.
    #[error(
        "the vault refused each of {0} attempts, since the organization had changed since its chain was read: nothing was changed. \
         Repeat it later; if that fails too, ask the vault's operator"
    )]
    Overtaken(u32),
    #[error(
        "a member was disabled after the new org key was made or sent, and may know it. The org key was not replaced; abandon the \
         rotation, and repeat it with a new key"
    )]
    ExposedKey,
}

impl OrganizationCause {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Chain(_)
            | Self::OtherHistory(_)
            | Self::Request(_)
            | Self::OtherInvitation
            | Self::OtherCodeKey
            | Self::OtherTerms
            | Self::Unreadable(_)
            | Self::OtherThanShown
            | Self::VerificationKey
            | Self::OtherGenesis
            | Self::OtherPins { .. }
            | Self::OwnRequest(_)
            | Self::UnverifiedMember { .. }
            | Self::UnverifiedInvitation(_)
            | Self::UnopenedSecrets(_) => ErrorKind::Crypto,
            Self::OtherOrgKey { .. } => ErrorKind::OrgKeyRefused,
            Self::Overtaken(_) => ErrorKind::Changed,
            Self::Change(_) | Self::ConfirmedMeanwhile | Self::ExposedKey => ErrorKind::Conflict,
            Self::NotAdministrator => ErrorKind::Forbidden,
            // As the vault refuses the token of such an invitation.
            Self::Expired { .. } => ErrorKind::Auth,
            Self::NoInvitation | Self::NotJoined => ErrorKind::NotFound,
        }
    }
}

/// Describes an account by its name in the chain, if it has one.
fn described(account: &str, name: Option<&str>) -> String {
    let account = account.escape_debug();
    match name {
        Some(name) => format!("`{}` (the account `{account}`)", name.escape_debug()),
        None => format!("the account `{account}`, which the chain does not have"),
    }
}

/// Returns the first names, and the number of the others.
fn names(keys: &[KeyName]) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<_> = keys
        .iter()
        .take(SHOWN)
        .map(|key| format!("`{key}`"))
        .collect();
    let shown = shown.join(", ");
    match keys.len().saturating_sub(SHOWN) {
        0 => shown,
        others => format!("{shown} and {others} more"),
    }
}
