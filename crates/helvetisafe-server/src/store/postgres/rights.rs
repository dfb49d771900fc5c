//! The rights on tables that the role of a node needs. The tests of all engines run with these alone.

use std::collections::BTreeMap;
use std::fmt;

use sqlx::postgres::PgRow;
use sqlx::{Error, Row};

use crate::store::table;

/// The column from which [`Lacking::of`] is made. It reads no table of the vault, only PostgreSQL's catalog.
///
/// `$1` and `$2` are the tables and the rights of [`needed`]. A table that is gone has no rights.
macro_rules! lacking {
    () => {
        "ARRAY(SELECT name || ' ' || CASE WHEN to_regclass(name) IS NULL THEN '' ELSE needed END \
         FROM unnest($1::text[], $2::text[]) AS rights (name, needed) \
         WHERE has_table_privilege(to_regclass(name), needed) IS NOT TRUE) AS lacking"
    };
}
pub(super) use lacking;

/// The tables that a role does not see, and the rights that it lacks on the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lacking {
    tables: BTreeMap<String, Vec<String>>,
}

impl Lacking {
    pub(super) fn of(row: &PgRow) -> Result<Self, Error> {
        let found: Vec<String> = row.try_get("lacking")?;
        let mut tables = BTreeMap::<_, Vec<_>>::new();
        for (name, right) in found.iter().filter_map(|it| it.split_once(' ')) {
            let rights = tables.entry(name.to_owned()).or_default();
            if !right.is_empty() {
                rights.push(right.to_owned());
            }
        }
        Ok(Self { tables })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Returns the rights that are lacking on tables that exist, such as `INSERT on writes`.
    pub(crate) fn rights(&self) -> String {
        let closed = self.tables.iter().filter(|(_, rights)| !rights.is_empty());
        let closed = closed.map(|(name, rights)| format!("{} on {name}", rights.join(", ")));
        closed.collect::<Vec<_>>().join("; ")
    }

    fn missing(&self) -> String {
        let missing = self.tables.iter().filter(|(_, rights)| rights.is_empty());
        let missing: Vec<_> = missing.map(|(name, _)| name.as_str()).collect();
        missing.join(", ")
    }
}

/// Describes what is lacking, for the log.
impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (missing, rights) = (self.missing(), self.rights());
        if !missing.is_empty() {
            write!(
                f,
                "the database lacks tables, or its role may not use their schema: {missing}; restore the tables, or GRANT USAGE on the schema"
            )?;
        }
        if !rights.is_empty() {
            let separator = if missing.is_empty() { "" } else { "; " };
            write!(
                f,
                "{separator}the role of the database lacks rights: {rights}; GRANT them"
            )?;
        }
        Ok(())
    }
}

/// Returns each table that requests use together with each right that they need on it.
pub(in crate::store) fn needed() -> (Vec<&'static str>, Vec<&'static str>) {
    let tables = table::used(true);
    let pairs = tables.flat_map(|name| of_table(name).iter().map(move |right| (name, *right)));
    pairs.unzip()
}

/// A lock of a row, such as with `FOR SHARE`, needs UPDATE.
fn of_table(name: &str) -> &'static [&'static str] {
    match name {
        "chain_entries" => &["SELECT", "INSERT"],
        "account_keys" | "private_keys" => &["SELECT", "INSERT", "DELETE"],
        "audit" | "audit_seals" | "invitations" | "list_versions" | "organizations"
        | "rotations" => &["SELECT", "INSERT", "UPDATE"],
        _ => &["SELECT", "INSERT", "UPDATE", "DELETE"],
    }
}
