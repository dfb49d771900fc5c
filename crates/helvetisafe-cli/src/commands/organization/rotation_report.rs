//! The output of `org rotate`.

use std::time::Duration;

use helvetisafe::organization::Chain;
use helvetisafe::{Fingerprint, Timestamp};
use serde::Serialize;

use super::interrupted_rotation::{Interrupted, State};
use crate::advice;
use crate::failure::Failure;
use crate::ui::{Ui, prompt};

/// The time after which no value under the old key is in the vault: 10 minutes, and a margin for its work and for the clocks.
const OLD_VALUES: Duration = Duration::from_secs(15 * 60);

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
pub(super) struct Json<'a> {
    pub(super) action: &'static str,
    /// `None` in a dry run of a new rotation.
    pub(super) rotation: Option<String>,
    /// The client id of the account that began it; `None` as above.
    pub(super) account: Option<&'a str>,
    /// The state of the rotation that was interrupted on this machine; `None` without one, or if it is not the one that is
    /// given up.
    pub(super) interrupted: Option<&'static str>,
    pub(super) key_epoch: Option<u64>,
    pub(super) org_key_fingerprint: Option<String>,
    pub(super) dry_run: bool,
    /// In a dry run of a new rotation, or of one that continues.
    #[serde(flatten)]
    pub(super) figures: Option<Figures>,
}

/// The numbers of what a rotation would seal and wrap.
#[derive(Serialize)]
pub(super) struct Figures {
    /// Those that are left, if a rotation continues. `None` if the credential may not list them.
    pub(super) secrets: Option<u64>,
    pub(super) members: usize,
    pub(super) invitations: usize,
}

/// An org key that a rotation has made the present one.
pub(super) struct Replaced {
    pub(super) rotation: String,
    /// The client id of the account that began it.
    pub(super) account: String,
    pub(super) key_epoch: u64,
    pub(super) fingerprint: Fingerprint,
}

impl Replaced {
    /// Returns the present org key, which the interrupted rotation has made.
    pub(super) fn present(it: &Interrupted, chain: &Chain) -> Self {
        Self {
            rotation: it.stored.id.to_string(),
            account: it.stored.account.clone(),
            key_epoch: chain.epoch(),
            fingerprint: *chain.fingerprint(),
        }
    }

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
            account: Some(&self.account),
            interrupted,
            key_epoch: Some(self.key_epoch),
            org_key_fingerprint: Some(self.fingerprint.to_string()),
            dry_run,
            figures: None,
        })
    }

    /// Returns the message of a signal after the last change, when no later run would name the next steps.
    pub(super) fn if_interrupted(&self) -> String {
        format!(
            "the rotation is committed: the org key is {}, with the number {}; {}",
            self.fingerprint,
            self.key_epoch,
            self.steps().join("; ")
        )
    }

    fn next(&self, ui: &Ui) {
        for step in self.steps() {
            ui.messages.note(step);
        }
    }

    fn steps(&self) -> [String; 2] {
        let gone = Timestamp::now() + OLD_VALUES;
        [
            format!(
                "next: the members' commands follow the signed chain by themselves; change the fingerprint to {} where it is \
                 configured; restart programs that do not follow the chain; and replace the values that a former member could read",
                self.fingerprint
            ),
            format!(
                "next: a backup that was made before {gone:.0} may have the values under the old key: if another person may know \
                 that key, make a new backup after that time, and delete the older ones"
            ),
        ]
    }
}

/// Reports what a rotation would do that is new, or continues.
pub(super) fn explain(
    interrupted: Option<&Interrupted>,
    chain: &Chain,
    figures: Figures,
    ui: &Ui,
) -> Result<(), Failure> {
    let key_epoch = chain.epoch().saturating_add(1);
    let is_resumed = |it: &&Interrupted| it.state == State::Incomplete;
    let resumed = interrupted.filter(is_resumed).map(|it| &it.stored);
    if ui.json {
        return ui.output.json(&Json {
            action: "rotated",
            rotation: resumed.map(|it| it.id.to_string()),
            account: resumed.map(|it| it.account.as_str()),
            interrupted: interrupted.map(Interrupted::name),
            key_epoch: Some(key_epoch),
            org_key_fingerprint: resumed.map(|it| it.fingerprint.clone()),
            dry_run: true,
            figures: Some(figures),
        });
    }
    if let Some(over) = interrupted.filter(|it| !is_resumed(it)) {
        ui.output.line(&over.describe())?;
    }
    let replaced = match (resumed, interrupted) {
        (Some(stored), _) => format!("continue the rotation {}", stored.id),
        (None, Some(over)) if over.is_in_progress => {
            "give it up and replace the org key".to_owned()
        }
        (None, _) => "replace the org key".to_owned(),
    };
    let secrets = match resumed.is_some_and(|_| interrupted.is_some_and(|it| it.is_in_progress)) {
        true => "the secrets that are left",
        false => "every secret",
    };
    let count = figures.secrets.map(|count| format!(" ({count})"));
    ui.output.line(&format!(
        "would {replaced}: seal {secrets}{} again under the number {key_epoch}, wrap the new key for the members ({}), and seal \
         the open invitations again ({})",
        count.unwrap_or_default(),
        figures.members,
        figures.invitations
    ))
}

/// Asks before a change of rotations. `outcome` says that it was not made.
pub(super) fn ask(question: impl std::fmt::Display, outcome: &str, ui: &Ui) -> Result<(), Failure> {
    let refusal = "cannot confirm a rotation without a terminal; give --yes";
    prompt::require_at_terminal(refusal, question, outcome, ui.messages)
}
