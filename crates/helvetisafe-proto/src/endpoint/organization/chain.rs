//! `GET /api/v1/organization/chain` and `GET /api/v1/join/chain`: return entries of the signed chain.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{call, with_bearer};
use crate::endpoint::{add_query, bare};
use crate::{Base64, BaseUrl, Endpoint, Scope};

/// Requests entries of the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GetChain {
    /// The number of the first entry.
    pub from: u64,
}

/// Requests entries of the chain for an invited person.
#[derive(Clone, Debug)]
pub struct GetJoinChain {
    /// The token of the invitation.
    pub token: SecretString,
    /// The number of the first entry.
    pub from: u64,
}

/// Entries of the chain, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainAnswer {
    /// The entries; none if the chain has no entry of that number.
    pub entries: Vec<Base64>,
    /// True if there are entries after these.
    pub has_more: bool,
}

call! {
    GetChain: GET "/api/v1/organization/chain", Some(Scope::CredentialsRead), Read, List -> ChainAnswer,
    request: |call, base| request::<Self>(base, call.from),
    what: "it is not a part of the chain"
}

call! {
    GetJoinChain: GET "/api/v1/join/chain", None, Read, List -> ChainAnswer,
    request: |call, base| with_bearer(request::<Self>(base, call.from), &call.token),
    what: "it is not a part of the chain"
}

fn request<E: Endpoint>(base: &BaseUrl, from: u64) -> http::Request<Vec<u8>> {
    let mut request = bare::<E>(base, None);
    add_query(request.uri_mut(), &format!("from={from}"));
    request
}
