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

/// The path of every route, once.
const ROUTES: [&str; 24] = [
    FetchToken::PATH,
    GetOrgKey::PATH,
    GetPrivateKey::PATH,
    CreateSecret::PATH,
    GetSecret::PATH,
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

/// Returns true if a path has the segments of a template.
fn is_of(path: &str, template: &str) -> bool {
    let mut path = path.split('/');
    let is_same = template.split('/').all(|expected| {
        path.next()
            .is_some_and(|segment| match expected.starts_with('{') {
                true => !segment.is_empty(),
                false => segment == expected,
            })
    });
    is_same && path.next().is_none()
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
