//! The names of the accounts in the record, as the signed chain has them.

use helvetisafe::organization::{Chain, ChainMember};

use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::Administration;
use crate::ui::similar::nearest;

/// The start of every client id.
const CLIENT_ID: &str = "hs_client_";

/// The names of accounts. Without a verified chain there are none: the vault's names prove nothing.
#[derive(Default)]
pub(super) struct Names(Option<Chain>);

impl Names {
    /// Verifies the chain, if a part of it is trusted.
    pub(super) fn load(administration: &Administration<'_>) -> Result<Self, Failure> {
        let account = administration.account()?;
        match account.has_chain && administration.has_anchor(account)? {
            true => administration.chain().map(|chain| Self(Some(chain))),
            false => Ok(Self::default()),
        }
    }

    /// Returns the name of an account.
    pub(super) fn of(&self, account: &str) -> Option<&str> {
        let mut found = self.all().filter(|(known, _)| *known == account);
        found.next().map(|(_, member)| member.name.as_str())
    }

    /// Returns the name of an account for a person: with the account if a former member had the same name.
    pub(super) fn shown(&self, account: &str) -> String {
        let Some(name) = self.of(account) else {
            return account.to_owned();
        };
        match self.all().filter(|(_, member)| member.name == name).count() {
            1 => name.to_owned(),
            _ => format!("{name} ({account})"),
        }
    }

    /// Returns the accounts, former ones too, with a name or a client id.
    pub(super) fn accounts(&self, member: &str) -> Result<Vec<String>, Failure> {
        let found = self
            .all()
            .filter(|(account, it)| *account == member || it.name == member);
        let found: Vec<_> = found.map(|(account, _)| account.to_owned()).collect();
        match found.is_empty() {
            false => Ok(found),
            // It may have joined, without a confirmation.
            true if member.starts_with(CLIENT_ID) => Ok(vec![member.to_owned()]),
            true => Err(self.unknown(member)),
        }
    }

    fn unknown(&self, member: &str) -> Failure {
        if self.0.is_none() {
            return Failure::usage(format_args!(
                "the name `{member}` is unknown, since nothing of the signed chain is trusted here: give the client id, or \
                 --verification-key"
            ));
        }
        let failure = Failure::new(
            Status::NotFound,
            format_args!("no member has or had the name or the account `{member}`"),
        );
        match nearest(member, self.all().map(|(_, it)| it.name.as_str())) {
            Some(name) => failure.with_advice(&format!("did you mean `{name}`?")),
            None => failure.with_advice(&format!("{} lists them", advice::command("org members"))),
        }
    }

    fn all(&self) -> impl Iterator<Item = (&str, &ChainMember)> {
        let chains = self.0.iter();
        let members = chains.flat_map(|chain| chain.members().iter().chain(chain.former_members()));
        members.map(|(account, member)| (account.as_str(), member))
    }
}
