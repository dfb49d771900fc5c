/// The tables of a database, compared with this version of the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    /// The database has no tables.
    Absent,
    /// So many migrations are pending.
    Behind(usize),
    Current,
    /// A newer version has migrated it.
    Ahead,
}

impl Schema {
    /// Returns true if this version can serve the tables. Nodes of the next version may have migrated a shared
    /// database already, since a step keeps the tables usable for the version before.
    pub(crate) fn is_usable(self, is_shared: bool) -> bool {
        self == Self::Current || (self == Self::Ahead && is_shared)
    }

    /// Compares the number of migrations that the database has seen with those of this version.
    pub(super) fn compare(seen: usize, known: usize) -> Self {
        match seen {
            0 => Self::Absent,
            _ if seen > known => Self::Ahead,
            _ if seen < known => Self::Behind(known - seen),
            _ => Self::Current,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_version_is_usable_where_nodes_share_the_tables() {
        for is_shared in [false, true] {
            assert!(Schema::Current.is_usable(is_shared));
            assert_eq!(Schema::Ahead.is_usable(is_shared), is_shared);
            assert!(!Schema::Behind(1).is_usable(is_shared));
            assert!(!Schema::Absent.is_usable(is_shared));
        }
    }
}
