//! The folder of an earlier run of the same command: its plan, and the profile, from which the command takes what it is not
//! given.

use std::path::Path;

use zeroize::Zeroizing;

use super::{AccountFolder, CONFIG, Plan, RESTORE, Stage};
use crate::failure::Failure;
use crate::settings::{AccountProfile, Address, Entry, FolderProfile};
use crate::ui::Ui;

impl AccountFolder {
    /// Returns the plan of an earlier run of the same command, for a dry run: nothing is made or changed. Fails if the folder
    /// cannot be used for `wanted`.
    pub(in crate::commands) fn begun(
        path: &Path,
        wanted: &Plan,
        insecure_permissions: bool,
    ) -> Result<Option<Plan>, Failure> {
        let Some(folder) = Self::open_used(path, insecure_permissions)? else {
            return Ok(None);
        };
        let found = folder.plan()?;
        if let Some(found) = &found {
            found.check_same(wanted, folder.path())?;
        }
        Ok(found)
    }

    /// Returns the plan and the profile of an earlier run that has made the keys, if `is_same` is true for its plan: a command that
    /// is run again takes from there what it is not given. Nothing is made or changed.
    pub(in crate::commands) fn earlier(
        path: &Path,
        insecure_permissions: bool,
        is_same: impl FnOnce(&Plan) -> bool,
    ) -> Result<Option<(Plan, FolderProfile)>, Failure> {
        let Some(folder) = Self::open_used(path, insecure_permissions)? else {
            return Ok(None);
        };
        let plan = folder.plan()?;
        let Some(plan) = plan.filter(|it| it.stage != Stage::Begun && is_same(it)) else {
            return Ok(None);
        };
        let profile = folder.profile(&plan)?;
        Ok(profile.map(|profile| (plan, profile)))
    }

    /// Opens a folder that has files; `None` for others. Opening would create the folder, or change the mode of an
    /// empty one.
    fn open_used(path: &Path, insecure_permissions: bool) -> Result<Option<Self>, Failure> {
        let is_empty = || {
            path.read_dir()
                .is_ok_and(|mut entries| entries.next().is_none())
        };
        match path.symlink_metadata().is_err() || is_empty() {
            true => Ok(None),
            false => Self::open(path, insecure_permissions).map(Some),
        }
    }

    /// Returns the profile of an earlier run; `None` if its file is gone.
    pub(super) fn profile(&self, plan: &Plan) -> Result<Option<FolderProfile>, Failure> {
        let file = self.config();
        let bytes = self.folder.read("the configuration file", CONFIG)?;
        let parse = |bytes: Zeroizing<Vec<u8>>| {
            let text = std::str::from_utf8(&bytes).map_err(|_| {
                Failure::usage(format_args!("{} is not text; {RESTORE}", file.display()))
            })?;
            FolderProfile::parse(file.clone(), text.to_owned(), &plan.base_url)
        };
        bytes.map(parse).transpose()
    }

    /// Changes the profile of a complete account for another address, and returns the keys that were changed.
    pub(super) fn update_profile(
        &self,
        profile: &FolderProfile,
        address: &Address,
    ) -> Result<Vec<&'static str>, Failure> {
        let (changed, text) = profile.updated(address)?;
        if changed.is_empty() {
            return Ok(changed);
        }
        let is_new = changed.contains(&AccountProfile::CA_CERTIFICATE_KEY);
        let certificate = address.certificate()?.filter(|_| is_new);
        self.write_profile(certificate.as_deref(), &text)?;
        Ok(changed)
    }

    /// Reports the keys that [`Self::update_profile`] has changed.
    pub(in crate::commands) fn report_changed(&self, keys: &[&str], ui: &Ui) {
        if !keys.is_empty() {
            let config = self.config();
            ui.messages.note(format_args!(
                "wrote {} into {}",
                keys.join(" and "),
                config.display()
            ));
        }
    }
}

/// Returns the settings of an earlier run; none without one.
pub(in crate::commands) fn entries_of(
    earlier: Option<&(Plan, FolderProfile)>,
) -> Result<Vec<Entry>, Failure> {
    earlier.map_or_else(|| Ok(Vec::new()), |(_, profile)| profile.entries())
}

/// Returns the keys that a command would change in the profile of a complete account, for a dry run; none for other accounts.
pub(in crate::commands) fn would_change(
    earlier: Option<&(Plan, FolderProfile)>,
    address: &Address,
) -> Result<Vec<&'static str>, Failure> {
    match earlier {
        Some((plan, profile)) if plan.stage == Stage::Accepted => {
            let (changed, _) = profile.updated(address)?;
            Ok(changed)
        }
        _ => Ok(Vec::new()),
    }
}
