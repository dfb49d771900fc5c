//! `GET /api/v1/organization/audit`: returns the record of administrative acts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::call;
use crate::endpoint::{add_query, bare};
use crate::{Hex, Scope};

/// Requests a part of the record, the newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListAudit {
    /// The last record of the page before. `None` starts with the newest.
    pub before: Option<Hex<8>>,
}

/// A part of the record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditAnswer {
    /// The acts, the newest first.
    pub records: Vec<AuditRecord>,
    /// True if there are older ones.
    pub has_more: bool,
}

/// One act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// The id.
    pub id: Hex<8>,
    /// The time.
    pub at: Timestamp,
    /// The client id of the account that acted; absent for the operator of the vault, and for a person who joins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The act, such as `organization.invite`.
    pub act: String,
    /// The id of the account, invitation, token or rotation that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// More about it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

call! {
    ListAudit: GET "/api/v1/organization/audit", Some(Scope::AuditRead), Read, List -> AuditAnswer,
    request: |call, base| {
        let mut request = bare::<Self>(base, None);
        if let Some(before) = call.before {
            add_query(request.uri_mut(), &format!("before={before}"));
        }
        request
    },
    what: "it is not a part of the audit record"
}
