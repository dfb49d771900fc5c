//! The calls by which people administer an organization: an extension of this project's vault.
//!
//! The vault stores what they send and checks that it is consistent. It has no key, and clients do not trust it: what
//! they verify is in `docs/organization-keys.md` of the repository. Each call that changes something can be repeated:
//! the same content again is answered like the first time, and other content under the same id is a conflict.

mod account;
mod audit;
mod chain;
mod found;
mod invitations;
mod join;
mod members;
mod rotation;
mod tokens;

use http::Request;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::Hex;
use crate::auth::{AuthHeader, Token};

pub use account::{AccountAnswer, GetAccount};
pub use audit::{AuditAnswer, AuditRecord, ListAudit};
pub use chain::{ChainAnswer, GetChain, GetJoinChain};
pub use found::{FoundOrganization, Founding};
pub use invitations::{
    InvitationRecord, InvitationStatus, InvitationsAnswer, Invite, ListInvitations, NewInvitation,
    SealedInvitation, WithdrawInvitation,
};
pub use join::{GetInvitation, InvitationTerms, Join, JoinBody};
pub use members::{
    Confirm, Confirmation, Disable, Disabling, ListMembers, Member, MemberStatus, MembersAnswer,
};
pub use rotation::{
    AbandonRotation, BeginRotation, CommitRotation, Commitment, Committed, GetRotation,
    ListUnstaged, NewRotation, ResealedInvitation, RotationAnswer, RotationState, StageSecrets,
    StagedSecret, StagedSecrets, Unstaged, UnstagedAnswer, Wrap,
};
pub use tokens::{
    ApiTokenRecord, ApiTokensAnswer, CreateApiToken, ListApiTokens, NewApiToken, RevokeApiToken,
};

/// The id of an organization: 64 random bits, chosen by its founder.
pub type OrganizationId = Hex<8>;

/// The id of an invitation: `SHA-256(token)`, section Invitation of `docs/organization-keys.md`.
pub type InvitationId = Hex<32>;

/// The id of a rotation: 64 random bits, chosen by the client that begins it.
pub type RotationId = Hex<8>;

/// The id of an API token: 64 bits, chosen by the vault.
pub type ApiTokenId = Hex<8>;

/// A SHA-256 hash (FIPS 180-4).
pub type Sha256 = Hex<32>;

/// A private key under a password, as the vault returns it to its account.
pub type LockedPrivateKey = super::PrivateKeyAnswer;

/// An empty success. A repeated call has the same answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

/// Adds a bearer credential of the call itself, RFC 6750 section 2.1. Its bytes are wiped with the request.
fn with_bearer(mut request: Request<Vec<u8>>, token: &SecretString) -> Request<Vec<u8>> {
    // A token that cannot stand in a header is sent as none, and refused.
    if let Ok(token) = Token::parse(token.clone()) {
        AuthHeader::bearer(&token).apply(request.headers_mut());
    }
    request
}

/// Implements [`Endpoint`](super::Endpoint) for a call of this module.
macro_rules! call {
    (
        $call:ty: $method:ident $path:literal, $scope:expr, $repeat:ident, $size:ident -> $answer:ty,
        request: |$self:ident, $base:ident| $build:expr, what: $what:literal
    ) => {
        impl crate::Endpoint for $call {
            type Answer = $answer;

            const METHOD: http::Method = http::Method::$method;
            const PATH: &'static str = $path;
            const SCOPE: Option<crate::Scope> = $scope;
            const REPEAT: crate::retry::Repeat = crate::retry::Repeat::$repeat;
            const ANSWER: crate::endpoint::AnswerSize = crate::endpoint::AnswerSize::$size;
            const SENSITIVE: bool = true;

            fn request(&self, base: &crate::BaseUrl) -> http::Request<Vec<u8>> {
                let ($self, $base) = (self, base);
                $build
            }

            fn parse(&self, response: http::Response<Vec<u8>>) -> Result<$answer, crate::ApiError> {
                crate::endpoint::json(&response.map(zeroize::Zeroizing::new), $what)
            }
        }
    };
}
use call;
