//! `account.json`: the purpose of the keys in a folder, and the progress of the account.

use std::path::Path;

use helvetisafe::Fingerprint;
use helvetisafe::organization::ScopeList;
use serde::{Deserialize, Serialize};

use super::other_purpose;
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
        let is_same_purpose =
            self.purpose == wanted.purpose && self.invitation == wanted.invitation;
        let why = if !is_same_purpose {
            match self.purpose {
                Purpose::Create => "has the keys of the founder of an organization",
                Purpose::Join => "has the keys for another invitation",
                Purpose::Recovery => "has the keys of a recovery kit",
            }
        } else if self.purpose == Purpose::Recovery && self.organization != wanted.organization {
            "has the keys for another organization"
        } else if self.base_url.trim_end_matches('/') != wanted.base_url.trim_end_matches('/') {
            "has the keys for another vault"
        } else if self.name != wanted.name || self.scopes != wanted.scopes {
            "has the keys for another name, or other scopes"
        } else {
            return Ok(());
        };
        Err(other_purpose(folder, why))
    }
}
