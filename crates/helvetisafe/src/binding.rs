//! Checks that a decrypted secret is the requested one.
//!
//! An envelope has no additional authenticated data, so a vault can hand out one secret for another. Only the
//! name inside the payload distinguishes them.

use helvetisafe_crypto::Payload;
use helvetisafe_proto::KeyName;

use crate::error::Cause;

/// The requirement that a payload names its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Binding {
    /// Any payload is accepted.
    AllowUnbound,
    /// Refuses a payload whose only field has the name of another key.
    #[default]
    RefuseOthers,
    /// The payload must name the key.
    Required,
}

impl Binding {
    /// Checks the payload of `key`. `fields` are the fields that the caller expects in it.
    pub(crate) fn check(
        self,
        key: &KeyName,
        payload: &Payload,
        fields: &[&str],
    ) -> Result<(), Cause> {
        if payload.is_bound() || self == Self::AllowUnbound {
            return Ok(());
        }
        if self == Self::Required {
            return Err(Cause::NotBound);
        }
        match other_name(key, payload) {
            Some(name) if !fields.contains(&name.as_str()) => Err(Cause::NamesAnother(name)),
            _ => Ok(()),
        }
    }
}

/// Returns the other key that a payload of one member names.
fn other_name(key: &KeyName, payload: &Payload) -> Option<KeyName> {
    let [field] = payload.fields() else {
        return None;
    };
    let name = KeyName::parse(field.name()).ok()?;
    (name != *key).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Binding::{AllowUnbound, RefuseOthers, Required};

    fn check(binding: Binding, payload: &str, fields: &[&str]) -> Result<(), String> {
        let payload = Payload::parse(payload.as_bytes().to_vec().into(), "A").unwrap();
        let checked = binding.check(&KeyName::parse("A").unwrap(), &payload, fields);
        checked.map_err(|cause| cause.to_string())
    }

    #[test]
    fn one_member_of_any_type_must_not_name_another_key() {
        for json in [r#""text""#, "5", "null", "true", "[]", r#"{"B":1}"#] {
            let payload = format!(r#"{{"B":{json}}}"#);
            let error = check(RefuseOthers, &payload, &[]).unwrap_err();
            assert!(error.contains("`B`"), "{error}");
            assert!(check(Required, &payload, &[]).is_err());
            assert!(check(AllowUnbound, &payload, &[]).is_ok());
            assert!(check(RefuseOthers, &payload, &["C", "B"]).is_ok(), "named");
            assert!(check(RefuseOthers, &payload, &["C"]).is_err());
            assert!(check(Required, &payload, &["B"]).is_err());
        }
        let doubled = r#"{"B":"1","B":"2"}"#;
        assert!(check(RefuseOthers, doubled, &[]).is_err(), "one name");
    }

    #[test]
    fn a_payload_that_cannot_be_another_secret_is_accepted() {
        for payload in [
            r#"{"A":"v"}"#,
            r#"{"A":5}"#,
            r#"{"B":"v","C":"v"}"#,
            r#"{"no-key":"v"}"#,
            r#"{"":"v"}"#,
            "{}",
            "legacy",
            // A field can have the name of another secret.
            r#"{"A":"v","B":"v"}"#,
        ] {
            assert_eq!(check(RefuseOthers, payload, &[]), Ok(()), "{payload}");
            let is_bound = [r#"{"A":"v"}"#, r#"{"A":5}"#].contains(&payload);
            assert_eq!(check(Required, payload, &[]).is_ok(), is_bound, "{payload}");
        }
    }
}
