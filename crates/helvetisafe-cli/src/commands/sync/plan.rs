//! The difference between a Secret of the cluster and what it should have.

use std::collections::BTreeMap;

use super::desired::Desired;
use super::ownership::{Field, Operation, Owners, Ownership, Section};
use super::secret::Secret;

/// The changes of a Secret, by name.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) data: Changes,
    pub(super) labels: Changes,
    pub(super) annotations: Changes,
}

/// The changes of a section, each sorted.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) added: Vec<String>,
    pub(super) changed: Vec<String>,
    /// Owned by the manager, and no longer wanted.
    pub(super) removed: Vec<String>,
    pub(super) unchanged: Vec<String>,
    /// Not wanted, and owned by others.
    pub(super) foreign: Vec<String>,
    /// Fields to be taken over from an earlier owner.
    pub(super) claimed: Vec<Field>,
    /// Set if the manager does not own a wanted field yet.
    adopted: bool,
    pub(super) conflicts: Vec<Conflict>,
}

/// A field that another manager owns, with another value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) field: Field,
    /// Empty if the owner is unknown.
    pub(super) managers: Vec<String>,
}

impl Plan {
    pub(super) fn new(
        live: Option<&Secret>,
        desired: &Desired,
        manager: &str,
        operation: Operation,
    ) -> Self {
        let missing = Secret::default();
        let live = live.unwrap_or(&missing);
        let metadata = &live.metadata;
        let entries = metadata.managed_fields.as_deref().unwrap_or_default();
        let ownership = Ownership::new(entries, manager, operation);
        let none = BTreeMap::new();
        let labels = metadata.labels.as_ref().unwrap_or(&none);
        let annotations = metadata.annotations.as_ref().unwrap_or(&none);
        Self {
            data: compare(Section::Data, &desired.data, &live.data, &ownership),
            labels: compare(Section::Labels, &desired.labels, labels, &ownership),
            annotations: compare(
                Section::Annotations,
                &desired.annotations,
                annotations,
                &ownership,
            ),
        }
    }

    pub(super) fn sections(&self) -> [&Changes; 3] {
        [&self.data, &self.labels, &self.annotations]
    }

    /// Returns true if there is nothing to write. By an update nothing is adopted: it would not make the
    /// manager an owner.
    pub(super) fn is_empty(&self, operation: Operation) -> bool {
        let is_empty = |it: &Changes| {
            !it.changes_values()
                && it.claimed.is_empty()
                && !(it.adopted && operation == Operation::Apply)
        };
        self.sections().into_iter().all(is_empty)
    }

    pub(super) fn claimed(&self) -> Vec<Field> {
        let sections = self.sections().into_iter();
        sections.flat_map(|it| it.claimed.clone()).collect()
    }

    pub(super) fn conflicts(&self) -> Vec<&Conflict> {
        let sections = self.sections().into_iter();
        sections.flat_map(|it| &it.conflicts).collect()
    }
}

impl Changes {
    pub(super) fn changes_values(&self) -> bool {
        [&self.added, &self.changed, &self.removed]
            .into_iter()
            .any(|names| !names.is_empty())
    }

    fn add_wanted(&mut self, field: Field, is_equal: bool, owners: Owners) {
        let name = field.name.clone();
        if owners.is_claimable {
            self.claimed.push(field.clone());
        }
        self.adopted |= !owners.is_current;
        if is_equal {
            return self.unchanged.push(name);
        }
        self.changed.push(name);
        let is_known = owners.is_ours || owners.is_claimable;
        if !owners.others.is_empty() || !is_known {
            self.conflicts.push(Conflict {
                field,
                managers: owners.others,
            });
        }
    }

    fn add_unwanted(&mut self, field: Field, owners: Owners) {
        let name = field.name.clone();
        if !owners.is_ours || !owners.others.is_empty() {
            return self.foreign.push(name);
        }
        if owners.is_claimable {
            self.claimed.push(field);
        }
        self.removed.push(name);
    }
}

fn compare<V: PartialEq>(
    section: Section,
    wanted: &BTreeMap<String, V>,
    live: &BTreeMap<String, V>,
    ownership: &Ownership<'_>,
) -> Changes {
    let mut changes = Changes::default();
    for (name, value) in wanted {
        let owners = ownership.of(section, name);
        let name = name.clone();
        match live.get(&name) {
            None => changes.added.push(name),
            Some(old) => changes.add_wanted(Field { section, name }, old == value, owners),
        }
    }
    for name in live.keys().filter(|name| !wanted.contains_key(*name)) {
        let owners = ownership.of(section, name);
        let name = name.clone();
        changes.add_unwanted(Field { section, name }, owners);
    }
    changes
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
    use serde_json::json;

    use super::super::ownership::{PREDECESSOR, entry};
    use super::super::secret::Encoded;
    use super::*;

    fn data(entries: &[(&str, &str)]) -> BTreeMap<String, Encoded> {
        let entries = entries.iter();
        entries
            .map(|(name, value)| ((*name).to_owned(), Encoded::of(&(*value).into())))
            .collect()
    }

    fn plan(
        live: &[(&str, &str)],
        managed: Vec<ManagedFieldsEntry>,
        wanted: &[(&str, &str)],
    ) -> Plan {
        let mut secret = Secret {
            data: data(live),
            ..Secret::default()
        };
        secret.metadata.managed_fields = Some(managed);
        let desired = Desired {
            data: data(wanted),
            ..Desired::default()
        };
        Plan::new(Some(&secret), &desired, "ours", Operation::Apply)
    }

    fn of(manager: &str, operation: &str, names: &[&str]) -> ManagedFieldsEntry {
        let fields = names.iter().map(|name| (format!("f:{name}"), json!({})));
        let fields: serde_json::Map<_, _> = fields.collect();
        entry(manager, operation, json!({ "f:data": fields }))
    }

    #[test]
    fn own_entries_are_changed_and_removed_and_foreign_ones_stay() {
        let live = [("A", "1"), ("B", "1"), ("C", "1"), ("D", "1")];
        let managed = vec![
            of("ours", "Apply", &["A", "B", "C"]),
            of("other", "Update", &["D"]),
        ];
        let plan = plan(&live, managed, &[("A", "1"), ("B", "2"), ("E", "1")]);
        let changes = &plan.data;
        assert_eq!(changes.unchanged, ["A"]);
        assert_eq!(changes.changed, ["B"]);
        assert_eq!(changes.removed, ["C"]);
        assert_eq!(changes.foreign, ["D"]);
        assert_eq!(changes.added, ["E"]);
        assert!(plan.conflicts().is_empty() && plan.claimed().is_empty());
        assert!(!plan.is_empty(Operation::Apply));
    }

    #[test]
    fn an_equal_entry_of_another_is_adopted_by_an_apply_alone() {
        let managed = || vec![of("other", "Update", &["A"])];
        let equal = plan(&[("A", "1")], managed(), &[("A", "1")]);
        assert!(!equal.is_empty(Operation::Apply));
        assert!(equal.is_empty(Operation::Update));
        let own = vec![of("ours", "Apply", &["A"])];
        assert!(plan(&[("A", "1")], own, &[("A", "1")]).is_empty(Operation::Apply));
    }

    #[test]
    fn another_value_of_another_manager_is_a_conflict() {
        for managed in [
            vec![of("other", "Update", &["A"])],
            vec![of("ours", "Apply", &["A"]), of("other", "Apply", &["A"])],
        ] {
            let plan = plan(&[("A", "1")], managed, &[("A", "2")]);
            assert_eq!(plan.conflicts()[0].managers, ["other"]);
        }
        let unknown = plan(&[("A", "1")], Vec::new(), &[("A", "2")]);
        assert!(unknown.conflicts()[0].managers.is_empty());
    }

    #[test]
    fn a_shared_entry_is_not_removed() {
        let managed = vec![of("ours", "Apply", &["A"]), of("other", "Apply", &["A"])];
        let plan = plan(&[("A", "1")], managed, &[]);
        assert_eq!(plan.data.foreign, ["A"]);
    }

    #[test]
    fn wanted_entries_of_the_predecessor_are_claimed_once() {
        let live = [("A", "1"), ("B", "1"), ("C", "1")];
        let managed = vec![of(PREDECESSOR, "Update", &["A", "B", "C"])];
        let first = plan(&live, managed, &[("A", "1"), ("B", "2")]);
        assert!(first.conflicts().is_empty());
        assert_eq!(first.claimed().len(), 2);
        assert_eq!(first.data.foreign, ["C"]);
        let managed = vec![
            of(PREDECESSOR, "Update", &["B"]),
            of("ours", "Apply", &["A"]),
        ];
        let later = plan(&live, managed, &[("A", "1"), ("B", "2")]);
        assert_eq!(later.conflicts()[0].managers, [PREDECESSOR]);
    }
}
