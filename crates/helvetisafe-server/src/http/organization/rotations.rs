//! The calls that replace the org key: a rotation is begun, stages every secret for the next epoch, and is committed.

mod abandon;
mod begin;
mod commit;
mod get;
mod list_unstaged;
mod stage;

use std::sync::Arc;

use axum::Router;
use helvetisafe_proto::endpoint::organization::{
    AbandonRotation, BeginRotation, CommitRotation, Commitment, GetRotation, ListUnstaged,
    NewRotation, StageSecrets, StagedSecrets,
};

use crate::http::body::Written;
use crate::http::endpoint;
use crate::shared::Shared;

/// Returns the routes of these calls.
pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .merge(endpoint::<BeginRotation, _>(begin::call))
        .merge(endpoint::<GetRotation, _>(get::call))
        .merge(endpoint::<ListUnstaged, _>(list_unstaged::call))
        .merge(endpoint::<StageSecrets, _>(stage::call))
        .merge(endpoint::<CommitRotation, _>(commit::call))
        .merge(endpoint::<AbandonRotation, _>(abandon::call))
}

impl Written for NewRotation {}

impl Written for StagedSecrets {}

impl Written for Commitment {}
