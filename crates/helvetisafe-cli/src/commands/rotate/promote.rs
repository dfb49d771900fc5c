//! The last steps: the command runs, the secret gets the new value, and the pending rotation is deleted.

use helvetisafe::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;

use super::Rotation;
use super::hook::Hook;
use super::pending::{self, Pending};
use crate::advice;
use crate::commands::exchange::Exchange;
use crate::commands::launch;
use crate::failure::Failure;
use crate::ui::expiry;

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
    /// Runs the command, promotes the new value and deletes the pending rotation.
    pub(super) fn finish(&self, pending: &Pending, hook: Option<Hook>) -> Result<(), Failure> {
        if let Some(hook) = hook {
            hook.run(&self.key, pending)
                .map_err(|failure| self.still_pending(failure))?;
        }
        self.promote(pending)
    }

    pub(super) fn promote(&self, pending: &Pending) -> Result<(), Failure> {
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
                "`{}` has the new value; {} deletes `{}`",
                self.key,
                advice::command(format_args!("rotate {} --resume", self.key)),
                self.slot
            ))
        })?;
        self.report("rotated", pending, secret.expires_at())
    }

    pub(super) fn report(
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
        let expires = expiry::suffix(expires_at);
        let done = match action {
            "abandoned" => format!("abandoned the rotation of `{}`", self.key),
            _ => format!("{action} `{}`{expires}", self.key),
        };
        self.ui.messages.done(done);
        shown.map_or(Ok(()), |value| self.ui.output.value(value))
    }
}
