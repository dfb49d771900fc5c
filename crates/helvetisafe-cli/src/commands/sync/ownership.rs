//! The managed fields of a Secret: the field managers, and the entries, labels and annotations that each
//! owns.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::{Map, Value, json};

/// The field manager of the Python package `helvetisafe-vault-k8s`: the user agent of its client.
pub(super) const PREDECESSOR: &str = "OpenAPI-Generator";

const APPLY: &str = "Apply";
const UPDATE: &str = "Update";

/// A part of a Secret whose members have owners one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Data,
    Labels,
    Annotations,
}

/// A member of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) section: Section,
    pub(super) name: String,
}

/// The kind of a request that writes. A manager has separate managed fields for each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Apply,
    Update,
}

/// The owners of a Secret's fields, as seen by one field manager.
pub(super) struct Ownership<'a> {
    entries: &'a [ManagedFieldsEntry],
    manager: &'a str,
    operation: Operation,
    has_synced: bool,
}

/// The owners of one field.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// Set if the manager owns the field by its operation.
    pub(super) is_current: bool,
    /// Set if the manager owns the field, by any operation.
    pub(super) is_ours: bool,
    /// Set if the field is to be taken over from an earlier owner.
    pub(super) is_claimable: bool,
    pub(super) others: Vec<String>,
}

impl<'a> Ownership<'a> {
    pub(super) fn new(
        entries: &'a [ManagedFieldsEntry],
        manager: &'a str,
        operation: Operation,
    ) -> Self {
        let mut own = entries.iter().map(|entry| entry.manager.as_deref());
        Self {
            entries,
            manager,
            operation,
            has_synced: own.any(|it| it == Some(manager)),
        }
    }

    /// Returns the owners of a field. Fields of the Python package are taken over only while the manager
    /// owns nothing: later they show that both write.
    pub(super) fn of(&self, section: Section, name: &str) -> Owners {
        let mut owners = Owners::default();
        for entry in self
            .entries
            .iter()
            .filter(|entry| owns(entry, section, name))
        {
            let manager = entry.manager.as_deref().unwrap_or_default();
            let operation = entry.operation.as_deref();
            if manager == self.manager {
                owners.is_ours = true;
                let is_current = operation == Some(self.operation.name());
                owners.is_current |= is_current;
                owners.is_claimable |= !is_current;
            } else if is_predecessor(entry) && !self.has_synced {
                owners.is_claimable = true;
            } else {
                owners.others.push(manager.to_owned());
            }
        }
        owners
    }

    /// Returns the managed fields after `taken` moved to the manager.
    pub(super) fn with_claimed(&self, taken: &[Field]) -> Vec<ManagedFieldsEntry> {
        let mut entries = self.entries.to_vec();
        let is_claimable = |entry: &ManagedFieldsEntry| {
            let manager = entry.manager.as_deref();
            manager == Some(self.manager) || (is_predecessor(entry) && !self.has_synced)
        };
        for field in taken {
            let from = entries.iter_mut().filter(|entry| is_claimable(entry));
            from.for_each(|entry| field.remove(entry));
        }
        let at = entries.iter().position(|entry| {
            entry.manager.as_deref() == Some(self.manager)
                && entry.operation.as_deref() == Some(self.operation.name())
        });
        let at = at.unwrap_or_else(|| {
            entries.push(self.entry());
            entries.len() - 1
        });
        taken.iter().for_each(|field| field.add(&mut entries[at]));
        entries
    }

    fn entry(&self) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            api_version: Some("v1".to_owned()),
            fields_type: Some("FieldsV1".to_owned()),
            fields_v1: Some(FieldsV1(json!({}))),
            manager: Some(self.manager.to_owned()),
            operation: Some(self.operation.name().to_owned()),
            ..ManagedFieldsEntry::default()
        }
    }
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Apply => APPLY,
            Self::Update => UPDATE,
        }
    }
}

impl Section {
    fn path(self) -> &'static [&'static str] {
        match self {
            Self::Data => &["f:data"],
            Self::Labels => &["f:metadata", "f:labels"],
            Self::Annotations => &["f:metadata", "f:annotations"],
        }
    }

    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Data => "entry",
            Self::Labels => "label",
            Self::Annotations => "annotation",
        }
    }

    /// Returns the fields of this section that an entry lists.
    fn fields(self, entry: &ManagedFieldsEntry) -> Option<&Map<String, Value>> {
        let all = &entry.fields_v1.as_ref()?.0;
        let mut path = self.path().iter();
        path.try_fold(all, |value, name| value.get(name))?
            .as_object()
    }
}

impl Field {
    fn remove(&self, entry: &mut ManagedFieldsEntry) {
        let Some(FieldsV1(all)) = &mut entry.fields_v1 else {
            return;
        };
        let mut path = self.section.path().iter();
        let section = path.try_fold(all, |value, name| value.get_mut(name));
        if let Some(section) = section.and_then(Value::as_object_mut) {
            section.remove(&key(&self.name));
        }
    }

    fn add(&self, entry: &mut ManagedFieldsEntry) {
        let mut value = &mut entry.fields_v1.get_or_insert(FieldsV1(json!({}))).0;
        for name in self.section.path() {
            value = &mut object(value)[*name];
        }
        object(value)[key(&self.name)] = json!({});
    }
}

/// Returns the value as an object; anything else is replaced.
fn object(value: &mut Value) -> &mut Value {
    if !value.is_object() {
        *value = json!({});
    }
    value
}

fn is_predecessor(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(PREDECESSOR) && entry.operation.as_deref() == Some(UPDATE)
}

fn owns(entry: &ManagedFieldsEntry, section: Section, name: &str) -> bool {
    let fields = section.fields(entry);
    fields.is_some_and(|fields| fields.contains_key(&key(name)))
}

/// Returns the name of a field as managed fields have it.
fn key(name: &str) -> String {
    format!("f:{name}")
}

#[cfg(test)]
pub(super) fn entry(manager: &str, operation: &str, fields: Value) -> ManagedFieldsEntry {
    ManagedFieldsEntry {
        manager: Some(manager.to_owned()),
        operation: Some(operation.to_owned()),
        fields_v1: Some(FieldsV1(fields)),
        ..ManagedFieldsEntry::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(section: Section, name: &str) -> Field {
        let name = name.to_owned();
        Field { section, name }
    }

    #[test]
    fn fields_of_the_predecessor_are_claimed_until_the_manager_owns_some() {
        let fields = json!({"f:data": {".": {}, "f:A": {}, "f:B": {}}, "f:type": {}});
        let mut entries = vec![entry(PREDECESSOR, UPDATE, fields)];
        let ownership = Ownership::new(&entries, "ours", Operation::Apply);
        let owners = ownership.of(Section::Data, "A");
        assert!(owners.is_claimable && !owners.is_ours && owners.others.is_empty());

        let claimed = ownership.with_claimed(&[field(Section::Data, "A")]);
        let fields = |at: usize| &claimed[at].fields_v1.as_ref().unwrap().0;
        assert_eq!(
            *fields(0),
            json!({"f:data": {".": {}, "f:B": {}}, "f:type": {}})
        );
        assert_eq!(*fields(1), json!({"f:data": {"f:A": {}}}));
        assert_eq!(claimed[1].operation.as_deref(), Some(APPLY));

        entries = claimed;
        let owners = Ownership::new(&entries, "ours", Operation::Apply).of(Section::Data, "B");
        assert!(!owners.is_claimable);
        assert_eq!(owners.others, [PREDECESSOR]);
    }

    #[test]
    fn fields_of_an_own_update_move_to_the_apply() {
        let fields = json!({"f:metadata": {"f:labels": {"f:a/b": {}}}});
        let entries = [
            entry("ours", UPDATE, fields),
            entry("ours", APPLY, json!({"f:data": {"f:A": {}}})),
        ];
        let ownership = Ownership::new(&entries, "ours", Operation::Apply);
        let owners = ownership.of(Section::Labels, "a/b");
        assert!(owners.is_ours && owners.is_claimable && !owners.is_current);
        let claimed = ownership.with_claimed(&[field(Section::Labels, "a/b")]);
        assert_eq!(
            claimed[1].fields_v1.as_ref().unwrap().0,
            json!({"f:data": {"f:A": {}}, "f:metadata": {"f:labels": {"f:a/b": {}}}})
        );
        assert!(!owns(&claimed[0], Section::Labels, "a/b"));
    }

    #[test]
    fn fields_that_a_python_tool_has_later_stay_its_own() {
        let fields = || json!({"f:data": {"f:A": {}}});
        let entries = [
            entry("ours", UPDATE, fields()),
            entry(PREDECESSOR, UPDATE, fields()),
        ];
        let ownership = Ownership::new(&entries, "ours", Operation::Apply);
        let owners = ownership.of(Section::Data, "A");
        assert!(owners.is_claimable && owners.others == [PREDECESSOR]);
        let claimed = ownership.with_claimed(&[field(Section::Data, "A")]);
        assert!(!owns(&claimed[0], Section::Data, "A"));
        assert!(owns(&claimed[1], Section::Data, "A"));
        assert!(owns(&claimed[2], Section::Data, "A"));
    }

    #[test]
    fn odd_managed_fields_own_nothing() {
        let odd = [
            entry("ours", UPDATE, json!(1)),
            ManagedFieldsEntry::default(),
        ];
        let ownership = Ownership::new(&odd, "ours", Operation::Update);
        assert!(ownership.of(Section::Data, "A").others.is_empty());
        let claimed = ownership.with_claimed(&[field(Section::Data, "A")]);
        assert_eq!(claimed.len(), 2);
        assert!(owns(&claimed[0], Section::Data, "A"));
    }
}
