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

mod hook;
mod pending;

use std::ffi::OsString;
use std::io::{self, IsTerminal};

use helvetisafe::{Expiry, KeyName, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::exchange::{self, Exchange};
use super::launch;
use crate::failure::{Failure, Status};
use crate::session::Vault;
use crate::ui::expiry::{ExpiryArgs, in_words};
use crate::ui::secret_input::ValueArgs;
use crate::ui::{Ui, key_names, prompt};
use hook::Hook;
use pending::Pending;

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

/// Fails if the expiry of the new value has passed: no vault would accept it after CMD.
fn check_expiry(pending: &Pending) -> Result<(), Failure> {
    match pending.expiry {
        Expiry::At(time) if time <= Timestamp::now() => Err(Failure::usage(format_args!(
            "the expiry of the new value, {time}, has passed; give another one with --expires-in, --expires-at \
             or --never-expires"
        ))),
        _ => Ok(()),
    }
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    action: &'static str,
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

impl Rotation<'_> {
    fn begin(&self, hook: Option<Hook>) -> Result<(), Failure> {
        let old = self.current(self.args.field.as_deref())?;
        // Checked before the user types a value in vain.
        if pending::read(&self.slot, &self.key, self.vault)?.is_some() {
            return Err(self.pending_already());
        }
        let expiry = self.args.expiry.expiry()?;
        let new = self.args.value.read(self.key.as_str())?;
        if new.expose_secret() == old.expose_secret() {
            return Err(Failure::usage(format_args!(
                "the new value of `{}` is the old one; nothing was changed",
                self.key
            )));
        }
        let pending = Pending {
            field: self.args.field.clone(),
            old,
            new,
            expiry,
            has_command: hook.is_some(),
        };
        if let Some(hook) = &hook {
            hook.check(&pending)?;
        }
        // It may have passed while the value was typed.
        check_expiry(&pending)?;
        self.store(&pending)?;
        // The secret may have been changed while the value was typed.
        match self.state(&pending)? {
            // Another client may have set the same value, but has not run the command.
            State::Old | State::New => self.finish(&pending, hook),
            State::Other => Err(self.changed_meanwhile()),
        }
    }

    /// Stores the pending rotation, and reads it back.
    fn store(&self, pending: &Pending) -> Result<(), Failure> {
        pending::create(&self.slot, &self.key, pending, self.vault)?;
        let stored = pending::read(&self.slot, &self.key, self.vault).map_err(|failure| {
            failure.with_advice(&format!(
                "nothing was run, and `{}` was not changed; `helvetisafe rotate {} --abandon` deletes `{}`",
                self.key, self.key, self.slot
            ))
        })?;
        match stored {
            Some(stored) if stored.is_same(pending) => Ok(()),
            _ => Err(Failure::new(
                Status::Conflict,
                format_args!(
                    "the new value was written to `{}`, but differs when it is read back; nothing was run, \
                     and `{}` was not changed; check both",
                    self.slot, self.key
                ),
            )),
        }
    }

    fn resume(&self, hook: Option<Hook>) -> Result<(), Failure> {
        let mut pending = self.pending()?;
        let named = self.args.field.as_deref();
        if named.is_some_and(|field| pending.field.as_deref() != Some(field)) {
            let pending = pending.field.as_deref().unwrap_or("no field");
            return Err(Failure::usage(format_args!(
                "the pending rotation of `{}` is about {pending}; leave --field out",
                self.key
            )));
        }
        let state = self.state(&pending);
        match state.map_err(|failure| self.still_pending(failure))? {
            State::Old => {}
            // The command was killed after the promotion.
            State::New => {
                self.refuse_expiry()?;
                return self.promote(&pending);
            }
            State::Other => return Err(self.changed_meanwhile()),
        }
        match self.args.expiry.expiry()? {
            Expiry::Keep => {}
            other => pending.expiry = other,
        }
        check_expiry(&pending)?;
        match &hook {
            Some(hook) => hook.check(&pending)?,
            None if pending.has_command => self.confirm(
                "the command may not have set the new value: is the new value of {} in use?",
                "give the command again after --, or --yes if the new value is in use",
            )?,
            None => {}
        }
        self.finish(&pending, hook)
    }

    fn abandon(&self) -> Result<(), Failure> {
        self.vault.client_to_write()?;
        let pending = self.pending()?;
        // The secret may be gone, or may have expired. Then the pending rotation is all that is left.
        if let Ok(State::New) = self.state(&pending) {
            return self.promote(&pending);
        }
        self.confirm(
            "the new value will be lost, and a command that is still running may set it: is the present value of \
             {} in use?",
            "give --yes if the command has ended and the present value of the secret is in use",
        )?;
        pending::delete(&self.slot, self.vault)?;
        self.report("abandoned", &pending, None)
    }

    /// Fails if an expiry was given: the secret has the new value and the recorded expiry.
    fn refuse_expiry(&self) -> Result<(), Failure> {
        if self.args.expiry.expiry()? == Expiry::Keep {
            return Ok(());
        }
        Err(Failure::usage(format_args!(
            "`{}` has the new value already, so its expiry stays; leave the expiry out to finish the rotation, \
             then change it with `helvetisafe update {}`",
            self.key, self.key
        )))
    }

    /// Runs the command, promotes the new value and deletes the pending rotation.
    fn finish(&self, pending: &Pending, hook: Option<Hook>) -> Result<(), Failure> {
        if let Some(hook) = hook {
            hook.run(&self.key, pending)
                .map_err(|failure| self.still_pending(failure))?;
        }
        self.promote(pending)
    }

    fn promote(&self, pending: &Pending) -> Result<(), Failure> {
        // The time that CMD took must not shorten the time for the promotion.
        self.vault.budget()?.restart();
        let exchange = Exchange {
            key: &self.key,
            field: pending.field.as_deref(),
            old: &pending.old,
            new: &pending.new,
            expiry: pending.expiry,
        };
        let written = exchange
            .run(self.vault)
            .map_err(|failure| self.still_pending(failure))?;
        let Some(secret) = written else {
            return Err(self.changed_meanwhile());
        };
        // A signal for the command must not interrupt the promotion, only what follows.
        launch::restore_signals()?;
        pending::delete(&self.slot, self.vault).map_err(|failure| {
            failure.with_advice(&format!(
                "`{}` has the new value; `helvetisafe rotate {} --resume` deletes `{}`",
                self.key, self.key, self.slot
            ))
        })?;
        self.report("rotated", pending, secret.expires_at())
    }

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

    fn pending_already(&self) -> Failure {
        let key = &self.key;
        Failure::new(
            Status::Conflict,
            format_args!(
                "a rotation of `{key}` is pending already, in `{}`; finish it with `helvetisafe rotate {key} \
                 --resume`, or drop its new value with --abandon",
                self.slot
            ),
        )
    }

    /// Returns the failure for a secret that has neither of the two values.
    fn changed_meanwhile(&self) -> Failure {
        let (key, slot) = (&self.key, &self.slot);
        Failure::new(
            Status::Conflict,
            format_args!(
                "another client has changed `{key}` since the rotation began, so it was left as it is; \
                 `helvetisafe get {slot}` shows the old and the new value; if the new one is in use, write it \
                 with `helvetisafe set {key}`; then `helvetisafe rotate {key} --abandon` deletes `{slot}`"
            ),
        )
    }

    /// Adds to a failure that both values are in the vault.
    fn still_pending(&self, failure: Failure) -> Failure {
        let (key, slot) = (&self.key, &self.slot);
        failure.with_advice(&format!(
            "the old and the new value are in `{slot}`; find out which one is in use, then run `helvetisafe \
             rotate {key} --resume` with the same command, or with --yes if the new value is in use, or \
             --abandon if the old one is"
        ))
    }

    /// Asks a question about the secret, whose name stands for `{}`.
    fn confirm(&self, question: &str, advice: &str) -> Result<(), Failure> {
        if self.args.yes {
            return Ok(());
        }
        let question = question.replace("{}", &format!("`{}`", self.key));
        if !io::stdin().is_terminal() {
            return Err(Failure::usage(format_args!(
                "{question} this cannot be asked without a terminal; {advice}"
            )));
        }
        match prompt::confirm(question, self.ui.messages)? {
            true => Ok(()),
            false => Err(Failure::other(format_args!(
                "nothing was changed, since the answer was not y; {advice}"
            ))),
        }
    }

    fn report(
        &self,
        action: &'static str,
        pending: &Pending,
        expires_at: Option<Timestamp>,
    ) -> Result<(), Failure> {
        let shown = self
            .args
            .value
            .is_shown()
            .then(|| pending.new.expose_secret());
        if self.ui.json {
            return self.ui.output.json(&Json {
                key: self.key.as_str(),
                field: pending.field.as_deref(),
                action,
                expires_at,
                value: shown,
            });
        }
        let expires = match expires_at {
            Some(_) => format!("; it expires {}", in_words(expires_at, Timestamp::now())),
            None => String::new(),
        };
        let done = match action {
            "abandoned" => format!("abandoned the rotation of `{}`", self.key),
            _ => format!("{action} `{}`{expires}", self.key),
        };
        self.ui.messages.done(done);
        shown.map_or(Ok(()), |value| self.ui.output.value(value))
    }
}
