//! Answers of a hostile vault about an organization that its members administer.
//!
//! The vault uses what it really has: earlier answers, the entries of the chain, and key pairs of its own. What stops each
//! of them is in `docs/testing.md`.

mod attacker;
mod chain;
mod forgery;
mod invitations;
mod join;
mod members;
pub(super) mod org_key;

use std::str::FromStr;

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::change::{Change, rewritten};
use super::{Answer, Fault, Route};
use crate::shared::Shared;
use crate::store::Principal;

pub use attacker::Attacker;

/// A lie about an organization, for [`Fault::lie`]. Each one fits some calls, and leaves the answers of others as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lie {
    /// [`Route::Invitations`], [`Route::Members`]: each public key is the attacker's.
    SwapPublicKey,
    /// [`Route::Invitations`]: the request of each invitation is that of the next one.
    SwapRequests,
    /// [`Route::Invitations`], [`Route::Invitation`]: each has the scopes of an account that writes.
    MoreScopes,
    /// [`Route::Invitations`], [`Route::Invitation`]: each expires an hour later.
    LaterExpiry,
    /// [`Route::Invitations`], [`Route::Invitation`]: each expired in 2001.
    PastExpiry,
    /// [`Route::Invitations`]: the signature of each is of other terms.
    OtherSignature,
    /// [`Route::Invitations`], [`Route::OrgKey`]: what is sealed or wrapped has the number of the next epoch.
    OtherEpoch,
    /// [`Route::Invitation`]: it has another id.
    OtherId,
    /// [`Route::Invitation`], [`Route::Account`]: it is of another organization.
    OtherOrganization,
    /// [`Route::Members`]: the attacker is a member too.
    AddMember,
    /// [`Route::Members`]: the last account is not in the list.
    OmitMember,
    /// [`Route::Members`]: each account has the name of the next one.
    SwapNames,
    /// [`Route::Chain`], [`Route::JoinChain`]: the last entries are missing.
    Withhold(usize),
    /// [`Route::Chain`], [`Route::JoinChain`]: the entry of this number is missing, and later ones are not.
    Omit(usize),
    /// [`Route::Chain`], [`Route::JoinChain`]: the entry of this number is there again, at the end.
    Repeat(usize),
    /// [`Route::Chain`], [`Route::JoinChain`]: another entry confirms the attacker, signed by the attacker.
    ConfirmItself,
    /// [`Route::Chain`], [`Route::JoinChain`]: as [`ConfirmItself`](Self::ConfirmItself), but an administrator is named as
    /// the signer.
    ForgeSignature,
    /// [`Route::Chain`], [`Route::JoinChain`]: a chain of the attacker with as many entries. It names the founder and its
    /// verification key, and its last org key is the attacker's.
    Invent,
    /// [`Route::OrgKey`]: the attacker's org key, wrapped for the account's public key.
    OwnOrgKey,
    /// [`Route::OrgKey`]: the account's earlier key with the number of the present one. Without an earlier answer the
    /// present key.
    OldOrgKey,
}

/// A lie on the command line: its name, and the lie that a number makes.
type Named = (&'static str, fn(usize) -> Lie);

/// The name of each lie on the command line. A name that ends with `=` takes a number.
const NAMES: &[Named] = &[
    ("swap-public-key", |_| Lie::SwapPublicKey),
    ("swap-requests", |_| Lie::SwapRequests),
    ("more-scopes", |_| Lie::MoreScopes),
    ("later-expiry", |_| Lie::LaterExpiry),
    ("past-expiry", |_| Lie::PastExpiry),
    ("other-signature", |_| Lie::OtherSignature),
    ("other-epoch", |_| Lie::OtherEpoch),
    ("other-id", |_| Lie::OtherId),
    ("other-organization", |_| Lie::OtherOrganization),
    ("add-member", |_| Lie::AddMember),
    ("omit-member", |_| Lie::OmitMember),
    ("swap-names", |_| Lie::SwapNames),
    ("withhold=", Lie::Withhold),
    ("omit=", Lie::Omit),
    ("repeat=", Lie::Repeat),
    ("confirm-itself", |_| Lie::ConfirmItself),
    ("forge-signature", |_| Lie::ForgeSignature),
    ("invent", |_| Lie::Invent),
    ("own-org-key", |_| Lie::OwnOrgKey),
    ("old-org-key", |_| Lie::OldOrgKey),
];

/// A text names no [`Lie`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is not a lie about an organization")]
pub struct InvalidLie;

impl FromStr for Lie {
    type Err = InvalidLie;

    /// Reads the name on the command line, such as `withhold=1`.
    fn from_str(text: &str) -> Result<Self, InvalidLie> {
        let (name, number) = match text.split_once('=') {
            Some((name, number)) => {
                let number = number.parse().map_err(|_| InvalidLie)?;
                (&text[..=name.len()], number)
            }
            None => (text, 0),
        };
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, lie)| lie(number)).ok_or(InvalidLie)
    }
}

/// Answers about an organization.
impl Fault {
    /// Changes the answer as a hostile vault with the keys of this attacker does.
    pub fn lie(attacker: &Attacker, lie: Lie) -> Self {
        Self::changed(format!("{lie:?}"), Change::Lie(lie, attacker.clone()))
    }

    /// Answers a change of an organization as if the vault had acted. It never receives the request.
    pub fn pretend() -> Self {
        let done = Answer::status(StatusCode::OK).json("{}");
        Self {
            name: "pretend".to_owned(),
            ..Self::answer(done)
        }
    }
}

/// A lie, and what it is made of.
pub(super) struct Liar<'a> {
    pub(super) lie: Lie,
    pub(super) attacker: &'a Attacker,
    pub(super) caller: Option<Principal>,
    pub(super) shared: &'a Shared,
}

impl Liar<'_> {
    /// Returns the changed answer; `None` if the lie does not fit it.
    pub(super) async fn changed(
        &self,
        route: Route,
        answer: &mut Response<Body>,
    ) -> Option<Response<Body>> {
        let (lie, attacker) = (self.lie, self.attacker);
        match route {
            Route::Invitations => {
                rewritten(answer, |it| invitations::changed(it, lie, attacker)).await
            }
            Route::Invitation => rewritten(answer, |it| join::changed(it, lie)).await,
            Route::Account => rewritten(answer, |it| join::of_account(it, lie)).await,
            Route::Members => rewritten(answer, |it| members::changed(it, lie, attacker)).await,
            Route::Chain | Route::JoinChain => {
                rewritten(answer, |it| chain::changed(it, lie, attacker)).await
            }
            Route::OrgKey => {
                let public_key = org_key::of_caller(self.caller?, self.shared).await;
                rewritten(answer, |it| org_key::changed(it, lie, attacker, public_key)).await
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lie_is_read_by_its_name() {
        assert_eq!("withhold=2".parse(), Ok(Lie::Withhold(2)));
        assert_eq!("invent".parse(), Ok(Lie::Invent));
        for text in ["withhold", "withhold=", "withhold=-1", "invent=1", "", "="] {
            assert_eq!(text.parse::<Lie>(), Err(InvalidLie), "{text}");
        }
    }
}
