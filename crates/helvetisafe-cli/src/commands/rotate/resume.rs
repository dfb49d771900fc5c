//! `--resume` and `--abandon`: the end of a rotation that failed or was killed.

use std::io::{self, IsTerminal};

use helvetisafe::Expiry;

use super::hook::Hook;
use super::pending;
use super::{Rotation, State};
use crate::advice;
use crate::failure::Failure;
use crate::ui::prompt;

impl Rotation<'_> {
    pub(super) fn resume(&self, hook: Option<Hook>) -> Result<(), Failure> {
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
        pending.check_expiry()?;
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

    pub(super) fn abandon(&self) -> Result<(), Failure> {
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
             then change it with {}",
            self.key,
            advice::command(format_args!("update {}", self.key))
        )))
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
        prompt::require(question, "nothing was changed", self.ui.messages)
            .map_err(|failure| failure.with_advice(advice))
    }
}
