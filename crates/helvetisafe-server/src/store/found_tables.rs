//! The tables that are in a database, compared with those of a vault.

use std::collections::BTreeMap;

use super::table::{self, LEASES, MIGRATIONS};
use super::{Migrations, Schema, StoreError};

/// The names of the tables and views of a database.
pub(super) struct FoundTables {
    is_shared: bool,
    /// Those that a statement finds by its name.
    visible: Vec<String>,
    /// The columns of the tables that a statement finds, if they were read.
    columns: BTreeMap<String, Vec<String>>,
    /// Those that a new table of the same name would conflict with, in order.
    beside: Vec<String>,
}

impl FoundTables {
    /// Returns those of a file, which belongs to one program alone.
    pub(super) fn in_file(names: Vec<String>) -> Self {
        Self {
            is_shared: false,
            visible: names.clone(),
            columns: BTreeMap::new(),
            beside: names,
        }
    }

    /// Returns an empty list for PostgreSQL.
    pub(super) fn shared() -> Self {
        Self {
            is_shared: true,
            visible: Vec::new(),
            columns: BTreeMap::new(),
            beside: Vec::new(),
        }
    }

    /// Adds a table, which may be in the schema of new tables.
    pub(super) fn add(&mut self, name: String, is_beside: bool, is_visible: bool) {
        if is_beside {
            self.beside.push(name.clone());
        }
        if is_visible {
            self.visible.push(name);
        }
    }

    /// Returns the names of the vault's tables among them.
    pub(super) fn own(&self) -> impl Iterator<Item = &'static str> {
        table::all(self.is_shared).filter(|name| self.has(name))
    }

    /// Adds the columns of a table.
    pub(super) fn set_columns(&mut self, name: &str, columns: Vec<String>) {
        self.columns.insert(name.to_owned(), columns);
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.visible.iter().any(|it| it == name)
    }

    /// Returns the first name.
    pub(super) fn first(&self) -> Option<&str> {
        self.visible.first().map(String::as_str)
    }

    /// Refuses tables of another program in the place of the vault's, and a vault without some of its own. Returns a table
    /// of another program that is beside them.
    pub(super) fn check(&self, migrations: &Migrations) -> Result<Option<String>, StoreError> {
        if let Some(name) = self.conflicting(migrations) {
            return Err(StoreError::Foreign(name.to_owned()));
        }
        let missing = self.missing(migrations);
        if !missing.is_empty() {
            return Err(StoreError::Incomplete(missing.join(", ")));
        }
        let columns = self.missing_columns(migrations);
        match columns.is_empty() {
            true => Ok(self.other(migrations)),
            false => Err(StoreError::LacksColumns(columns.join(", "))),
        }
    }

    /// Returns the columns that are missing, such as `secrets.value`. Pending migrations may add some.
    fn missing_columns(&self, migrations: &Migrations) -> Vec<String> {
        if !migrations.schema().is_usable() {
            return Vec::new();
        }
        let missing = self.columns.iter().flat_map(|(table, found)| {
            let columns = table::columns(table).into_iter();
            let missing = columns.filter(|column| !found.iter().any(|it| it == column));
            missing.map(move |column| format!("{table}.{column}"))
        });
        missing.collect()
    }

    /// Returns a table that the first migration would conflict with. The tables of the migrations come before it.
    fn conflicting(&self, migrations: &Migrations) -> Option<&str> {
        if migrations.seen > 0 {
            return None;
        }
        let has_migrations = self.has(MIGRATIONS);
        let mut beside = self.beside.iter().map(String::as_str);
        beside.find(|name| match *name {
            MIGRATIONS => false,
            LEASES => !(self.is_shared && has_migrations),
            name => !self.is_shared || is_own(name, true),
        })
    }

    /// Returns the tables that are missing although their migration has run.
    fn missing(&self, migrations: &Migrations) -> Vec<&'static str> {
        if matches!(migrations.schema(), Schema::Absent | Schema::Incompatible) {
            return Vec::new();
        }
        let is_pending = |name: &str| {
            let makes = format!("CREATE TABLE {name} (");
            let mut pending = migrations.pending().iter();
            pending.any(|step| step.script.contains(&makes))
        };
        let used = table::used(self.is_shared).chain([LEASES]);
        used.filter(|name| !self.has(name) && !is_pending(name))
            .collect()
    }

    /// Returns a table that is not the vault's. A newer version may have added some.
    fn other(&self, migrations: &Migrations) -> Option<String> {
        if matches!(migrations.schema(), Schema::Ahead | Schema::Incompatible) {
            return None;
        }
        let mut beside = self.beside.iter();
        beside.find(|name| !is_own(name, self.is_shared)).cloned()
    }
}

fn is_own(name: &str, is_shared: bool) -> bool {
    table::all(is_shared).any(|own| own == name)
}
