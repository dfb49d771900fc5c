//! `rotate KEY [-- CMD]`: replaces a value, and with it what a command sets elsewhere.
//!
//! The order makes sure that no value is lost, wherever the command is killed:
//!
//! 1. The new value and the old one are stored as a secret of their own, the pending rotation, and read back.
//! 2. CMD runs with both values.
//! 3. The new value is written to the secret if that still has the old one, and read back.
//! 4. The pending rotation is deleted.
//!
//! Until 4 the vault has both values, and a later command can finish or abandon the rotation.

mod begin;
mod hook;
mod pending;
mod promote;
mod resume;

use std::ffi::OsString;

use helvetisafe::KeyName;
use secrecy::{ExposeSecret, SecretString};

use super::exchange;
use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::Vault;
use crate::ui::expiry::ExpiryArgs;
use crate::ui::secret_input::ValueArgs;
use crate::ui::{Ui, key_names};
use hook::Hook;
use pending::Pending;
pub(super) use pending::warn_if_left;

const EXAMPLES: &str = "\
Examples:
  helvetisafe rotate API_KEY --generate 40
  helvetisafe rotate DB_PASSWORD --generate -- ./set-database-password.sh
  helvetisafe rotate DATABASE --field DB_PASS --generate -- ./set-database-password.sh
  helvetisafe rotate DB_PASSWORD --resume -- ./set-database-password.sh
  helvetisafe rotate DB_PASSWORD --resume --yes          (the new value is in use)
  helvetisafe rotate DB_PASSWORD --abandon --yes         (the old value is in use)";

/// Replace the value of a secret, together with the password that a command sets elsewhere.
///
/// The new value is read as by `set`, and stored in the vault as pending before CMD runs. CMD gets
/// HELVETISAFE_OLD_VALUE and HELVETISAFE_NEW_VALUE in its environment. If it ends with status 0, the secret
/// gets the new value, which is read back. After a failure or a kill both values are still in the vault:
/// --resume and --abandon continue.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The secret, which must exist.
    #[arg(value_name = "KEY")]
    key: String,
    /// Replace one field of a multi-field secret and keep the others.
    #[arg(long, value_name = "FIELD")]
    field: Option<String>,
    /// Continue a pending rotation: run CMD again with the same values, or without CMD only promote the new
    /// value. A new expiry replaces that of the rotation.
    #[arg(long, conflicts_with_all = ["abandon", "generate", "value_file"])]
    resume: bool,
    /// Drop the new value of a pending rotation. The secret keeps the old one.
    #[arg(
        long,
        conflicts_with_all = ["generate", "value_file", "command", "expires_in", "expires_at", "never_expires"]
    )]
    abandon: bool,
    /// Do not ask which value is in use.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    value: ValueArgs,
    #[command(flatten)]
    expiry: ExpiryArgs,
    /// The program that sets the new value elsewhere, and its arguments.
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    args.value.refuse_argument()?;
    let key = key_names::parse(&args.key)?;
    let rotation = Rotation {
        slot: key_names::pending(&key)?,
        key,
        args,
        vault,
        ui,
    };
    if args.abandon {
        return rotation.abandon();
    }
    let hook = Hook::find(&args.command)?;
    // The org key is trusted before anything is read.
    vault.client_to_write()?;
    match args.resume {
        true => rotation.resume(hook),
        false => rotation.begin(hook),
    }
}

/// The rotation of one secret.
struct Rotation<'a> {
    key: KeyName,
    /// The secret with the pending rotation.
    slot: KeyName,
    args: &'a Args,
    vault: &'a Vault,
    ui: &'a Ui,
}

/// The value that the secret has.
enum State {
    Old,
    New,
    /// Another client has changed it.
    Other,
}

impl State {
    fn of(current: &SecretString, pending: &Pending) -> Self {
        match current.expose_secret() {
            value if value == pending.new.expose_secret() => Self::New,
            value if value == pending.old.expose_secret() => Self::Old,
            _ => Self::Other,
        }
    }
}

impl Rotation<'_> {
    /// Returns the value of the secret, or of the field.
    fn current(&self, field: Option<&str>) -> Result<SecretString, Failure> {
        exchange::read(&self.key, field, self.vault).map(|(value, _)| value)
    }

    fn state(&self, pending: &Pending) -> Result<State, Failure> {
        let current = self.current(pending.field.as_deref())?;
        Ok(State::of(&current, pending))
    }

    fn pending(&self) -> Result<Pending, Failure> {
        let found = pending::read(&self.slot, &self.key, self.vault)?;
        found.ok_or_else(|| {
            Failure::new(
                Status::NotFound,
                format_args!("no rotation of `{}` is pending", self.key),
            )
        })
    }

    /// Returns the failure for a secret that has neither of the two values.
    fn changed_meanwhile(&self) -> Failure {
        let (key, slot) = (&self.key, &self.slot);
        let get = advice::command(format_args!("get {slot}"));
        let set = advice::command(format_args!("set {key}"));
        let abandon = advice::command(format_args!("rotate {key} --abandon"));
        Failure::new(
            Status::Conflict,
            format_args!(
                "another client has changed `{key}` since the rotation began, so it was left as it is; \
                 {get} shows the old and the new value; if the new one is in use, write it with {set}; then \
                 {abandon} deletes `{slot}`"
            ),
        )
    }

    /// Adds to a failure that both values are in the vault.
    fn still_pending(&self, failure: Failure) -> Failure {
        let (key, slot) = (&self.key, &self.slot);
        if failure.is_not_found() {
            let get = advice::command(format_args!("get {slot}"));
            let (set, abandon) = (
                advice::command("set"),
                advice::command(format_args!("rotate {key} --abandon")),
            );
            return failure.with_advice(&format!(
                "it was deleted or moved since the rotation began; {get} shows the old and the new value; write \
                 the one that is in use with {set}, under the present name; then {abandon} deletes `{slot}`"
            ));
        }
        let resume = advice::command(format_args!("rotate {key} --resume"));
        failure.with_advice(&format!(
            "the old and the new value are in `{slot}`; find out which one is in use, then run {resume} \
             with the same command, or with --yes if the new value is in use, or \
             --abandon if the old one is"
        ))
    }
}
