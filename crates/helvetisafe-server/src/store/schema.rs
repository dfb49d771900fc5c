//! The migrations of a database, and the one rule for the vaults that may serve it.

use std::fmt;

use crate::problem::Problem;

/// A step from the tables of one version to those of the next.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(super) script: &'static str,
    /// The number of steps that a vault has to know to serve the tables after this one: its own number, or less if it
    /// only adds tables or columns that earlier vaults ignore. The database stores it as `needs`, so that these vaults can
    /// read it.
    pub(super) compatible_from: usize,
}

/// The migrations of a database, compared with those of this version.
#[derive(Clone, Debug)]
pub(crate) struct Migrations {
    pub(super) steps: &'static [Step],
    pub(crate) seen: usize,
    /// The number of steps that a vault has to know, as stored by later versions; `None` if one did not store it.
    pub(super) compatible_from: Option<usize>,
    /// A table of another program beside the vault's, if one was looked for.
    pub(crate) other_table: Option<String>,
}

/// The migrations that a call has run.
#[derive(Debug)]
pub(crate) struct Migrated {
    /// The number of migrations of the database before, and that of this version.
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The names of those that this call ran; another node may have run others meanwhile.
    pub(crate) applied: Vec<&'static str>,
}

/// The tables of a database, compared with this version of the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    /// The database has no tables.
    Absent,
    /// So many migrations are pending.
    Behind(usize),
    Current,
    /// A newer version has added to the tables, which this version can serve.
    Ahead,
    /// A newer version has changed the tables, which this version cannot serve.
    Incompatible,
}

impl Migrations {
    pub(crate) fn schema(&self) -> Schema {
        Schema::compare(self.seen, self.compatible_from, self.steps.len())
    }

    /// Returns the pending steps.
    pub(crate) fn pending(&self) -> &'static [Step] {
        self.steps.get(self.seen..).unwrap_or_default()
    }
}

impl fmt::Display for Migrated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from, self.to);
        write!(
            f,
            "migrated from {from} to {to}: {}",
            self.applied.join(", ")
        )
    }
}

impl Schema {
    /// Returns true if this version can serve the tables as they are.
    pub(crate) fn is_usable(self) -> bool {
        matches!(self, Self::Current | Self::Ahead)
    }

    /// Compares the number of migrations that the database has seen with those of this version. `compatible_from` counts
    /// if the database has seen more.
    pub(super) fn compare(seen: usize, compatible_from: Option<usize>, known: usize) -> Self {
        match seen {
            0 => Self::Absent,
            _ if seen < known => Self::Behind(known - seen),
            _ if seen == known => Self::Current,
            _ if compatible_from.is_some_and(|steps| steps <= known) => Self::Ahead,
            _ => Self::Incompatible,
        }
    }
}

/// Returns the reason not to use a database of [`Schema::Incompatible`].
pub(crate) fn incompatible(database: &str) -> Problem {
    Problem::new(
        format_args!("database {database}"),
        "has the tables of a newer version, which this one cannot serve",
        "install that version of helvetisafe-server, or restore an older backup",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_tables_are_served_if_they_say_so() {
        for (seen, compatible_from, expected) in [
            (0, None, Schema::Absent),
            (1, None, Schema::Behind(2)),
            (3, None, Schema::Current),
            (4, Some(1), Schema::Ahead),
            (9, Some(3), Schema::Ahead),
            (4, Some(4), Schema::Incompatible),
            (4, None, Schema::Incompatible),
        ] {
            assert_eq!(
                Schema::compare(seen, compatible_from, 3),
                expected,
                "{seen} {compatible_from:?}"
            );
        }
    }
}
