//! The acts that are selected.

use helvetisafe::Timestamp;
use helvetisafe::organization::AuditRecord;

use super::names::Names;
use crate::failure::Failure;
use crate::ui::expiry;

/// The options that select acts.
#[derive(clap::Args)]
pub(super) struct FilterArgs {
    /// Only acts of this member, or about it: a name in the signed chain, or a client id.
    #[arg(long, value_name = "NAME")]
    member: Option<String>,
    /// Only this act, such as organization.disable, or all acts of a kind, such as token. Repeat it for several.
    #[arg(long, value_name = "ACT")]
    action: Vec<String>,
    /// Only acts since then: a time span, such as 7d, or a time, such as 2030-01-31 or 2030-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

/// The acts to select.
pub(super) struct Filter {
    /// `None` selects those of all accounts.
    accounts: Option<Vec<String>>,
    /// None selects all.
    actions: Vec<String>,
    since: Option<Timestamp>,
}

fn kind(act: &str) -> Option<&str> {
    act.split_once('.').map(|(kind, _)| kind)
}

impl FilterArgs {
    /// Parses the time.
    pub(super) fn since(&self) -> Result<Option<Timestamp>, Failure> {
        self.since.as_deref().map(expiry::since).transpose()
    }

    /// Returns the acts to select. Fails if a name is needed and there are none.
    pub(super) fn filter(
        &self,
        since: Option<Timestamp>,
        names: &Result<Names, Failure>,
    ) -> Result<Filter, Failure> {
        let accounts = match (&self.member, names) {
            (None, _) => None,
            (Some(member), Ok(names)) => Some(names.accounts(member)?),
            (Some(_), Err(failure)) => return Err(failure.repeated()),
        };
        Ok(Filter {
            accounts,
            actions: self.action.clone(),
            since,
        })
    }

    pub(super) fn is_given(&self) -> bool {
        self.member.is_some() || self.since.is_some() || self.names_acts()
    }

    /// Returns true if only named acts are selected.
    pub(super) fn names_acts(&self) -> bool {
        !self.action.is_empty()
    }
}

impl Filter {
    pub(super) fn selects(&self, record: &AuditRecord) -> bool {
        let is_of = |account: &String| {
            let parties = [record.actor.as_deref(), record.subject.as_deref()];
            parties.contains(&Some(account))
        };
        let is_action =
            |wanted: &String| record.act == *wanted || kind(&record.act) == Some(wanted);
        self.accounts.as_ref().is_none_or(|it| it.iter().any(is_of))
            && (self.actions.is_empty() || self.actions.iter().any(is_action))
            && !self.is_before(record)
    }

    /// Returns true if the act is too old.
    pub(super) fn is_before(&self, record: &AuditRecord) -> bool {
        self.since.is_some_and(|since| record.at < since)
    }
}
