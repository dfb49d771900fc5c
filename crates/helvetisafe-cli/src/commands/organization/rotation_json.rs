//! The output of `org rotate --json`.

use serde::Serialize;

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
pub(super) struct Json {
    pub(super) action: &'static str,
    /// `None` in a dry run of a new rotation.
    pub(super) rotation: Option<String>,
    pub(super) key_epoch: Option<u64>,
    pub(super) org_key_fingerprint: Option<String>,
    pub(super) dry_run: bool,
    /// In a dry run of a rotation only.
    #[serde(flatten)]
    pub(super) figures: Option<Figures>,
}

/// The numbers of what a rotation would seal and wrap.
#[derive(Serialize)]
pub(super) struct Figures {
    /// `None` if the credential may not list them.
    pub(super) secrets: Option<usize>,
    pub(super) members: usize,
    pub(super) invitations: usize,
}
