//! `set KEY`, `create KEY` and `update KEY`: write one secret.

use helvetisafe::{Error, Expiry, KeyName, SecretMetadata, Secrets, Timestamp, Written};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::failure::Failure;
use crate::session::Vault;
use crate::ui::expiry::{ExpiryArgs, in_words};
use crate::ui::secret_input::ValueArgs;
use crate::ui::{Ui, key_names};

pub(super) const SET_EXAMPLES: &str = "\
Examples:
  helvetisafe set DB_PASSWORD                          (asks twice, hidden)
  printf %s \"$value\" | helvetisafe set DB_PASSWORD
  helvetisafe set TLS_KEY --value-file tls.key
  helvetisafe set KEYSTORE --base64 --file keystore.p12
  helvetisafe set API_KEY --generate 40 --expires-in 30d
  helvetisafe set DATABASE --field DB_PASS --generate";

pub(super) const CREATE_EXAMPLES: &str = "\
Examples:
  helvetisafe create DB_PASSWORD --generate
  helvetisafe create CERTIFICATE --value-file tls.crt --expires-at 2030-01-31";

pub(super) const UPDATE_EXAMPLES: &str = "\
Examples:
  printf %s \"$value\" | helvetisafe update DB_PASSWORD
  helvetisafe update DB_PASSWORD --generate --never-expires";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The secret.
    #[arg(value_name = "KEY")]
    key: String,
    /// Write one field of a multi-field secret and keep the others. If there is a single other field, it
    /// needs --allow-unbound: the vault may have exchanged such a secret.
    #[arg(long, value_name = "FIELD")]
    field: Option<String>,
    #[command(flatten)]
    value: ValueArgs,
    #[command(flatten)]
    expiry: ExpiryArgs,
}

/// The writes that are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Set,
    Create,
    Update,
}

pub(super) fn run(mode: Mode, args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    args.value.refuse_argument()?;
    let key = key_names::parse(&args.key)?;
    let expiry = args.expiry.expiry()?;
    // Probably from a variable that is not set.
    if args.field.as_deref() == Some("") {
        return Err(Failure::usage(
            "cannot write a field without a name: --field is empty; give a name, or leave --field out",
        ));
    }
    // Before the user types a value in vain.
    vault.settings()?;
    let value = args.value.read(key.as_str())?;
    let write = |secrets: Secrets<'_>| {
        let write = Write {
            key: &key,
            field: args.field.as_deref(),
            value: value.expose_secret(),
            expiry,
            secrets,
        };
        write.run(mode)
    };
    let written = vault.write(write)?;
    let written = written.map_err(|error| vault.failure(error))?;
    vault.note_name(&key, true);
    report(&written, &key, &value, args, ui)
}

struct Write<'a> {
    key: &'a KeyName,
    field: Option<&'a str>,
    value: &'a str,
    expiry: Expiry,
    secrets: Secrets<'a>,
}

impl Write<'_> {
    fn run(&self, mode: Mode) -> Result<Written, Error> {
        match mode {
            Mode::Create => self.create().map(Written::Created),
            Mode::Update => self.update().map(Written::Updated),
            Mode::Set => self.set(),
        }
    }

    fn set(&self) -> Result<Written, Error> {
        let secrets = self.secrets;
        match self.field {
            Some(field) => secrets.set_field(self.key, field, self.value, self.expiry),
            None => secrets.put(self.key, self.value, self.expiry),
        }
    }

    fn create(&self) -> Result<SecretMetadata, Error> {
        let secrets = self.secrets;
        match self.field {
            Some(field) => secrets.create_fields(self.key, &[(field, self.value)], self.expiry),
            None => secrets.create(self.key, self.value, self.expiry),
        }
    }

    fn update(&self) -> Result<SecretMetadata, Error> {
        let secrets = self.secrets;
        match self.field {
            Some(field) => secrets.update_field(self.key, field, self.value, self.expiry),
            None => secrets.update(self.key, self.value, self.expiry),
        }
    }
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    key: &'a str,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

fn report(
    written: &Written,
    key: &KeyName,
    value: &SecretString,
    args: &Args,
    ui: &Ui,
) -> Result<(), Failure> {
    let action = match written {
        Written::Created(_) => "created",
        Written::Updated(_) => "updated",
    };
    let written = written.metadata();
    let shown = args.value.is_shown().then(|| value.expose_secret());
    if ui.json {
        return ui.output.json(&Json {
            key: key.as_str(),
            action,
            field: args.field.as_deref(),
            created_at: written.created_at(),
            updated_at: written.updated_at(),
            expires_at: written.expires_at(),
            value: shown,
        });
    }
    let expires = match written.expires_at() {
        Some(_) => format!(
            "; it expires {}",
            in_words(written.expires_at(), Timestamp::now())
        ),
        None => String::new(),
    };
    ui.messages.done(format_args!("{action} `{key}`{expires}"));
    shown.map_or(Ok(()), |value| ui.output.value(value))
}
