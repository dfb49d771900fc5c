//! `account.json`: the purpose of the keys in a folder, and the progress of the account.

use std::path::Path;

use helvetisafe::organization::ScopeList;
use helvetisafe::{Fingerprint, Timestamp};
use serde::{Deserialize, Serialize};

use super::other_purpose;
use crate::advice;
use crate::commands::member_name;
use crate::failure::Failure;

const VERSION: u8 = 1;

/// The account that a command makes. It has no secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::commands) struct Plan {
    version: u8,
    pub(in crate::commands) purpose: Purpose,
    pub(in crate::commands) base_url: String,
    /// 16 hexadecimal digits.
    pub(in crate::commands) organization: String,
    pub(in crate::commands) name: String,
    pub(in crate::commands) scopes: ScopeList,
    /// The id of the invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) invitation: Option<String>,
    /// The expiry of the invitation, unless it is confirmed already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) expires_at: Option<Timestamp>,
    pub(in crate::commands) stage: Stage,
    /// Set once the keys are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) client_id: Option<String>,
    /// Set if the vault is to store the private key under a password.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::commands) has_password: bool,
    /// The fingerprint of the org key, once the vault has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::commands) org_key_fingerprint: Option<String>,
}

/// The command that makes the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::commands) enum Purpose {
    Create,
    Join,
    Recovery,
}

/// The progress of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::commands) enum Stage {
    /// The keys are not complete, and nothing was sent.
    Begun,
    /// The keys are complete. They may have been sent.
    Made,
    /// The vault has accepted them.
    Accepted,
}

impl Plan {
    pub(in crate::commands) fn new(
        purpose: Purpose,
        base_url: &str,
        organization: String,
        name: &str,
        scopes: &ScopeList,
    ) -> Self {
        Self {
            version: VERSION,
            purpose,
            base_url: base_url.to_owned(),
            organization,
            name: name.to_owned(),
            scopes: scopes.clone(),
            invitation: None,
            expires_at: None,
            stage: Stage::Begun,
            client_id: None,
            has_password: false,
            org_key_fingerprint: None,
        }
    }

    pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Self, Failure> {
        let unusable = |why: &dyn std::fmt::Display| {
            Failure::usage(format_args!(
                "cannot parse {}: {why}; choose a new folder",
                path.display()
            ))
        };
        let plan: Self = serde_json::from_slice(bytes).map_err(|error| unusable(&error))?;
        match plan.version {
            VERSION => Ok(plan),
            version => Err(unusable(&format_args!("its version is {version}"))),
        }
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, Failure> {
        let json = serde_json::to_vec_pretty(self);
        let mut json =
            json.map_err(|error| Failure::other(format_args!("cannot write JSON: {error}")))?;
        json.push(b'\n');
        Ok(json)
    }

    /// Returns true if the account has a signing key.
    pub(in crate::commands) fn is_administrator(&self) -> bool {
        member_name::is_administrator(&self.scopes)
    }

    /// Notes that the vault has accepted the account.
    pub(in crate::commands) fn accepted(self, fingerprint: &Fingerprint) -> Self {
        Self {
            stage: Stage::Accepted,
            org_key_fingerprint: Some(fingerprint.to_string()),
            ..self
        }
    }

    /// Fails if the keys in the folder are for something else than `wanted`. A new organization has a new id.
    pub(super) fn check_same(&self, wanted: &Self, folder: &Path) -> Result<(), Failure> {
        let Some((difference, how)) = self.difference(wanted) else {
            return Ok(());
        };
        let to_continue = match how {
            Some(how) => format!("to continue with these keys, {how}; to start over"),
            None => "to make another account".to_owned(),
        };
        Err(other_purpose(
            folder,
            format_args!(
                "has the keys of {}{difference}; {to_continue}",
                self.described()
            ),
        ))
    }

    /// Returns how these keys differ from the wanted ones, and what continues with these, if a change of the command line does.
    fn difference(&self, wanted: &Self) -> Option<(String, Option<String>)> {
        if self.purpose != wanted.purpose {
            return Some((String::new(), None));
        }
        if self.invitation != wanted.invitation {
            let how = "use the code of that invitation".to_owned();
            return Some((", for another invitation".to_owned(), Some(how)));
        }
        if self.purpose == Purpose::Recovery && self.organization != wanted.organization {
            return Some((", in another organization".to_owned(), None));
        }
        let url = |plan: &Self| plan.base_url.trim_end_matches('/').to_owned();
        if url(self) != url(wanted) {
            let how = format!("give --base-url {}", self.base_url);
            let urls = (&self.base_url, &wanted.base_url);
            let difference = format!(", for the vault {}, not {}", urls.0, urls.1);
            let has_flag = self.purpose != Purpose::Recovery;
            return Some((difference, has_flag.then_some(how)));
        }
        if self.name != wanted.name {
            let how = format!("give {}", advice::option("--name", self.name.as_ref()));
            let has_flag = self.purpose != Purpose::Join;
            return Some((
                format!(", and this command is for `{}`", wanted.name),
                has_flag.then_some(how),
            ));
        }
        let scopes = (self.scopes.as_str(), wanted.scopes.as_str());
        let difference = format!(", with the scopes {}, not {}", scopes.0, scopes.1);
        (self.scopes != wanted.scopes).then_some((difference, None))
    }

    /// Describes the account, and how far it is.
    fn described(&self) -> String {
        let name = &self.name;
        let what = match self.purpose {
            Purpose::Create => format!("`{name}`, the founder of an organization"),
            Purpose::Join => format!("the member `{name}`"),
            Purpose::Recovery => format!("the recovery kit `{name}`"),
        };
        match self.stage {
            Stage::Accepted => what,
            Stage::Begun | Stage::Made => format!("{what}, from a command that was interrupted"),
        }
    }
}
