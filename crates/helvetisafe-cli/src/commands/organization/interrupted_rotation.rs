//! A rotation that was interrupted on this machine. The verified chain decides if it is complete; the vault only states if it is
//! in progress.

use helvetisafe::organization::{Chain, RotationState};

use super::rotation_file::{RotationFile, Stored};
use crate::advice;
use crate::failure::Failure;
use crate::session::Trust;
use crate::settings::Settings;

/// The rotation of the file, and its state.
pub(super) struct Interrupted {
    pub(super) stored: Stored,
    pub(super) state: State,
    /// True if it is in progress, as the vault states.
    pub(super) is_in_progress: bool,
}

/// The state of a rotation that was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It continues with the same key.
    Incomplete,
    /// It is not complete, and a member was disabled who may know its key: a request to commit has the key for each member.
    Exposed,
    /// Its key is the present one.
    Committed {
        key_epoch: u64,
        /// True if a member was disabled since, who may know the key.
        is_known_outside: bool,
    },
    /// It was committed, and its key was replaced since.
    Superseded { key_epoch: u64, present: u64 },
    /// It was not committed, and another rotation was.
    Overtaken { present: u64 },
    /// It was not committed, and is not in progress.
    Abandoned,
}

impl Interrupted {
    /// Finds the state in a verified chain. `in_progress` is the vault's statement. With a lie it can make this command begin a new
    /// rotation, or continue with a key that no former member has: the chain decides about both the number and the members.
    pub(super) fn new(stored: Stored, chain: &Chain, in_progress: Option<&RotationState>) -> Self {
        let present = chain.epoch();
        let is_in_progress = in_progress.is_some_and(|it| it.id == stored.id);
        let state = match key_epoch(&stored, chain) {
            Some(key_epoch) if key_epoch == present => State::Committed {
                key_epoch,
                is_known_outside: chain.has_disabled_since_rotation(),
            },
            Some(key_epoch) => State::Superseded { key_epoch, present },
            None if stored.is_begun && stored.to_epoch.is_some_and(|to| to <= present) => {
                State::Overtaken { present }
            }
            None if stored.is_begun && !is_in_progress => State::Abandoned,
            None if stored.is_exposed(chain) => State::Exposed,
            None => State::Incomplete,
        };
        Self {
            stored,
            state,
            is_in_progress,
        }
    }

    /// Returns true if a rotation of this account is committed, and is all that is needed: no member was disabled since.
    pub(super) fn is_complete_for(&self, account: &str) -> bool {
        let is_enough = matches!(
            self.state,
            State::Committed {
                is_known_outside: false,
                ..
            }
        );
        is_enough && self.stored.account == account
    }

    /// Returns the state for people.
    pub(super) fn describe(&self) -> String {
        let id = self.stored.id;
        match self.state {
            State::Incomplete => format!("the rotation {id} is not complete"),
            State::Exposed => format!(
                "the rotation {id} is not complete, and a member was disabled after its key was made, and may know this key"
            ),
            State::Committed {
                key_epoch,
                is_known_outside,
            } => {
                let since = match is_known_outside {
                    true => "; a member was disabled since, and may know this key",
                    false => "",
                };
                format!(
                    "the rotation {id} is committed: the org key is {}, with the number {key_epoch}{since}",
                    self.stored.fingerprint
                )
            }
            State::Superseded { key_epoch, present } => format!(
                "the rotation {id} was committed, with the number {key_epoch}, and the org key was replaced again since, and now \
                 has the number {present}"
            ),
            State::Overtaken { present } => format!(
                "the rotation {id} was not committed, and another rotation has replaced the org key, which now has the number {present}"
            ),
            State::Abandoned => format!(
                "the rotation {id} was given up by an administrator, or replaced by another one: the org key was not replaced"
            ),
        }
    }

    /// Returns the state for `--json`.
    pub(super) fn name(&self) -> &'static str {
        match self.state {
            State::Incomplete => "incomplete",
            State::Exposed => "exposed",
            State::Committed { .. } => "committed",
            State::Superseded { .. } => "superseded",
            State::Overtaken { .. } => "overtaken",
            State::Abandoned => "abandoned",
        }
    }
}

/// Explains that the configured fingerprint refuses the org key of the interrupted rotation.
pub(super) fn explain_configured(failure: Failure, settings: &Settings) -> Failure {
    match made_here(settings) {
        Some(key) if failure.message().is_some_and(|it| it.contains(&key)) => {
            failure.with_advice(&format!(
                "the rotation that was interrupted on this machine has made {key}: change the configured fingerprint to it, and run \
                 {} again, which completes that rotation",
                advice::command("org rotate")
            ))
        }
        _ => failure,
    }
}

/// Returns the new org key that is stored on this machine, if a fingerprint is configured.
fn made_here(settings: &Settings) -> Option<String> {
    settings.org_key.as_ref()?;
    let known = Trust::load_all(settings).ok()?.remembered?.organization?;
    let file = RotationFile::new(known.id.parse().ok()?, settings.insecure_permissions);
    Some(file.ok()?.load().ok()??.fingerprint)
}

/// Returns the number of the key of the rotation, if the chain has or had the key.
fn key_epoch(stored: &Stored, chain: &Chain) -> Option<u64> {
    let epochs = (0..=chain.epoch()).rev();
    let mut keys = epochs.map_while(|epoch| Some((epoch, chain.fingerprint_of(epoch)?)));
    let found = keys.find(|(_, key)| key.to_string() == stored.fingerprint);
    found.map(|(epoch, _)| epoch)
}
