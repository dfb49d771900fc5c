//! The list of invitations: other keys, other terms, other requests.

use std::time::Duration;

use helvetisafe_proto::endpoint::organization::{InvitationRecord, InvitationsAnswer};
use helvetisafe_proto::{Base64, ScopeList};
use jiff::Timestamp;

use super::{Attacker, Lie};

pub(super) fn changed(
    mut answer: InvitationsAnswer,
    lie: Lie,
    attacker: &Attacker,
) -> Option<InvitationsAnswer> {
    let records = &mut answer.invitations;
    if lie == Lie::SwapRequests {
        swap_requests(records);
        return Some(answer);
    }
    for record in records {
        change(record, lie, attacker)?;
    }
    Some(answer)
}

fn change(record: &mut InvitationRecord, lie: Lie, attacker: &Attacker) -> Option<()> {
    let invitation = &mut record.invitation;
    match lie {
        Lie::SwapPublicKey => {
            if let Some(request) = &mut record.request {
                request.public_key = Base64(attacker.public_key().as_der().to_vec());
            }
        }
        Lie::MoreScopes => invitation.scopes = more_scopes()?,
        Lie::LaterExpiry => invitation.expires_at = later(invitation.expires_at),
        Lie::PastExpiry => invitation.expires_at = past()?,
        Lie::OtherSignature => {
            invitation.sealed.signature = Base64(attacker.sign(b"other terms").to_vec());
        }
        Lie::OtherEpoch => invitation.sealed.key_epoch += 1,
        _ => return None,
    }
    Some(())
}

/// Gives each invitation the request of the next one, and the last one that of the first.
fn swap_requests(records: &mut [InvitationRecord]) {
    let mut requests: Vec<_> = records.iter().map(|it| it.request.clone()).collect();
    if !requests.is_empty() {
        requests.rotate_left(1);
    }
    for (record, request) in records.iter_mut().zip(requests) {
        record.request = request;
    }
}

/// Returns the scopes of an account that writes.
pub(super) fn more_scopes() -> Option<ScopeList> {
    ScopeList::parse("secrets:read secrets:write secrets:delete credentials:read").ok()
}

pub(super) fn later(expiry: Timestamp) -> Timestamp {
    expiry + Duration::from_secs(3600)
}

pub(super) fn past() -> Option<Timestamp> {
    Timestamp::from_second(978_307_200).ok()
}
