//! Lists the accounts: what the vault states, beside the chain.

use std::collections::BTreeMap;

use helvetisafe_crypto::organization::{Anchor, Chain, PublicKeyInfo, VerificationKey};
use helvetisafe_proto::endpoint::organization::{ListMembers, Member as Listed, MemberStatus};

use super::Operation;
use crate::administration::{Member, Standing};
use crate::error::{Error, OrganizationAction};
use crate::runtime::Runtime;

impl<R: Runtime> Operation<'_, R> {
    pub(crate) async fn members(&self, anchor: &Anchor) -> Result<Vec<Member>, Error> {
        // The list first: an account that is confirmed between the two calls is in the chain alone, which is no reason to
        // suspect the vault.
        let call = self.organize(&ListMembers, OrganizationAction::ListMembers);
        let listed = call.await?.members;
        let chain = self.follow(anchor).await?;
        Ok(compare(listed, &chain))
    }
}

/// Compares the vault's list with the chain, in the order of the client ids.
pub(super) fn compare(listed: Vec<Listed>, chain: &Chain) -> Vec<Member> {
    let only_in_chain = chain.members().iter().map(|(account, member)| {
        let member = Member {
            account: account.clone(),
            name: Some(member.name.clone()),
            scopes: None,
            public_key: None,
            verification_key: chain.administrators().get(account).copied(),
            created_at: None,
            disabled_at: None,
            standing: Standing::OnlyInChain,
        };
        (account.clone(), member)
    });
    let mut members: BTreeMap<_, _> = only_in_chain.collect();
    for account in listed {
        members.insert(account.account.clone(), member(account, chain));
    }
    members.into_values().collect()
}

fn member(listed: Listed, chain: &Chain) -> Member {
    let public_key = listed.public_key.as_ref();
    let public_key = public_key.and_then(|key| PublicKeyInfo::from_der(&key.0).ok());
    let standing = standing(&listed, public_key.as_ref(), chain);
    let (present, former) = (chain.members(), chain.former_members());
    let in_chain = present.get(&listed.account).or(former.get(&listed.account));
    Member {
        verification_key: chain.administrators().get(&listed.account).copied(),
        account: listed.account,
        name: in_chain.map(|member| member.name.clone()),
        scopes: Some(listed.scopes),
        public_key,
        created_at: Some(listed.created_at),
        disabled_at: listed.disabled_at,
        standing,
    }
}

fn standing(listed: &Listed, public_key: Option<&PublicKeyInfo>, chain: &Chain) -> Standing {
    let in_chain = chain.members().get(&listed.account);
    match (in_chain, listed.status) {
        (None, MemberStatus::Active) => Standing::OnlyInVault,
        (None, MemberStatus::Disabled) => Standing::Disabled,
        (Some(_), MemberStatus::Disabled) => Standing::OnlyInChain,
        (Some(member), MemberStatus::Active) => {
            let has_key = public_key.is_some_and(|key| key.hash() == member.public_key_hash);
            let of_chain = chain.administrators().get(&listed.account);
            let of_chain = of_chain.map(VerificationKey::as_bytes);
            let of_vault = listed.verification_key.as_ref().map(|key| key.0.as_slice());
            if !has_key || of_vault != of_chain.map(<[u8; 32]>::as_slice) {
                return Standing::OtherKey;
            }
            match listed.name.as_deref() == Some(&member.name) {
                true => Standing::Active,
                false => Standing::OtherName,
            }
        }
    }
}
