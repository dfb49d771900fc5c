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
