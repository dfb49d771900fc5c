//! `copy KEY NEW`: copies a secret to another name.

use helvetisafe::{Error, ErrorKind, KeyName, Secret, Secrets, Timestamp, Written};
use serde::Serialize;

use crate::failure::{Failure, Status};
use crate::session::Vault;
use crate::ui::{Ui, key_names};

const EXAMPLES: &str = "\
Examples:
  helvetisafe copy DB_PASSWORD DB_PASSWORD_OLD
  helvetisafe copy STAGING_KEY TEST_KEY --overwrite";

/// Copy a secret: it is decrypted and encrypted again under the new name.
///
/// The value, all fields and the expiry stay as they are. The new secret is read back and compared.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    names: Names,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let copy = Copy::make(&args.names, vault)?;
    copy.report("copied", ui)
}

/// The arguments of `copy` and `move`.
#[derive(Debug, clap::Args)]
pub(super) struct Names {
    /// The secret.
    #[arg(value_name = "KEY")]
    key: String,
    /// Its new name.
    #[arg(value_name = "NEW")]
    new_key: String,
    /// Replace the secret NEW if it exists.
    #[arg(long)]
    overwrite: bool,
}

/// A copy that was written, read back and compared.
pub(super) struct Copy {
    pub(super) key: KeyName,
    pub(super) new_key: KeyName,
    expires_at: Option<Timestamp>,
}

impl Copy {
    pub(super) fn make(names: &Names, vault: &Vault) -> Result<Self, Failure> {
        let (key, new_key) = (
            key_names::parse(&names.key)?,
            key_names::parse(&names.new_key)?,
        );
        if key == new_key {
            return Err(Failure::usage(
                "the two names are the same; nothing was done",
            ));
        }
        let written = vault.write(|secrets| match names.overwrite {
            true => secrets
                .copy_over(&key, &new_key)
                .map(Written::into_metadata),
            false => secrets.copy(&key, &new_key),
        })?;
        written.map_err(|error| not_written(error, &key, &new_key, vault))?;
        let read_back = |secrets: Secrets<'_>| Ok((secrets.get(&key)?, secrets.get(&new_key)?));
        let (old, new) = vault.write(read_back)?.map_err(|error: Error| {
            let state =
                format!("`{new_key}` was written, but not checked; `{key}` was not changed");
            Failure::from(error).with_advice(&state)
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

    pub(super) fn report(&self, action: &'static str, ui: &Ui) -> Result<(), Failure> {
        let (key, new_key) = (&self.key, &self.new_key);
        if ui.json {
            return ui.output.json(&Json {
                key: key.as_str(),
                new_key: new_key.as_str(),
                action,
                expires_at: self.expires_at,
            });
        }
        let done = format_args!("{action} `{key}` to `{new_key}`");
        ui.messages.done(done);
        Ok(())
    }
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
