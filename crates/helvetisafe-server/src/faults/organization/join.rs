//! The terms that an invited person gets, and the organization of an account.

use helvetisafe_proto::endpoint::organization::{AccountAnswer, InvitationTerms, OrganizationId};

use super::Lie;
use super::invitations::{later, more_scopes, past};

pub(super) fn changed(mut terms: InvitationTerms, lie: Lie) -> Option<InvitationTerms> {
    match lie {
        Lie::MoreScopes => terms.scopes = more_scopes()?,
        Lie::LaterExpiry => terms.expires_at = later(terms.expires_at),
        Lie::PastExpiry => terms.expires_at = past()?,
        Lie::OtherId => terms.id = flipped(terms.id.to_bytes()).into(),
        Lie::OtherOrganization => terms.organization = other(terms.organization),
        _ => return None,
    }
    Some(terms)
}

pub(super) fn of_account(mut account: AccountAnswer, lie: Lie) -> Option<AccountAnswer> {
    match lie {
        Lie::OtherOrganization => account.organization = other(account.organization),
        _ => return None,
    }
    Some(account)
}

fn other(organization: OrganizationId) -> OrganizationId {
    flipped(organization.to_bytes()).into()
}

fn flipped<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
    bytes[0] ^= 1;
    bytes
}
