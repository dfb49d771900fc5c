//! Fields of a Secret by path, such as `data/A`, and the managed fields that list them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

pub(super) type Fields = BTreeMap<String, Value>;

/// The parts of a Secret whose members are fields of their own.
const MAPS: [(&str, &str); 3] = [
    ("data", "/data"),
    ("labels", "/metadata/labels"),
    ("annotations", "/metadata/annotations"),
];
const SINGLE: [&str; 2] = ["type", "immutable"];

/// Returns the fields that have managers.
pub(super) fn of(object: &Value) -> Fields {
    let mut fields = Fields::new();
    for (prefix, pointer) in MAPS {
        for (name, value) in object
            .pointer(pointer)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            fields.insert(format!("{prefix}/{name}"), value.clone());
        }
    }
    for name in SINGLE {
        if !object[name].is_null() {
            fields.insert(name.to_owned(), object[name].clone());
        }
    }
    fields
}

/// Sets or removes a field.
pub(super) fn set(object: &mut Value, path: &str, value: Option<Value>) {
    let (holder, name) = match path.split_once('/') {
        Some(("data", name)) => (&mut object["data"], name),
        Some((section, name)) => (&mut object["metadata"][section], name),
        None => (object, path),
    };
    if !holder.is_object() {
        *holder = json!({});
    }
    let holder = holder.as_object_mut().unwrap();
    match value {
        Some(value) => holder.insert(name.to_owned(), value),
        None => holder.remove(name),
    };
}

/// The fields of each manager and operation.
#[derive(Clone, Debug, Default)]
pub(super) struct Managers(pub(super) BTreeMap<(String, String), BTreeSet<String>>);

impl Managers {
    pub(super) fn parse(entries: &Value) -> Result<Self, String> {
        let mut managers = Self::default();
        for entry in entries.as_array().into_iter().flatten() {
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            if text("fieldsType") != "FieldsV1" || text("apiVersion") != "v1" {
                return Err(format!("invalid managed fields: {entry}"));
            }
            if !["Apply", "Update"].contains(&text("operation").as_str()) {
                return Err(format!("invalid operation: {entry}"));
            }
            let fields = paths(&entry["fieldsV1"])?;
            managers
                .0
                .insert((text("manager"), text("operation")), fields);
        }
        Ok(managers)
    }

    pub(super) fn to_json(&self) -> Value {
        let owning = self.0.iter().filter(|(_, fields)| !fields.is_empty());
        let entries = owning.map(|((manager, operation), fields)| {
            let mut tree = json!({});
            for field in fields {
                let path: Vec<_> = match field.split_once('/') {
                    Some(("data", name)) => vec!["data", name],
                    Some((section, name)) => vec!["metadata", section, name],
                    None => vec![field],
                };
                let last = path.into_iter().fold(&mut tree, |at, part| {
                    let at = &mut at[format!("f:{part}")];
                    if at.is_null() {
                        *at = json!({});
                    }
                    at
                });
                *last = json!({});
            }
            if let Some(data) = tree.get_mut("f:data") {
                data["."] = json!({});
            }
            json!({
                "manager": manager, "operation": operation, "apiVersion": "v1",
                "fieldsType": "FieldsV1", "fieldsV1": tree, "time": "2026-01-01T00:00:00Z",
            })
        });
        entries.collect()
    }

    /// Removes a field from all managers.
    pub(super) fn disown(&mut self, field: &str) {
        for owned in self.0.values_mut() {
            owned.remove(field);
        }
    }

    /// Returns the managers, other than `own`, of a field.
    pub(super) fn others<'a>(
        &'a self,
        field: &'a str,
        own: &'a (String, String),
    ) -> impl Iterator<Item = &'a (String, String)> {
        let owners = self
            .0
            .iter()
            .filter(move |(_, fields)| fields.contains(field));
        owners
            .map(|(owner, _)| owner)
            .filter(move |owner| *owner != own)
    }
}

/// Returns the paths in the form of managed fields.
fn paths(tree: &Value) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    let object = |value: &Value| value.as_object().cloned().ok_or("a field is not an object");
    for (key, below) in object(tree)? {
        let members = |prefix: &str, tree: &Value| -> Result<Vec<String>, String> {
            let names = object(tree)?;
            let names = names.keys().filter_map(|name| name.strip_prefix("f:"));
            Ok(names.map(|name| format!("{prefix}/{name}")).collect())
        };
        match key.as_str() {
            "f:data" => found.extend(members("data", &below)?),
            "f:metadata" => {
                for (section, below) in object(&below)? {
                    found.extend(members(section.trim_start_matches("f:"), &below)?);
                }
            }
            "f:type" | "f:immutable" => drop(found.insert(key[2..].to_owned())),
            _ => return Err(format!("an unknown field {key}")),
        }
    }
    Ok(found)
}
