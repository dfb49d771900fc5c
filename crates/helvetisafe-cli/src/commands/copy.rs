//! `copy KEY NEW` and `move KEY NEW`: give a secret another name.

use helvetisafe::{Error, ErrorKind, Field, KeyName, Secret, Secrets, Timestamp, Written};
use serde::Serialize;

use super::replacement::{self, Present, Refusal, Replacement};
use super::rotate;
use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::Vault;
use crate::ui::{Ui, key_names};

pub(super) const COPY_EXAMPLES: &str = "\
Examples:
  helvetisafe copy DB_PASSWORD DB_PASSWORD_OLD
  helvetisafe copy STAGING_KEY TEST_KEY --overwrite";

pub(super) const MOVE_EXAMPLES: &str = "\
Examples:
  helvetisafe move DB_PASWORD DB_PASSWORD
  helvetisafe move NEW_TOKEN TOKEN --overwrite";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The secret.
    #[arg(value_name = "KEY")]
    key: String,
    /// Its new name.
    #[arg(value_name = "NEW")]
    new_key: String,
    /// Replace the secret NEW if it exists.
    #[arg(long)]
    overwrite: bool,
    /// Allow a loss of fields: those of NEW that the secret KEY does not have, and those that KEY has beside a
    /// value of its own name.
    #[arg(long)]
    drop_fields: bool,
}

pub(super) fn run_copy(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    Copy::make(args, vault)?.report("copied", ui)
}

pub(super) fn run_move(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let copy = Copy::make(args, vault)?;
    match vault.write(|secrets| secrets.delete(&copy.key))? {
        // Another client may have deleted it before.
        Err(error) if error.kind() != ErrorKind::NotFound => {
            let (key, new_key) = (&copy.key, &copy.new_key);
            let delete = advice::command(format_args!("delete {key}"));
            Err(Failure::from(error).with_advice(&format!(
                "`{new_key}` is complete, and `{key}` may still be there: {delete} finishes the move"
            )))
        }
        _ => {
            vault.note_name(&copy.key, false);
            copy.report("moved", ui)?;
            rotate::warn_if_left(&copy.key, vault)
        }
    }
}

/// A copy that was written, read back and compared.
struct Copy {
    key: KeyName,
    new_key: KeyName,
    expires_at: Option<Timestamp>,
}

impl Copy {
    fn make(args: &Args, vault: &Vault) -> Result<Self, Failure> {
        let key = key_names::parse(&args.key)?;
        let new_key = key_names::parse(&args.new_key)?;
        if key == new_key {
            return Err(Failure::usage(format_args!(
                "the old and the new name are both `{key}`; nothing was changed; give another name"
            )));
        }
        let failed = |error| not_written(error, &key, &new_key, vault);
        let keys = [&key, &new_key].into_iter();
        vault.client_to_write_over(keys.take(1 + usize::from(args.overwrite)))?;
        let secret = vault.write(|secrets| secrets.get(&key))?.map_err(failed)?;
        refuse_others(&secret, args)?;
        let written = vault.write(|secrets| match args.overwrite {
            true => replace(secrets, args, &secret, &new_key),
            false => secrets
                .copy(&key, &new_key)
                .map(Written::Created)
                .map_err(Refusal::Failed),
        })?;
        written.map_err(|refusal| match refusal {
            Refusal::Failed(error) => failed(error),
            other => other.into_failure(&new_key, "", Failure::from),
        })?;
        vault.note_name(&key, true);
        vault.note_name(&new_key, true);
        let read_back = |secrets: Secrets<'_>| Ok((secrets.get(&key)?, secrets.get(&new_key)?));
        let (old, new) = vault.write(read_back)?.map_err(|error: Error| {
            let state =
                format!("`{new_key}` was written, but not checked; `{key}` was not changed");
            // That is about the reads alone.
            let failure = Failure::from(error).without_advice("nothing was sent");
            failure.with_advice(&state)
        })?;
        if !is_same(&old, &new) {
            return Err(Failure::new(
                Status::Conflict,
                format_args!(
                    "`{new_key}` was written, but differs from `{key}` when both are read: \
                     one of them may have been changed meanwhile; check both"
                ),
            ));
        }
        let expires_at = new.expires_at();
        Ok(Self {
            key,
            new_key,
            expires_at,
        })
    }

    fn report(&self, action: &'static str, ui: &Ui) -> Result<(), Failure> {
        let (key, new_key) = (&self.key, &self.new_key);
        if ui.json {
            return ui.output.json(&Json {
                key: key.as_str(),
                new_key: new_key.as_str(),
                action,
                expires_at: self.expires_at,
            });
        }
        ui.messages
            .done(format_args!("{action} `{key}` to `{new_key}`"));
        Ok(())
    }
}

/// Refuses a secret with fields beside its value, which the copy would not have.
fn refuse_others(secret: &Secret, args: &Args) -> Result<(), Failure> {
    let names: Vec<_> = secret.other_names().map(str::to_owned).collect();
    match names.is_empty() || args.drop_fields {
        true => Ok(()),
        false => Err(replacement::loses_fields(secret.key(), &names)
            .with_advice("--drop-fields copies the value without them")),
    }
}

/// Copies over the secret `new_key`, unless that would lose fields.
fn replace(
    secrets: Secrets<'_>,
    args: &Args,
    secret: &Secret,
    new_key: &KeyName,
) -> Result<Written, Refusal> {
    let key = secret.key();
    let fields: Vec<_> = secret.fields().iter().map(Field::name).collect();
    let replacement = Replacement {
        key: new_key,
        fields: &fields,
        drops_fields: args.drop_fields,
        creates: true,
    };
    replacement.run(secrets, |present| match present {
        Present::Absent => secrets.copy(key, new_key).map(Written::Created),
        Present::Version(version) => secrets
            .copy_if_unchanged(key, new_key, Some(version))
            .map(Written::Updated),
        Present::Any | Present::Unread => secrets.copy_over(key, new_key),
    })
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    key: &'a str,
    new_key: &'a str,
    action: &'static str,
    expires_at: Option<Timestamp>,
}

/// Compares two secrets. The new one must name its key, unless it has fields.
fn is_same(old: &Secret, new: &Secret) -> bool {
    old.expose_secret() == new.expose_secret()
        && old.expires_at() == new.expires_at()
        && old.is_multi_field() == new.is_multi_field()
        && (new.is_multi_field() || new.is_bound())
}

fn not_written(error: Error, key: &KeyName, new_key: &KeyName, vault: &Vault) -> Failure {
    match error.kind() {
        // Without a status another client may have changed what was written.
        ErrorKind::Conflict if error.status().is_none() => {
            Failure::from(error).with_advice(&format!("`{key}` was not changed"))
        }
        ErrorKind::Conflict => Failure::new(
            Status::Conflict,
            format_args!(
                "the secret `{new_key}` exists already; nothing was changed; --overwrite replaces it"
            ),
        ),
        ErrorKind::NotFound => vault.failure(error),
        // Both names are valid, so a field of the secret is the cause.
        ErrorKind::Config if error.key().is_none() => Failure::usage(format_args!(
            "a field of `{key}` is named `{new_key}`, so that under this name it would be read as \
             one value; nothing was changed; choose another name"
        )),
        // An invalid response or an error of the vault says nothing about the write.
        ErrorKind::Api | ErrorKind::Ambiguous => Failure::from(error).with_advice(&format!(
            "`{key}` was not changed, and `{new_key}` may have been written"
        )),
        _ => Failure::from(error).with_advice("nothing was changed"),
    }
}
