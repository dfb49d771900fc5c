//! Checks of the PostgreSQL host that accepts writes.

use super::{NAME, version};
use crate::plural::counted;
use crate::problem::Problem;
use crate::readiness::MAX_SKEW;
use crate::serve::check::Checked;
use crate::store::{MAX_CONNECTIONS, Primary, Replication};

/// The oldest version of PostgreSQL that is supported.
const OLDEST: i32 = 140_000;

/// Checks the primary.
pub(super) fn check(primary: &Primary, host: &str, migrates: bool) -> Vec<Checked> {
    let problem = |(problem, remedy): Finding| Problem::new(host, problem, remedy);
    let faults = [(NAME, outdated(primary)), ("standby", stuck(primary))];
    let warnings = [
        (NAME, missing_rights(primary).filter(|_| migrates)),
        (NAME, few_connections(primary)),
        ("standby", missing_standby(primary)),
        ("clock", clock_skew(primary)),
    ];
    let faults = faults
        .into_iter()
        .filter_map(|(name, found)| Some(Checked::fault(name, &problem(found?))));
    let warnings = warnings
        .into_iter()
        .filter_map(|(name, found)| Some(Checked::warning(name, &problem(found?))));
    faults.chain(warnings).collect()
}

/// A problem of the primary, and its remedy.
type Finding = (String, &'static str);

fn outdated(primary: &Primary) -> Option<Finding> {
    let problem = format!("has PostgreSQL {}", version(primary.version));
    let remedy = "upgrade it to PostgreSQL 14 or later";
    (primary.version < OLDEST).then_some((problem, remedy))
}

/// Checks the rights on the tables of the vault. A table that is missing is a finding of its migrations.
pub(super) fn missing_table_rights(primary: &Primary, host: &str) -> Option<Checked> {
    let rights = primary.lacking.rights();
    let problem = format_args!("the user lacks rights: {rights}");
    let remedy = "GRANT these rights to the user, or log in as the owner of the tables";
    let problem = Problem::new(host, problem, remedy);
    (!rights.is_empty()).then(|| Checked::fault(NAME, &problem))
}

fn missing_rights(primary: &Primary) -> Option<Finding> {
    let problem = "the user may not make tables, which a migration needs".to_owned();
    let remedy = "set no-migrate for this user, and migrate as the owner of the tables";
    (!primary.may_migrate).then_some((problem, remedy))
}

fn few_connections(primary: &Primary) -> Option<Finding> {
    let connections = primary.connections;
    let problem = format!(
        "has {} for all users, and a node opens up to {MAX_CONNECTIONS}",
        counted(connections, "connection")
    );
    let are_few = i64::from(connections) < i64::from(MAX_CONNECTIONS);
    are_few.then_some((problem, "raise max_connections of PostgreSQL"))
}

fn missing_standby(primary: &Primary) -> Option<Finding> {
    let problem = "no commit waits for a synchronous standby, so an acknowledged write is on one server alone";
    let remedy = "set synchronous_standby_names, as docs/self-hosting.md describes";
    (primary.replication == Replication::Off).then_some((problem.to_owned(), remedy))
}

fn stuck(primary: &Primary) -> Option<Finding> {
    let Replication::Stuck(stuck) = &primary.replication else {
        return None;
    };
    let problem =
        format!("no synchronous standby confirms commits, so writes and logins wait: {stuck}");
    let remedy =
        "start the standby, or change synchronous_standby_names, as docs/self-hosting.md describes";
    Some((problem, remedy))
}

fn clock_skew(primary: &Primary) -> Option<Finding> {
    let skew = primary.skew;
    let problem = format!(
        "its clock differs from that of this machine by {} s",
        skew.as_secs()
    );
    let remedy = "synchronize both clocks, such as with chrony";
    (skew.abs() > MAX_SKEW).then_some((problem, remedy))
}
