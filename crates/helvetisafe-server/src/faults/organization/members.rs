//! The list of members: another account, another key, another name, an account less.

use helvetisafe_proto::Base64;
use helvetisafe_proto::endpoint::organization::{Member, MembersAnswer};

use super::{Attacker, Lie};

pub(super) fn changed(
    mut answer: MembersAnswer,
    lie: Lie,
    attacker: &Attacker,
) -> Option<MembersAnswer> {
    let (members, key) = (&mut answer.members, attacker.public_key().as_der());
    let key = Some(Base64(key.to_vec()));
    match lie {
        Lie::AddMember => {
            let own = Member {
                account: Attacker::ACCOUNT.to_owned(),
                public_key: key,
                ..members.first()?.clone()
            };
            members.push(own);
        }
        Lie::OmitMember => drop(members.pop()?),
        Lie::SwapNames => {
            let names: Vec<_> = members.iter().map(|it| it.name.clone()).collect();
            let next = names.iter().cycle().skip(1);
            for (member, name) in members.iter_mut().zip(next) {
                member.name.clone_from(name);
            }
        }
        Lie::SwapPublicKey => {
            for member in members {
                member.public_key.clone_from(&key);
            }
        }
        _ => return None,
    }
    Some(answer)
}
