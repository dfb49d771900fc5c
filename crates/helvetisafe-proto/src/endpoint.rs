//! The calls, one file each: its first line is the method and the path.

mod create_secret;
mod delete_secret;
mod fetch_token;
mod get_org_key;
mod get_private_key;
mod get_secret;
mod list_secrets;
mod update_secret;

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Response, Uri};
use serde::{Deserialize, Serialize};

use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, Scope};

pub use create_secret::{CreateSecret, CreatedSecret, NewSecret};
pub use delete_secret::DeleteSecret;
pub use fetch_token::{AccessToken, FetchToken, TokenAnswer};
pub use get_org_key::{GetOrgKey, OrgKeyAnswer};
pub use get_private_key::{GetPrivateKey, PrivateKeyAnswer};
pub use get_secret::{GetSecret, SecretRecord};
pub use list_secrets::{ListSecrets, ListedSecret, SecretsAnswer};
pub use update_secret::{Expiry, SecretUpdate, UpdateSecret, UpdatedSecret};

/// One call: how its request is built and how its answer is read.
pub trait Endpoint {
    /// What a success holds.
    type Answer;

    /// How it may be repeated.
    const REPEAT: Repeat;

    /// The scope that it needs; `None` for the token request.
    const SCOPE: Option<Scope>;

    /// How large its answer may be.
    const BODY: BodySize;

    /// The request, without a credential.
    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>>;

    /// Reads the answer. What is left of its body is not told: a large one may become a part of
    /// what is returned.
    ///
    /// # Errors
    ///
    /// [`ApiError`] when the status is no success, or when the body is not what the call promises
    /// or stops in the middle ([`ApiError::is_truncated`]).
    fn parse(&self, response: &mut Response<Vec<u8>>) -> Result<Self::Answer, ApiError>;
}

/// Which bound holds for the body of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodySize {
    /// A token, the org key, the private key, or the metadata of one write.
    Credential,
    /// One secret.
    Secret,
    /// The list of all names.
    List,
}

fn bare(method: Method, uri: Uri) -> Request<Vec<u8>> {
    let mut request = Request::new(Vec::new());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    request
        .headers_mut()
        .insert(ACCEPT, HeaderValue::from_static("application/json"));
    request
}

fn with_json(method: Method, uri: Uri, body: &impl Serialize) -> Request<Vec<u8>> {
    let mut request = bare(method, uri);
    request
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Strings and timestamps always serialize; an empty body, which every server refuses, stands
    // for what cannot happen.
    *request.body_mut() = serde_json::to_vec(body).unwrap_or_default();
    request
}

fn success(response: &Response<Vec<u8>>) -> Result<(), ApiError> {
    if response.status().is_success() {
        Ok(())
    } else {
        Err(ApiError::from_response(response))
    }
}

/// Reads a JSON body. Unknown members are ignored, however deep, without recursion; a member that
/// is doubled, missing or of another type is refused.
fn json<'a, T: Deserialize<'a>>(
    response: &'a Response<Vec<u8>>,
    what: &'static str,
) -> Result<T, ApiError> {
    success(response)?;
    let unreadable = |ends_early: bool| {
        if ends_early && !is_length_known(response) {
            ApiError::truncated()
        } else {
            ApiError::malformed(what)
        }
    };
    // As bytes, the reader would not look at what it skips.
    let text =
        str::from_utf8(response.body()).map_err(|error| unreadable(error.error_len().is_none()))?;
    // And it takes an array for a struct.
    if text.trim_start().starts_with(|first| first != '{') {
        return Err(unreadable(false));
    }
    serde_json::from_str(text).map_err(|error| unreadable(error.is_eof()))
}

/// Whether the head says where the body ends. If not, only the end of the connection does, also one
/// that comes too early: RFC 9112 section 6.3, item 8.
fn is_length_known(response: &Response<Vec<u8>>) -> bool {
    let headers = response.headers();
    headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING)
}

#[cfg(test)]
mod tests;
