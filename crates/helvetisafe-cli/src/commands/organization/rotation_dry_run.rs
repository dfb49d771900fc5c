//! `org rotate --dry-run`: verifies what a rotation verifies, and prints what it would do.

use helvetisafe::organization::{Anchor, Chain, SigningKey};

use super::interrupted_rotation::{Interrupted, State};
use super::rotation_conflict;
use super::rotation_report::{self, Figures, Replaced};
use crate::failure::Failure;
use crate::session::{Administration, administrator};
use crate::ui::Ui;

/// Verifies all that a rotation verifies before its first change. `own` is the client id of the account with this key.
pub(super) fn explain(
    administration: &Administration<'_>,
    (key, own): (&SigningKey, &str),
    chain: &Chain,
    interrupted: Option<&Interrupted>,
    ui: &Ui,
) -> Result<(), Failure> {
    if let Some(it) = interrupted.filter(|it| it.is_complete_for(own)) {
        return Replaced::present(it, chain).explain_complete(it, ui);
    }
    let resumed = interrupted.filter(|it| it.state == State::Incomplete);
    if let Some(it) = resumed {
        rotation_conflict::check_stored(&it.stored, chain, own)?;
    }
    let anchor = Anchor::Head(*chain.head());
    let by = administrator(key, &anchor);
    let check = administration.call(|it| it.check_rotation(&by))?;
    let present = administration.call(|organization| organization.rotation())?;
    let stored = interrupted.map(|it| &it.stored);
    rotation_conflict::check_free(present.as_ref(), stored, chain, own)?;
    let figures = Figures {
        secrets: count_secrets(administration, resumed)?,
        members: check.members,
        invitations: check.invitations,
    };
    rotation_report::explain(interrupted, chain, figures, ui)
}

/// Returns the number of the secrets that the rotation would seal; `None` if the credential may not list them.
fn count_secrets(
    administration: &Administration<'_>,
    resumed: Option<&Interrupted>,
) -> Result<Option<u64>, Failure> {
    match resumed.filter(|it| it.is_in_progress) {
        Some(it) => {
            let id = it.stored.id;
            let left = administration.call(|call| call.remaining_secrets(id));
            left.map(Some)
        }
        None => administration.count_secrets(),
    }
}
