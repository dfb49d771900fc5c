//! The output of `org rotate`.

use helvetisafe::Fingerprint;
use helvetisafe::organization::{Chain, RotationCheck};
use serde::Serialize;

use super::interrupted_rotation::{Interrupted, State};
use crate::advice;
use crate::failure::Failure;
use crate::ui::{Ui, prompt};

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
pub(super) struct Json {
    pub(super) action: &'static str,
    /// `None` in a dry run of a new rotation.
    pub(super) rotation: Option<String>,
    /// The state of the rotation that was interrupted on this machine; `None` without one.
    pub(super) interrupted: Option<&'static str>,
    pub(super) key_epoch: Option<u64>,
    pub(super) org_key_fingerprint: Option<String>,
    pub(super) dry_run: bool,
}

/// An org key that a rotation has made the present one.
pub(super) struct Replaced {
    pub(super) rotation: String,
    pub(super) key_epoch: u64,
    pub(super) fingerprint: Fingerprint,
}

impl Replaced {
    /// Reports a rotation of this run. `count` is the number of its secrets.
    pub(super) fn report(
        &self,
        interrupted: Option<&'static str>,
        count: usize,
        ui: &Ui,
    ) -> Result<(), Failure> {
        self.json(interrupted, false, ui)?;
        ui.messages.note(format_args!(
            "replaced the org key: it is {}, with the number {}; secrets encrypted again in this run: {count}",
            self.fingerprint, self.key_epoch
        ));
        self.next(ui);
        Ok(())
    }

    /// Reports a rotation that an earlier run has committed.
    pub(super) fn report_complete(&self, it: &Interrupted, ui: &Ui) -> Result<(), Failure> {
        self.json(Some(it.name()), false, ui)?;
        ui.messages.note(format_args!(
            "the interrupted rotation was committed already: the org key is {}, with the number {}; no new rotation was begun: to \
             replace the org key once more, run {} again",
            self.fingerprint,
            self.key_epoch,
            advice::command("org rotate")
        ));
        self.next(ui);
        Ok(())
    }

    /// Reports in a dry run that nothing but the end on this machine is missing.
    pub(super) fn explain_complete(&self, it: &Interrupted, ui: &Ui) -> Result<(), Failure> {
        if ui.json {
            return self.json(Some(it.name()), true, ui);
        }
        ui.output.line(&it.describe())?;
        let text =
            "would only complete it on this machine: the org key would not be replaced again";
        ui.output.line(text)
    }

    fn json(
        &self,
        interrupted: Option<&'static str>,
        dry_run: bool,
        ui: &Ui,
    ) -> Result<(), Failure> {
        if !ui.json {
            return Ok(());
        }
        ui.output.json(&Json {
            action: "rotated",
            rotation: Some(self.rotation.clone()),
            interrupted,
            key_epoch: Some(self.key_epoch),
            org_key_fingerprint: Some(self.fingerprint.to_string()),
            dry_run,
        })
    }

    fn next(&self, ui: &Ui) {
        ui.messages.note(format_args!(
            "next: the members' commands follow the signed chain by themselves; change the fingerprint to {} where it is configured; \
             restart programs that do not follow the chain; and replace the values that a former member could read",
            self.fingerprint
        ));
    }
}

/// Reports what a rotation would do that is new, or continues.
pub(super) fn explain(
    interrupted: Option<&Interrupted>,
    chain: &Chain,
    check: RotationCheck,
    ui: &Ui,
) -> Result<(), Failure> {
    let key_epoch = chain.epoch().saturating_add(1);
    let is_resumed = |it: &&Interrupted| it.state == State::Incomplete;
    let resumed = interrupted.filter(is_resumed).map(|it| &it.stored);
    if ui.json {
        return ui.output.json(&Json {
            action: "rotated",
            rotation: resumed.map(|it| it.id.to_string()),
            interrupted: interrupted.map(Interrupted::name),
            key_epoch: Some(key_epoch),
            org_key_fingerprint: resumed.map(|it| it.fingerprint.clone()),
            dry_run: true,
        });
    }
    if let Some(over) = interrupted.filter(|it| !is_resumed(it)) {
        ui.output.line(&over.describe())?;
    }
    let replaced = match resumed {
        Some(stored) => format!("continue the rotation {}", stored.id),
        None => "replace the org key".to_owned(),
    };
    ui.output.line(&format!(
        "would {replaced}: seal every secret again under the number {key_epoch}, wrap the new key for the members ({}), and seal the \
         open invitations again ({})",
        check.members, check.invitations
    ))
}

/// Asks before a change of rotations. `outcome` says that it was not made.
pub(super) fn ask(question: impl std::fmt::Display, outcome: &str, ui: &Ui) -> Result<(), Failure> {
    let refusal = "cannot confirm a rotation without a terminal; give --yes";
    prompt::require_at_terminal(refusal, question, outcome, ui.messages)
}
