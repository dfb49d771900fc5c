//! The dry runs of `org rotate`.

use helvetisafe::Scope;
use helvetisafe::organization::{Account, Anchor, Chain, RotationId, SigningKey};

use super::rotation_conflict;
use super::rotation_file::Stored;
use super::rotation_json::{Figures, Json};
use crate::failure::Failure;
use crate::session::{Administration, administrator};
use crate::ui::Ui;

/// The scope that a dry run needs only to count the secrets.
pub(super) const OPTIONAL: [Scope; 1] = [Scope::SecretsList];

/// Verifies all that a rotation verifies before its first change.
pub(super) fn explain(
    administration: &Administration<'_>,
    key: &SigningKey,
    chain: &Chain,
    account: &Account,
    stored: Option<&Stored>,
    ui: &Ui,
) -> Result<(), Failure> {
    let own = &account.account;
    if let Some(stored) = stored {
        rotation_conflict::check_stored(stored, own)?;
    }
    let anchor = Anchor::Head(*chain.head());
    let by = administrator(key, &anchor);
    let check = administration.call(|it| it.check_rotation(&by))?;
    rotation_conflict::check_free(administration, stored.map(|it| it.id), own)?;
    let key_epoch = chain.epoch().saturating_add(1);
    let figures = Figures {
        secrets: administration.count_secrets(account)?,
        members: check.members,
        invitations: check.invitations,
    };
    if ui.json {
        return ui.output.json(&Json {
            action: "rotated",
            rotation: stored.map(|it| it.id.to_string()),
            key_epoch: Some(key_epoch),
            org_key_fingerprint: stored.map(|it| it.fingerprint.clone()),
            dry_run: true,
            figures: Some(figures),
        });
    }
    let replaced = match stored {
        Some(stored) => format!("continue the rotation {}", stored.id),
        None => "replace the org key".to_owned(),
    };
    let secrets = figures.secrets.map(|count| format!(" ({count})"));
    ui.output.line(&format!(
        "would {replaced}: seal every secret{} again under the number {key_epoch}, wrap the new key for the members ({}), and \
         seal the open invitations again ({})",
        secrets.unwrap_or_default(),
        figures.members,
        figures.invitations
    ))
}

/// Prints what would be given up.
pub(super) fn would_abandon(id: RotationId, ui: &Ui) -> Result<(), Failure> {
    if ui.json {
        return ui.output.json(&Json {
            action: "abandoned",
            rotation: Some(id.to_string()),
            key_epoch: None,
            org_key_fingerprint: None,
            dry_run: true,
            figures: None,
        });
    }
    let text = format!("would abandon the rotation {id}; the org key stays");
    ui.output.line(&text)
}
