//! The vault's OpenAPI document: its operations, and a check of answers against it.

use helvetisafe_proto::ErrorCode;
use serde_json::Value;

use crate::support::{Answer, secret, update};

pub(crate) struct Document(Value);

/// A method of a path.
#[derive(Clone, Copy)]
pub(crate) struct Operation<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    spec: &'a Value,
}

impl Document {
    pub(crate) fn new() -> Self {
        Self(serde_json::from_str(include_str!("../../src/http/openapi.json")).unwrap())
    }

    pub(crate) fn value(&self) -> &Value {
        &self.0
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0["paths"].as_object().unwrap().keys().map(|p| &**p)
    }

    /// Returns the operations of the service's contract, and those of the vault alone.
    pub(crate) fn operations(&self) -> Vec<Operation<'_>> {
        let mut operations = self.all();
        operations.retain(|operation| operation.spec["tags"].is_null());
        operations
    }

    /// Returns the operations by which members administer their organization. Those with other tags have tests of their own.
    pub(crate) fn administration(&self) -> Vec<Operation<'_>> {
        let mut operations = self.all();
        operations.retain(|operation| operation.is_administrative());
        operations
    }

    /// Returns the operation of a method and a path.
    pub(crate) fn operation(&self, method: &str, path: &str) -> Operation<'_> {
        let mut operations = self.all().into_iter();
        let found = operations.find(|it| (it.method, it.path) == (method, path));
        found.unwrap_or_else(|| panic!("not documented: {method} {path}"))
    }

    pub(crate) fn all(&self) -> Vec<Operation<'_>> {
        let paths = self.0["paths"].as_object().unwrap();
        let mut operations = Vec::new();
        for (path, item) in paths {
            for (method, spec) in item.as_object().unwrap() {
                let method = METHODS
                    .iter()
                    .find(|known| known.eq_ignore_ascii_case(method))
                    .unwrap();
                operations.push(Operation { method, path, spec });
            }
        }
        operations
    }

    /// Returns the operations that need a token.
    pub(crate) fn calls(&self) -> Vec<Operation<'_>> {
        let mut calls = self.operations();
        calls.retain(|operation| operation.scope().is_some());
        calls
    }

    /// Follows a `$ref`.
    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => {
                let pointer = reference.strip_prefix('#').unwrap();
                self.0.pointer(pointer).unwrap()
            }
            None => value,
        }
    }

    /// Returns the documented response with a status; `None` if there is none.
    pub(crate) fn response(&self, operation: Operation<'_>, status: u16) -> Option<&Value> {
        // Read from the document, which may live longer than the operation.
        let method = operation.method.to_ascii_lowercase();
        let responses = &self.0["paths"][operation.path][method]["responses"];
        let response = &responses[status.to_string()];
        (!response.is_null()).then(|| self.resolve(response))
    }

    /// Fails unless status, headers and body match the document.
    #[track_caller]
    pub(crate) fn check(&self, operation: Operation<'_>, answer: &Answer) {
        let what = format!("{} {}: {answer:?}", operation.method, operation.path);
        let Some(response) = self.response(operation, answer.status) else {
            panic!("not documented: {what}");
        };
        for (name, header) in response["headers"].as_object().unwrap() {
            let schema = &self.resolve(header)["schema"];
            let text = answer.headers[name].to_str().unwrap();
            let value = if schema["type"] == "integer" {
                text.parse::<u64>().unwrap().into()
            } else {
                Value::from(text)
            };
            assert_eq!(self.mismatch(schema, &value), None, "{name} of {what}");
        }
        if let Some(code) = answer.body["code"].as_str() {
            let code: ErrorCode = code.parse().unwrap();
            assert_eq!(code.status().as_u16(), answer.status, "{what}");
            assert!(codes_in(response).contains(&code), "{what}");
        }
        let schema = &response["content"]["application/json"]["schema"];
        if schema.is_null() {
            assert_eq!(answer.body, Value::Null, "{what}");
        } else {
            assert_eq!(answer.headers["content-type"], "application/json", "{what}");
            assert_eq!(self.mismatch(schema, &answer.body), None, "{what}");
        }
    }

    /// Returns the first mismatch between a value and a schema. Supports the keywords that the document uses
    /// for answers, and fails at others.
    fn mismatch(&self, schema: &Value, value: &Value) -> Option<String> {
        let schema = self.resolve(schema);
        for (word, constraint) in schema.as_object().unwrap() {
            let is_met = match &**word {
                "type" => has_type(constraint, value),
                "const" => value == constraint,
                "enum" => constraint.as_array().unwrap().contains(value),
                "minimum" => value.as_i64() >= constraint.as_i64(),
                "minLength" => value.as_str().map(str::len) >= Some(size(constraint)),
                "maxLength" => value.as_str().map(str::len) <= Some(size(constraint)),
                "format" => value.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(),
                "required" => constraint
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|name| value.get(name.as_str().unwrap()).is_some()),
                "additionalProperties" => value
                    .as_object()
                    .unwrap()
                    .keys()
                    .all(|name| schema["properties"].get(name).is_some()),
                "properties" | "items" | "description" | "contentEncoding" | "pattern" => true,
                other => panic!("teach the test {other:?}"),
            };
            if !is_met {
                return Some(format!("{word} {constraint} of {value}"));
            }
        }
        self.mismatch_within(schema, value)
    }

    fn mismatch_within(&self, schema: &Value, value: &Value) -> Option<String> {
        let members = value.as_object().into_iter().flatten();
        let members = members.filter_map(|(name, value)| {
            let schema = schema["properties"].get(name)?;
            self.mismatch(schema, value)
        });
        let rows = value.as_array().into_iter().flatten();
        let rows = rows.filter_map(|row| self.mismatch(&schema["items"], row));
        members.chain(rows).next()
    }
}

/// Returns the codes in the description of a response.
pub(crate) fn codes_in(response: &Value) -> Vec<ErrorCode> {
    let description = response["description"].as_str().unwrap();
    let quoted = description.split('`').skip(1).step_by(2);
    quoted.filter_map(|text| text.parse().ok()).collect()
}

fn size(constraint: &Value) -> usize {
    usize::try_from(constraint.as_u64().unwrap()).unwrap()
}

fn has_type(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("teach the test {other:?}"),
    }
}

pub(crate) const METHODS: [&str; 9] = [
    "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "QUERY",
];

impl<'a> Operation<'a> {
    /// Returns the scope that every alternative of the operation's security requires.
    pub(crate) fn scope(&self) -> Option<&'a str> {
        let alternatives = self.spec["security"].as_array().unwrap();
        let mut scopes = alternatives
            .iter()
            .flat_map(|alternative| alternative.as_object().unwrap().values())
            .filter_map(|scopes| scopes[0].as_str());
        let scope = scopes.next()?;
        assert!(scopes.all(|other| other == scope), "{}", self.path);
        Some(scope)
    }

    pub(crate) fn statuses(&self) -> Vec<u16> {
        let responses = self.spec["responses"].as_object().unwrap();
        responses
            .keys()
            .map(|status| status.parse().unwrap())
            .collect()
    }

    fn is_administrative(&self) -> bool {
        self.spec["tags"][0] == "administration"
    }

    pub(crate) fn has_body(&self) -> bool {
        !self.spec["requestBody"].is_null()
    }

    /// Returns true if a request to this path is one of the operation.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        let path = path.split('?').next().unwrap();
        match self.path.split_once("{id}") {
            Some((start, _)) => path.starts_with(start),
            None => path == self.path,
        }
    }

    /// Returns the path for a secret.
    pub(crate) fn path_for(&self, key: &str) -> String {
        let path = self.path.replace("{key}", key);
        path.replace("{id}", "0000000000000001")
    }

    /// Returns a valid body for a secret; `None` if the operation has no body.
    pub(crate) fn body_for(&self, key: &str) -> Option<Value> {
        let content = self.spec["requestBody"]["content"].get("application/json")?;
        Some(match content["schema"]["$ref"].as_str().unwrap() {
            "#/components/schemas/NewSecret" => secret(key),
            "#/components/schemas/SecretUpdate" => update(),
            other => panic!("teach the test {other:?}"),
        })
    }
}
