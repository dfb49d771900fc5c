//! The calls by which people administer an organization, an extension of this vault.

mod checks;
mod confirm;
mod credentials;
mod disable;
mod entries;
mod found_organization;
mod get_account;
mod get_chain;
mod get_invitation;
mod get_join_chain;
mod invite;
mod join;
pub(super) mod list_audit;
mod list_invitations;
mod list_members;
mod withdraw_invitation;

use std::sync::Arc;

use axum::Router;
use helvetisafe_proto::endpoint::organization::{
    Confirm, Confirmation, Disable, Disabling, FoundOrganization, Founding, GetAccount, GetChain,
    GetInvitation, GetJoinChain, Invite, Join, JoinBody, ListInvitations, ListMembers,
    NewInvitation, WithdrawInvitation,
};

use super::body::Written;
use super::endpoint;
use crate::shared::Shared;

/// The largest body of these calls, in bytes. The longest RSA keys and a confirmation with two entries fit.
const BODY_LIMIT: usize = 64 * 1024;

/// Returns the routes of these calls.
pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .merge(endpoint::<FoundOrganization, _>(found_organization::call))
        .merge(endpoint::<GetAccount, _>(get_account::call))
        .merge(endpoint::<GetChain, _>(get_chain::call))
        .merge(endpoint::<ListInvitations, _>(list_invitations::call))
        .merge(endpoint::<Invite, _>(invite::call))
        .merge(endpoint::<WithdrawInvitation, _>(withdraw_invitation::call))
        .merge(endpoint::<ListMembers, _>(list_members::call))
        .merge(endpoint::<Confirm, _>(confirm::call))
        .merge(endpoint::<Disable, _>(disable::call))
        .merge(endpoint::<GetInvitation, _>(get_invitation::call))
        .merge(endpoint::<Join, _>(join::call))
        .merge(endpoint::<GetJoinChain, _>(get_join_chain::call))
}

impl Written for Founding {
    const LIMIT: usize = BODY_LIMIT;
}

impl Written for NewInvitation {
    const LIMIT: usize = BODY_LIMIT;
}

impl Written for JoinBody {
    const LIMIT: usize = BODY_LIMIT;
}

impl Written for Confirmation {
    const LIMIT: usize = BODY_LIMIT;
}

impl Written for Disabling {
    const LIMIT: usize = BODY_LIMIT;
}
