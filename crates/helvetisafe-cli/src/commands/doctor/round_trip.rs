//! The check that creates, reads and deletes a secret.

use std::time::Duration;

use helvetisafe::{Error, ErrorKind, KeyName, Secrets, Timestamp};

use super::checks::explained;
use super::report::Report;
use crate::failure::{Failure, Status};
use crate::random;
use crate::settings::Settings;
use crate::ui::key_names;

/// The time after which the secret expires if it cannot be deleted.
const LIFE: Duration = Duration::from_secs(300);

/// Creates, reads and deletes a secret with a random name and a random value.
pub(super) fn run(
    report: &mut Report<'_>,
    settings: &Settings,
    secrets: Secrets<'_>,
) -> Result<(), Failure> {
    let key = key_names::parse(&format!(
        "HELVETISAFE_DOCTOR_{}",
        *random::hex(&*random::bytes::<8>()?)
    ))?;
    let value = random::hex(&*random::bytes::<8>()?);
    let created = secrets.create(&key, &value, Timestamp::now() + LIFE);
    created.map_err(|error| match error.kind() {
        ErrorKind::Ambiguous => may_remain(error, &key, settings),
        _ => explained(error, settings),
    })?;
    let read = read(settings, secrets, &key, &value);
    let deleted = secrets.delete(&key);
    read?;
    deleted.map_err(|error| may_remain(error, &key, settings))?;
    report.ok("a secret was created, read and deleted");
    Ok(())
}

fn read(
    settings: &Settings,
    secrets: Secrets<'_>,
    key: &KeyName,
    value: &str,
) -> Result<(), Failure> {
    let secret = secrets.get(key);
    let secret = secret.map_err(|error| explained(error, settings))?;
    if secret.expose_secret() == value {
        return Ok(());
    }
    Err(Failure::new(
        Status::Crypto,
        format_args!("`{key}` reads differently than it was written; ask the vault's owner"),
    ))
}

/// Adds that the secret may still exist.
fn may_remain(error: Error, key: &KeyName, settings: &Settings) -> Failure {
    explained(error, settings).with_advice(&format!(
        "if `{key}` still exists, it expires in {} minutes",
        LIFE.as_secs() / 60
    ))
}
