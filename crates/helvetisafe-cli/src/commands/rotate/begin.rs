//! The first step: the new value is stored as pending.

use secrecy::ExposeSecret;

use super::hook::Hook;
use super::pending::{self, Pending};
use super::{Rotation, State};
use crate::advice;
use crate::failure::{Failure, Status};

impl Rotation<'_> {
    pub(super) fn begin(&self, hook: Option<Hook>) -> Result<(), Failure> {
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
        pending.check_expiry()?;
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
                "nothing was run, and `{}` was not changed; {} deletes `{}`",
                self.key,
                advice::command(format_args!("rotate {} --abandon", self.key)),
                self.slot
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

    fn pending_already(&self) -> Failure {
        let key = &self.key;
        Failure::new(
            Status::Conflict,
            format_args!(
                "a rotation of `{key}` is pending already, in `{}`; finish it with {}, or drop its \
                 new value with --abandon",
                self.slot,
                advice::command(format_args!("rotate {key} --resume"))
            ),
        )
    }
}
