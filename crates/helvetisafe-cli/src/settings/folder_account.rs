//! The account in the folder of the profile, which `join` or another command made there.

use std::fs;
use std::path::PathBuf;

use helvetisafe::Timestamp;
use helvetisafe::organization::ScopeList;
use serde::Deserialize;

use super::Settings;
use crate::advice;

/// The file with the progress of the account, beside the profile.
const FILE: &str = "account.json";

/// The part of that file that explains a refusal.
#[derive(Deserialize)]
struct FolderAccount {
    purpose: String,
    name: String,
    stage: String,
    client_id: Option<String>,
    scopes: ScopeList,
    /// The time until which an administrator can confirm it. An earlier version did not store it.
    expires_at: Option<Timestamp>,
}

impl Settings {
    /// Returns the possible reasons for which the vault refuses an account that a command made in the folder of the profile;
    /// `None` for other accounts.
    ///
    /// `has_worked` is true if the vault has accepted the account on this machine before.
    pub(crate) fn causes_of_refused_account(&self, has_worked: bool) -> Option<String> {
        self.account_file()?.causes_of_refusal(has_worked)
    }

    /// Returns true if a command made the account of the profile, and it may not be confirmed yet.
    pub(crate) fn may_be_unconfirmed(&self) -> bool {
        self.account_file().is_some_and(|file| file.path.exists())
    }

    /// Returns the file that explains a refusal, for another thread; `None` if no command can have made it.
    pub(crate) fn account_file(&self) -> Option<AccountFile> {
        Some(AccountFile {
            path: self.profile.as_ref()?.file.with_file_name(FILE),
            client_id: self.client_id()?.to_owned(),
        })
    }
}

/// The file beside the profile, and the account of the settings.
pub(crate) struct AccountFile {
    path: PathBuf,
    client_id: String,
}

impl AccountFile {
    /// Returns the possible reasons for which the vault refuses the account; `None` if the file is that of another account.
    pub(crate) fn causes_of_refusal(&self, has_worked: bool) -> Option<String> {
        let account: FolderAccount = serde_json::from_slice(&fs::read(&self.path).ok()?).ok()?;
        let is_same = account.client_id.as_ref() == Some(&self.client_id);
        is_same.then(|| account.causes(has_worked))
    }
}

impl FolderAccount {
    fn causes(&self, has_worked: bool) -> String {
        let name = &self.name;
        if has_worked && self.purpose == "join" {
            return format!(
                "the vault has accepted the account `{name}` here before: it was disabled, has another client secret, or the vault \
                 has another database; an administrator sees its state with `helvetisafe org members`"
            );
        }
        let expired = self.expires_at.filter(|time| *time <= Timestamp::now());
        match (self.purpose.as_str(), self.stage.as_str(), expired) {
            ("join", _, Some(time)) => format!(
                "the account `{name}` was not confirmed before its invitation expired at {time:.0}, was disabled, or has another \
                 client secret: if it is new, ask an administrator to invite you again, with {}, and join with the new code and \
                 a new folder",
                advice::invite_elsewhere(name, &self.scopes)
            ),
            ("join", _, None) => format!(
                "the account `{name}` is not confirmed yet, was disabled, or has another client secret: if it is new, ask an \
                 administrator to run `helvetisafe org confirm {}`",
                advice::argument(name)
            ),
            (_, "accepted", _) => format!(
                "the account `{name}` was disabled, or has another client secret: another administrator sees its state with \
                 `helvetisafe org members`"
            ),
            _ => format!(
                "the account `{name}` is not complete: run the command that made its folder again, with the same folder"
            ),
        }
    }
}
