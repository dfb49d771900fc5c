//! The pending rotation: both values, in a secret of its own in the vault.
//!
//! It is one JSON text under a name of its own, so it is encrypted and bound as any value. It also names the
//! secret that it belongs to, and never a command: the vault must not choose what is run.

use helvetisafe::{ErrorKind, Expiry, KeyName, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::Vault;
use crate::ui::key_names;

/// The version of the format.
const VERSION: u32 = 1;

/// Both values of a rotation, and what it is about.
pub(super) struct Pending {
    pub(super) field: Option<String>,
    pub(super) old: SecretString,
    pub(super) new: SecretString,
    /// The expiry that the secret gets with the new value.
    pub(super) expiry: Expiry,
    /// Set if a command is to set the new value elsewhere.
    pub(super) has_command: bool,
}

/// The JSON of a pending rotation. Its values are wiped with the heap.
#[derive(Serialize, Deserialize)]
struct Record {
    version: u32,
    key: String,
    field: Option<String>,
    old: String,
    new: String,
    expiry: NewExpiry,
    has_command: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NewExpiry {
    Keep,
    Never,
    At(Timestamp),
}

impl Pending {
    /// Fails if the expiry of the new value has passed: no vault would accept it after CMD.
    pub(super) fn check_expiry(&self) -> Result<(), Failure> {
        match self.expiry {
            Expiry::At(time) if time <= Timestamp::now() => Err(Failure::usage(format_args!(
                "the expiry of the new value, {time}, has passed; give another one with --expires-in, --expires-at \
                 or --never-expires"
            ))),
            _ => Ok(()),
        }
    }

    /// Returns true if the values and the field are the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.field == other.field
            && self.old.expose_secret() == other.old.expose_secret()
            && self.new.expose_secret() == other.new.expose_secret()
    }
}

/// Stores a pending rotation; it never expires. Fails if there is one.
pub(super) fn create(
    slot: &KeyName,
    key: &KeyName,
    pending: &Pending,
    vault: &Vault,
) -> Result<(), Failure> {
    let text = encode(key, pending)?;
    let created = vault.write(|secrets| secrets.create(slot, text.as_str(), Expiry::Never))?;
    created.map(drop).map_err(|error| match error.kind() {
        ErrorKind::Conflict => Failure::new(
            Status::Conflict,
            format_args!(
                "another rotation of `{key}` was begun at the same time; it is pending in `{slot}`, and \
                 this one changed nothing"
            ),
        ),
        _ => Failure::from(error).with_advice(&format!(
            "`{key}` was not changed; if `{slot}` exists now, {} deletes it",
            advice::command(format_args!("rotate {key} --abandon"))
        )),
    })
}

/// Reads the pending rotation of a secret; `None` if there is none.
pub(super) fn read(
    slot: &KeyName,
    key: &KeyName,
    vault: &Vault,
) -> Result<Option<Pending>, Failure> {
    match vault.write(|secrets| secrets.get(slot))? {
        Ok(secret) => match decode(secret.expose_secret(), key) {
            Some(pending) => Ok(Some(pending)),
            None => Err(Failure::new(
                Status::Conflict,
                format_args!(
                    "the secret `{slot}` exists, but is no pending rotation of `{key}` that this version \
                     can read; rename it with {} if it is yours",
                    advice::command(format_args!("move {slot} NEW_NAME"))
                ),
            )),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Deletes the pending rotation, also if another command was faster.
pub(super) fn delete(slot: &KeyName, vault: &Vault) -> Result<(), Failure> {
    match vault.write(|secrets| secrets.delete(slot))? {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Warns if the pending rotation of a deleted or moved secret is still in the vault. An account that may not read
/// gets no warning.
pub(in crate::commands) fn warn_if_left(key: &KeyName, vault: &Vault) -> Result<(), Failure> {
    let Ok(slot) = key_names::pending(key) else {
        return Ok(());
    };
    if let Ok(true) = vault.write(|secrets| secrets.exists(&slot))? {
        let get = advice::command(format_args!("get {slot}"));
        let abandon = advice::command(format_args!("rotate {key} --abandon"));
        vault.messages.warning(format_args!(
            "a rotation of `{key}` is still pending in `{slot}`, which has the old and the new value: {get} \
             shows them, and {abandon} deletes it"
        ));
    }
    Ok(())
}

fn encode(key: &KeyName, pending: &Pending) -> Result<Zeroizing<String>, Failure> {
    let record = Record {
        version: VERSION,
        key: key.as_str().to_owned(),
        field: pending.field.clone(),
        old: pending.old.expose_secret().to_owned(),
        new: pending.new.expose_secret().to_owned(),
        expiry: match pending.expiry {
            Expiry::Never => NewExpiry::Never,
            Expiry::At(time) => NewExpiry::At(time),
            _ => NewExpiry::Keep,
        },
        has_command: pending.has_command,
    };
    serde_json::to_string(&record)
        .map(Zeroizing::new)
        .map_err(|error| Failure::other(format_args!("cannot write JSON: {error}")))
}

/// Decodes a pending rotation; `None` if the text is none of this secret.
fn decode(text: &str, key: &KeyName) -> Option<Pending> {
    let record: Record = serde_json::from_str(text).ok()?;
    (record.version == VERSION && record.key == key.as_str()).then(|| Pending {
        field: record.field,
        old: record.old.into(),
        new: record.new.into(),
        expiry: match record.expiry {
            NewExpiry::Keep => Expiry::Keep,
            NewExpiry::Never => Expiry::Never,
            NewExpiry::At(time) => Expiry::At(time),
        },
        has_command: record.has_command,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_rotation_is_read_back_for_its_secret_alone() {
        let key = KeyName::parse("KEY").unwrap();
        let time = "2030-01-31T12:00:00Z".parse().unwrap();
        for expiry in [Expiry::Keep, Expiry::Never, Expiry::At(time)] {
            let pending = Pending {
                field: Some("F".to_owned()),
                old: "o\"ld\n".into(),
                new: "nëw".into(),
                expiry,
                has_command: true,
            };
            let text = encode(&key, &pending).unwrap();
            let read = decode(&text, &key).unwrap();
            assert!(read.is_same(&pending) && read.has_command);
            assert_eq!(read.expiry, expiry);
            assert!(decode(&text, &KeyName::parse("OTHER").unwrap()).is_none());
            assert!(decode(&text.replace("\"version\":1", "\"version\":2"), &key).is_none());
        }
        assert!(decode("value", &key).is_none());
    }
}
