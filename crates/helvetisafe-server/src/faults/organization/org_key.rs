//! The wrapped org key: the attacker's, or one with another number.

use helvetisafe_crypto::organization::PublicKeyInfo;
use helvetisafe_proto::endpoint::OrgKeyAnswer;

use super::{Attacker, Lie};
use crate::http::report;
use crate::shared::Shared;
use crate::store::{Principal, StoreError};

pub(super) fn changed(
    mut answer: OrgKeyAnswer,
    lie: Lie,
    attacker: &Attacker,
    public_key: Option<PublicKeyInfo>,
) -> Option<OrgKeyAnswer> {
    match lie {
        Lie::OwnOrgKey => {
            let wrapped = public_key?.public_key().wrap_org_key(attacker.org_key());
            answer.encrypted_org_key = wrapped.ok()?.encode();
        }
        Lie::OtherEpoch => answer.key_epoch = answer.key_epoch.map(|epoch| epoch + 1),
        _ => return None,
    }
    Some(answer)
}

/// Returns an old key under the number of the present one.
pub(in crate::faults) fn renumbered(old: OrgKeyAnswer, present: &OrgKeyAnswer) -> OrgKeyAnswer {
    OrgKeyAnswer {
        key_epoch: present.key_epoch,
        ..old
    }
}

/// Returns the public key of an account that made its keys itself, as the vault stores it.
pub(super) async fn of_caller(caller: Principal, shared: &Shared) -> Option<PublicKeyInfo> {
    stored(caller, shared).await.unwrap_or_else(|error| {
        report(&error);
        None
    })
}

async fn stored(caller: Principal, shared: &Shared) -> Result<Option<PublicKeyInfo>, StoreError> {
    let store = &shared.store;
    let account = store.account_details(caller.account).await?;
    let members = store.members(caller.tenant.organization).await?;
    let mut members = members.into_iter();
    let own = members.find(|member| {
        let id = account.as_ref().map(|account| &account.client_id);
        id == Some(&member.account)
    });
    let key = own.and_then(|member| member.public_key);
    Ok(key.and_then(|key| PublicKeyInfo::from_der(&key.0).ok()))
}
