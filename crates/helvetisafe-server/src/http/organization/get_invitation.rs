//! `GET /api/v1/join`: the terms and the state of an invitation, for the invited person.

use axum::Json;
use helvetisafe_proto::endpoint::organization::InvitationTerms;

use super::credentials::Invited;

pub(super) async fn call(Invited(terms): Invited) -> Json<InvitationTerms> {
    Json(InvitationTerms {
        organization: terms.organization.into(),
        id: terms.id.into(),
        name: terms.name,
        scopes: terms.scopes.into(),
        expires_at: terms.expires_at.into(),
        status: terms.status,
    })
}
