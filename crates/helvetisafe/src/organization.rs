//! Administration of an organization whose vault has no key: founding, invitations, members, API tokens, and the record of
//! administrative acts.
//!
//! | step | by | call |
//! |---|---|---|
//! | found | the founder, with a bootstrap token of the operator | [`ClientBuilder::found_organization`] |
//! | invite | an administrator | [`Organization::invite`] |
//! | read the terms, and join | the invited person, with the code | [`ClientBuilder::invitation`], [`ClientBuilder::join`] |
//! | confirm | an administrator | [`Organization::confirm`] |
//! | follow | every member | [`Organization::follow`] |
//! | disable | an administrator | [`Organization::disable`] |
//! | replace the org key | an administrator | [`Organization::rotate`] |
//!
//! All keys are made in this process; [`AccountKeys`] holds those of one account. The vault stores and forwards, and is
//! not trusted: `docs/organization-keys.md` in the repository specifies each check. An [`Anchor`], a verification key or
//! a head that was seen before, decides which chain is the right one. It never comes from the vault.
//!
//! [`ClientBuilder::found_organization`]: crate::ClientBuilder::found_organization
//! [`ClientBuilder::invitation`]: crate::ClientBuilder::invitation
//! [`ClientBuilder::join`]: crate::ClientBuilder::join

pub use crate::administration::{
    Account, AccountKeys, Administrator, AuditPage, AuditRecord, Confirmed, Disabled, Founded,
    Invited, Joining, Member, NewInvite, NewOrgKey, NewOrganization, NewToken, PendingInvitation,
    PendingRequest, Rotated, RotationCheck, RotationProgress, RotationStep, Standing, Terms,
    TokenRecord,
};
#[cfg(feature = "async")]
pub use crate::async_client::AsyncOrganization;
pub use crate::builder::WithoutAccount;
pub use crate::client::Organization;
pub use crate::error::OtherHistory;

pub use helvetisafe_crypto::organization::{
    Anchor, Chain, ChainError, ChainMember, Credential, Entry, Event, Head, InvalidCode,
    InvalidKey, InvalidWords, Invitation, InvitationCode, InvitationSecret, JoinRefused,
    JoinRequest, PublicKeyInfo, SignedInvitation, SigningKey, VerificationKey, VerifiedJoinRequest,
    Words, is_name,
};
pub use helvetisafe_crypto::{EncodedLockedKey, LockedPrivateKey, OrgKey, PrivateKey, PublicKey};
pub use helvetisafe_proto::endpoint::organization::{
    ApiTokenId, InvitationId, InvitationStatus, OrganizationId, RotationId, RotationState,
};
pub use helvetisafe_proto::{Hex, InvalidHex, InvalidScopeList, ScopeList};
