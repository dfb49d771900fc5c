//! The stored Secrets, and the rules for writing them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::fields::{self, Managers};
use super::http::Request;

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json";

/// A failure in the form of the API.
pub(super) struct Refusal {
    pub(super) code: u16,
    reason: String,
    message: String,
    causes: Vec<Value>,
}

impl Refusal {
    pub(super) fn new(code: u16, reason: &str, message: &str) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
            message: message.to_owned(),
            causes: Vec::new(),
        }
    }

    pub(super) fn not_found(name: &str) -> Self {
        Self::new(404, "NotFound", &format!("secrets \"{name}\" not found"))
    }

    fn invalid(name: &str, what: &str) -> Self {
        let message = format!("Secret \"{name}\" is invalid: {what}");
        Self::new(422, "Invalid", &message)
    }

    pub(super) fn status(&self) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
            "details": {"kind": "secrets", "causes": self.causes},
        })
    }
}

enum Kind {
    Apply { force: bool },
    Merge,
    Create,
    Replace,
}

/// A request that writes.
pub(super) struct Write {
    kind: Kind,
    manager: String,
    dry_run: bool,
    object: Value,
}

impl Write {
    /// Checks the content type, the parameters and the form of the body.
    pub(super) fn parse(request: &Request) -> Result<Self, Refusal> {
        let bad = |message: &str| Refusal::new(400, "BadRequest", message);
        let content = request.header("content-type").unwrap_or_default();
        let force = request.parameter("force");
        let kind = match (request.method.as_str(), content) {
            ("GET", _) => Kind::Replace,
            ("PATCH", APPLY) => Kind::Apply {
                force: force == Some("true"),
            },
            ("PATCH", MERGE) => Kind::Merge,
            // Without a content type it is JSON, unless it is a patch.
            ("POST", JSON | "") => Kind::Create,
            ("PUT", JSON | "") => Kind::Replace,
            _ => {
                let message =
                    format!("the body of the request was in an unknown format: {content}");
                return Err(Refusal::new(415, "UnsupportedMediaType", &message));
            }
        };
        let manager = request.parameter("fieldManager");
        let is_apply = matches!(kind, Kind::Apply { .. });
        if is_apply && manager.is_none() {
            return Err(bad(
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
            ));
        }
        if !is_apply && force.is_some() {
            return Err(bad(
                "force: Forbidden: may not be specified for non-apply patch",
            ));
        }
        let dry_run = match request.parameter("dryRun") {
            None => false,
            Some("All") => true,
            Some(_) => return Err(bad("dryRun: Unsupported value")),
        };
        let agent = request.header("user-agent").unwrap_or_default();
        let agent = agent.split('/').next().unwrap_or_default();
        let object = match request.method.as_str() {
            "GET" => Value::Null,
            _ => serde_json::from_slice(&request.body).map_err(|error| bad(&error.to_string()))?,
        };
        let write = Self {
            kind,
            manager: manager.unwrap_or(agent).to_owned(),
            dry_run,
            object,
        };
        if request.method != "GET" {
            write.check_form()?;
        }
        Ok(write)
    }

    pub(super) fn is_apply(&self) -> bool {
        matches!(self.kind, Kind::Apply { .. })
    }

    fn check_form(&self) -> Result<(), Refusal> {
        const KNOWN: [&str; 6] = [
            "apiVersion",
            "kind",
            "metadata",
            "data",
            "type",
            "immutable",
        ];
        let bad = |message: String| Refusal::new(400, "BadRequest", &message);
        let members = self
            .object
            .as_object()
            .ok_or_else(|| bad("no object".into()))?;
        if let Some(unknown) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(bad(format!("unknown field \"{unknown}\"")));
        }
        // Other requests take them from the path.
        if self.is_apply() && (self.object["apiVersion"] != "v1" || self.object["kind"] != "Secret")
        {
            return Err(bad("apiVersion and kind are required".into()));
        }
        if self.is_apply() && !self.object["metadata"]["managedFields"].is_null() {
            return Err(bad("metadata.managedFields must be nil".into()));
        }
        Ok(())
    }
}

#[derive(Default)]
pub(crate) struct Store {
    objects: BTreeMap<String, Value>,
    version: u64,
}

impl Store {
    pub(super) fn get(&self, name: &str) -> Option<Value> {
        self.objects.get(name).cloned()
    }

    /// Writes as another client that creates or replaces.
    pub(crate) fn put(&mut self, manager: &str, name: &str, mut object: Value) {
        object["metadata"]["name"] = name.into();
        let exists = self.objects.contains_key(name);
        let write = Write {
            kind: if exists { Kind::Replace } else { Kind::Create },
            manager: manager.to_owned(),
            dry_run: false,
            object,
        };
        let written = self.write(if exists { name } else { "" }, write);
        assert!(written.is_ok(), "{:?}", written.err().map(|it| it.message));
    }

    pub(super) fn owned(&self, name: &str, manager: &str, operation: &str) -> Vec<String> {
        let managed = &self.objects[name]["metadata"]["managedFields"];
        let mut managers = Managers::parse(managed).unwrap();
        let owned = managers
            .0
            .remove(&(manager.to_owned(), operation.to_owned()));
        owned.into_iter().flatten().collect()
    }

    /// Writes and returns the Secret, with the code of the answer.
    pub(super) fn write(&mut self, name: &str, write: Write) -> Result<(u16, Value), Refusal> {
        let named = write.object["metadata"]["name"]
            .as_str()
            .unwrap_or(name)
            .to_owned();
        let name = if matches!(write.kind, Kind::Create) {
            named.as_str()
        } else {
            name
        };
        if named != name {
            return Err(Refusal::new(
                400,
                "BadRequest",
                "the name of the object does not match the name on the URL",
            ));
        }
        let live = self.objects.get(name);
        check_version(name, live, &write.object)?;
        let (mut object, managers) = match (&write.kind, live) {
            (Kind::Create, Some(_)) => {
                let message = format!("secrets \"{name}\" already exists");
                return Err(Refusal::new(409, "AlreadyExists", &message));
            }
            (Kind::Replace | Kind::Merge, None) => return Err(Refusal::not_found(name)),
            (Kind::Apply { force }, _) => applied(name, live, &write, *force)?,
            (Kind::Merge, Some(live)) => {
                let mut new = live.clone();
                merge(&mut new, &write.object);
                updated(live, new, &write)?
            }
            (Kind::Create, None) => updated(&new_object(name), write.object.clone(), &write)?,
            (Kind::Replace, Some(live)) => updated(live, write.object.clone(), &write)?,
        };
        check(name, live, &mut object)?;
        object["apiVersion"] = "v1".into();
        object["kind"] = "Secret".into();
        object["metadata"]["managedFields"] = managers.to_json();
        let code = if live.is_some() { 200 } else { 201 };
        if write.dry_run {
            return Ok((code, object));
        }
        for part in ["uid", "resourceVersion", "creationTimestamp", "namespace"] {
            object["metadata"][part] = live.map_or(Value::Null, |it| it["metadata"][part].clone());
        }
        if live != Some(&object) {
            self.version += 1;
            object["metadata"]["resourceVersion"] = self.version.to_string().into();
        }
        object["metadata"]["uid"] = "1".into();
        object["metadata"]["namespace"] = super::NAMESPACE.into();
        object["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
        self.objects.insert(name.to_owned(), object.clone());
        Ok((code, object))
    }
}

fn new_object(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}})
}

/// A resource version in the request must be the stored one; without one there is no such check.
fn check_version(name: &str, live: Option<&Value>, object: &Value) -> Result<(), Refusal> {
    let wanted = &object["metadata"]["resourceVersion"];
    let found = live.map_or(&Value::Null, |live| &live["metadata"]["resourceVersion"]);
    if wanted.is_null() || wanted == found {
        return Ok(());
    }
    let message = format!(
        "Operation cannot be fulfilled on secrets \"{name}\": the object has been modified; please apply \
         your changes to the latest version and try again"
    );
    Err(Refusal::new(409, "Conflict", &message))
}

fn managers_of(object: &Value) -> Result<Managers, Refusal> {
    Managers::parse(&object["metadata"]["managedFields"])
        .map_err(|message| Refusal::new(422, "Invalid", &message))
}

/// Server-side apply: a field that another manager owns with another value is a conflict, and a field that this
/// manager alone applied before and does not apply now is removed.
fn applied(
    name: &str,
    live: Option<&Value>,
    write: &Write,
    force: bool,
) -> Result<(Value, Managers), Refusal> {
    let mut object = live.cloned().unwrap_or_else(|| new_object(name));
    let mut managers = managers_of(&object)?;
    let own = (write.manager.clone(), "Apply".to_owned());
    let (old, new) = (fields::of(&object), fields::of(&write.object));
    let mut causes = Vec::new();
    for (field, value) in &new {
        if old.get(field).is_none_or(|old| old == value) {
            continue;
        }
        let others: Vec<_> = managers.others(field, &own).cloned().collect();
        for (manager, operation) in others {
            let using = if operation == "Update" {
                " using v1"
            } else {
                ""
            };
            let path = format!(".{}", field.replace('/', "."));
            causes.push(json!({
                "reason": "FieldManagerConflict", "field": path,
                "message": format!("conflict with \"{manager}\"{using}"),
            }));
            if force {
                let owned = managers.0.get_mut(&(manager, operation)).unwrap();
                owned.remove(field);
            }
        }
    }
    if !causes.is_empty() && !force {
        let count = causes.len();
        let first = causes[0]["message"].as_str().unwrap();
        let message = format!(
            "Apply failed with {count} conflict: {first}: {}",
            causes[0]["field"]
        );
        let refusal = Refusal::new(409, "Conflict", &message);
        return Err(Refusal { causes, ..refusal });
    }
    let before = managers.0.remove(&own).unwrap_or_default();
    for field in before.iter().filter(|field| !new.contains_key(*field)) {
        if managers.others(field, &own).next().is_none() {
            fields::set(&mut object, field, None);
        }
    }
    managers.0.insert(own, new.keys().cloned().collect());
    for (field, value) in new {
        fields::set(&mut object, &field, Some(value));
    }
    Ok((object, managers))
}

/// An update: the manager becomes the only owner of each field that it changes. Managed fields in the request
/// replace the stored ones.
fn updated(live: &Value, mut object: Value, write: &Write) -> Result<(Value, Managers), Refusal> {
    let given = object["metadata"]
        .as_object_mut()
        .and_then(|it| it.remove("managedFields"));
    let mut managers = match given {
        Some(given) => {
            Managers::parse(&given).map_err(|message| Refusal::new(422, "Invalid", &message))?
        }
        None => managers_of(live)?,
    };
    if object["type"].is_null() {
        object["type"] = "Opaque".into();
    }
    let (old, new) = (fields::of(live), fields::of(&object));
    for field in old.keys().filter(|field| !new.contains_key(*field)) {
        managers.disown(field);
    }
    for (field, _) in new
        .iter()
        .filter(|(field, value)| old.get(*field) != Some(*value))
    {
        managers.disown(field);
        let own = (write.manager.clone(), "Update".to_owned());
        managers.0.entry(own).or_default().insert(field.clone());
    }
    Ok((object, managers))
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let target = target.as_object_mut().unwrap();
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// The validation of a Secret.
fn check(name: &str, live: Option<&Value>, object: &mut Value) -> Result<(), Refusal> {
    if object["type"].is_null() {
        object["type"] = "Opaque".into();
    }
    let empty = serde_json::Map::new();
    let mut size = 0;
    for (key, value) in object["data"].as_object().unwrap_or(&empty) {
        if !key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
            || key.is_empty()
        {
            return Err(Refusal::invalid(
                name,
                &format!("data[{key}]: Invalid value: \"{key}\""),
            ));
        }
        let decoded = value.as_str().and_then(|value| STANDARD.decode(value).ok());
        let decoded =
            decoded.ok_or_else(|| Refusal::new(400, "BadRequest", "illegal base64 data"))?;
        size += decoded.len();
    }
    if size > 1024 * 1024 {
        return Err(Refusal::invalid(
            name,
            "data: Too long: may not be more than 1048576 bytes",
        ));
    }
    let Some(live) = live else { return Ok(()) };
    if live["type"] != object["type"] {
        return Err(Refusal::invalid(
            name,
            "type: Invalid value: field is immutable",
        ));
    }
    let is_immutable = live["immutable"] == true;
    if is_immutable && object["immutable"] != true {
        return Err(Refusal::invalid(
            name,
            "immutable: Forbidden: field is immutable when `immutable` is set",
        ));
    }
    if is_immutable && live["data"] != object["data"] {
        return Err(Refusal::invalid(
            name,
            "data: Forbidden: field is immutable when `immutable` is set",
        ));
    }
    Ok(())
}
