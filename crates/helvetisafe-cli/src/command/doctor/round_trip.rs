//! The check that writes: a secret of its own, there and back.

use std::time::Duration;

use helvetisafe::{Client, ErrorKind, KeyName, Secrets, Timestamp};

use super::report::Report;
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::keys;

/// When it goes, should it be left behind.
const LIFE: Duration = Duration::from_secs(300);

/// Creates, reads and deletes a secret with a random name and a random value.
pub(super) fn run(
    report: &mut Report<'_>,
    client: &Client,
    context: &Context,
) -> Result<(), Failure> {
    let secrets = context.budget()?.bound(client.secrets());
    let key = keys::parse(&format!("HELVETISAFE_DOCTOR_{}", random()?))?;
    let value = random()?;
    let created = secrets.create(&key, &value, Timestamp::now() + LIFE);
    created.map_err(|error| match error.kind() {
        ErrorKind::Ambiguous => left_behind(error.into(), &key),
        _ => error.into(),
    })?;
    let read = read(secrets, &key, &value);
    let deleted = secrets.delete(&key);
    read?;
    deleted.map_err(|error| left_behind(error.into(), &key))?;
    report.ok("a secret was created, read and deleted");
    Ok(())
}

fn read(secrets: Secrets<'_>, key: &KeyName, value: &str) -> Result<(), Failure> {
    let secret = secrets.get(key)?;
    if secret.expose_secret() == value {
        return Ok(());
    }
    Err(Failure::new(
        Status::Crypto,
        format_args!("`{key}` reads otherwise than it was written; ask the vault's owner"),
    ))
}

/// The secret may be there still.
fn left_behind(failure: Failure, key: &KeyName) -> Failure {
    failure.with_advice(&format!(
        "should `{key}` be left behind, it expires in {} minutes",
        LIFE.as_secs() / 60
    ))
}

/// 16 hexadecimal digits.
fn random() -> Result<String, Failure> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::other(format_args!("no randomness: {error}")))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}
