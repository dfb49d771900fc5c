//! Labels of metrics. Each is a text of this program, so no request can add one.

use axum::http::Method;
use helvetisafe_proto::Endpoint;
use helvetisafe_proto::endpoint::organization::{
    AbandonRotation, BeginRotation, CommitRotation, Confirm, CreateApiToken, Disable,
    FoundOrganization, GetAccount, GetChain, GetJoinChain, Invite, Join, ListAudit, RevokeApiToken,
    StageSecrets, WithdrawInvitation,
};
use helvetisafe_proto::endpoint::{CreateSecret, FetchToken, GetOrgKey, GetPrivateKey, GetSecret};
use prometheus_client::encoding::EncodeLabelSet;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) method: &'static str,
    pub(super) route: &'static str,
    pub(super) status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RouteLabels {
    pub(super) method: &'static str,
    pub(super) route: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LimitLabels {
    pub(super) limit: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ResultLabels {
    pub(super) result: &'static str,
}

/// The label of everything that a list here lacks.
const OTHER: &str = "other";

/// The path of every route, once, with the most frequent ones first.
const ROUTES: [&str; 24] = [
    GetSecret::PATH,
    CreateSecret::PATH,
    FetchToken::PATH,
    GetOrgKey::PATH,
    GetPrivateKey::PATH,
    FoundOrganization::PATH,
    GetAccount::PATH,
    GetChain::PATH,
    Invite::PATH,
    WithdrawInvitation::PATH,
    Confirm::PATH,
    Disable::PATH,
    Join::PATH,
    GetJoinChain::PATH,
    CreateApiToken::PATH,
    RevokeApiToken::PATH,
    ListAudit::PATH,
    BeginRotation::PATH,
    StageSecrets::PATH,
    CommitRotation::PATH,
    AbandonRotation::PATH,
    "/health",
    "/ready",
    "/openapi.json",
];

/// Returns the template of a request's route, such as `/api/v1/secrets/{key}`.
pub(super) fn route(path: &str) -> &'static str {
    let known = ROUTES.into_iter().find(|route| is_of(path, route));
    known.unwrap_or(OTHER)
}

/// Returns true if a path has the segments of a template. Byte by byte, since every request is compared with several.
fn is_of(path: &str, template: &str) -> bool {
    let (mut path, mut template) = (path.as_bytes(), template.as_bytes());
    loop {
        match (path, template) {
            ([], []) => return true,
            ([first, ..], [b'{', ..]) if *first != b'/' => {
                (path, template) = (next_slash(path), next_slash(template));
            }
            ([a, rest @ ..], [b, others @ ..]) if a == b => (path, template) = (rest, others),
            _ => return false,
        }
    }
}

/// Returns the part of a path from its first slash on.
fn next_slash(path: &[u8]) -> &[u8] {
    let end = path.iter().position(|byte| *byte == b'/');
    path.get(end.unwrap_or(path.len())..).unwrap_or_default()
}

pub(super) fn method(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
    let known = known.into_iter().find(|it| *it == method.as_str());
    known.unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_label_of_its_route() {
        for template in ROUTES {
            let segments = template.split('/');
            let path: Vec<_> = segments
                .map(|segment| segment.strip_prefix('{').map_or(segment, |_| "a"))
                .collect();
            assert_eq!(route(&path.join("/")), template);
        }
        for path in [
            "",
            "/",
            "*",
            "/health/",
            "//health",
            "/api/v1/secrets/",
            "/api/v1/secrets/a/b",
        ] {
            assert_eq!(route(path), OTHER, "{path}");
        }
    }

    #[test]
    fn every_documented_route_has_its_label() {
        let document: serde_json::Value =
            serde_json::from_str(include_str!("../http/openapi.json")).unwrap();
        let mut documented: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
        let mut routes = ROUTES;
        routes.sort_unstable();
        documented.sort_unstable();
        assert_eq!(routes.as_slice(), documented);
    }
}
