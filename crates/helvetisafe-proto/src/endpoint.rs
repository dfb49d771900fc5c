//! The calls of the API, one file each: method, path, scope and other data as constants, then
//! the request, then the answer.

mod create_secret;
mod delete_secret;
mod fetch_token;
mod get_org_key;
mod get_private_key;
mod get_secret;
mod list_secrets;
pub mod organization;
mod update_secret;

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use serde::{Deserialize, Serialize};

use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, KeyName, Scope};

pub use create_secret::{CreateSecret, CreatedSecret, NewSecret};
pub use delete_secret::DeleteSecret;
pub use fetch_token::{AccessToken, FetchToken, TokenAnswer};
pub use get_org_key::{GetOrgKey, OrgKeyAnswer};
pub use get_private_key::{GetPrivateKey, PrivateKeyAnswer};
pub use get_secret::{GetSecret, SecretRecord};
pub use list_secrets::{ListSecrets, ListedSecret, PAGING, Page, SecretsAnswer, announces_paging};
pub use update_secret::{Expiry, SecretUpdate, UpdateSecret, UpdatedSecret};

/// The header of a write that is the same for all its repetitions, of
/// [draft-ietf-httpapi-idempotency-key-header](https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/).
/// A server that does not know it ignores it, RFC 9110 section 5.1.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Returns a value of [`IDEMPOTENCY_KEY`], from 128 random bits.
///
/// ```
/// let value = helvetisafe_proto::endpoint::idempotency_key(1);
/// assert_eq!(value, r#""00000000000000000000000000000001""#);
/// ```
#[must_use]
pub fn idempotency_key(random: u128) -> HeaderValue {
    let text = format!("\"{random:032x}\"");
    // Digits and quotation marks are always a value.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// One call of the API: its data, its request and its answer.
pub trait Endpoint {
    /// The content of a success.
    type Answer;

    /// The method of the request.
    const METHOD: Method;

    /// The path below the base URL. `{key}` stands for the name of a secret.
    const PATH: &'static str;

    /// The scope that the call needs; `None` for the token request, which has no credential yet.
    const SCOPE: Option<Scope>;

    /// The rules for repeating the call.
    const REPEAT: Repeat;

    /// The bound on the body of the answer.
    const ANSWER: AnswerSize;

    /// True if the request or the answer carries a credential or a key, even in encrypted form. Such a
    /// call is never recorded, and its bodies are wiped.
    const SENSITIVE: bool;

    /// True if the request carries an [`IDEMPOTENCY_KEY`], since the effect of an attempt that arrives late must not follow
    /// that of a repetition.
    const HAS_IDEMPOTENCY_KEY: bool = false;

    /// Returns the rules for repeating this call: [`Self::REPEAT`], unless the request has a condition.
    fn repeat(&self) -> Repeat {
        Self::REPEAT
    }

    /// Builds the request, without a credential.
    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>>;

    /// Reads the answer.
    ///
    /// # Errors
    ///
    /// [`ApiError`] when the status is not a success, or when the body is not what the call promises
    /// or stops in the middle ([`ApiError::is_truncated`]).
    fn parse(&self, response: Response<Vec<u8>>) -> Result<Self::Answer, ApiError>;
}

/// The bound on the body of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnswerSize {
    /// A token, the org key, the private key, or the metadata of one write.
    Credential,
    /// One secret.
    Secret,
    /// The list of all names.
    List,
}

/// A request without a body to [`Endpoint::PATH`], with the key in it if the path has one.
fn bare<E: Endpoint>(base: &BaseUrl, key: Option<&KeyName>) -> Request<Vec<u8>> {
    bare_at::<E>(base, key.map_or("", KeyName::as_str))
}

/// A request without a body to [`Endpoint::PATH`], with `part` in place of its `{…}`. The characters of `part` need no
/// escape.
fn bare_at<E: Endpoint>(base: &BaseUrl, part: &str) -> Request<Vec<u8>> {
    let path = match (E::PATH.find('{'), E::PATH.find('}')) {
        (Some(start), Some(end)) => [&E::PATH[..start], part, &E::PATH[end + 1..]].concat(),
        _ => E::PATH.to_owned(),
    };
    let mut request = Request::new(Vec::new());
    *request.method_mut() = E::METHOD;
    *request.uri_mut() = base.join(&path);
    request
        .headers_mut()
        .insert(ACCEPT, HeaderValue::from_static("application/json"));
    request
}

fn add_query(uri: &mut Uri, query: &str) {
    // A URL with such a query always parses.
    if let Ok(longer) = format!("{uri}?{query}").parse() {
        *uri = longer;
    }
}

fn with_json(mut request: Request<Vec<u8>>, body: &impl Serialize) -> Request<Vec<u8>> {
    request
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Strings and timestamps always serialize. If they ever did not, the request would have an empty
    // body, which every server refuses.
    *request.body_mut() = serde_json::to_vec(body).unwrap_or_default();
    request
}

fn success<B: AsRef<[u8]>>(response: &Response<B>) -> Result<(), ApiError> {
    if response.status().is_success() {
        Ok(())
    } else {
        Err(ApiError::from_response(response))
    }
}

/// Reads a JSON object. Unknown members are ignored at any depth, without recursion. A duplicate or
/// missing member, or one of another type, is refused.
fn json<'a, B: AsRef<[u8]>, T: Deserialize<'a>>(
    response: &'a Response<B>,
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
    // From bytes, the reader would not check that skipped text is UTF-8.
    let text = str::from_utf8(response.body().as_ref())
        .map_err(|error| unreadable(error.error_len().is_none()))?;
    // The reader accepts an array for a struct.
    if text.trim_start().starts_with(|first| first != '{') {
        return Err(unreadable(false));
    }
    serde_json::from_str(text).map_err(|error| unreadable(error.is_eof()))
}

/// Returns true if the head says where the body ends. Otherwise the end of the connection does, even if
/// the connection broke: RFC 9112 section 6.3, item 8.
fn is_length_known<B>(response: &Response<B>) -> bool {
    let headers = response.headers();
    headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING)
}

#[cfg(test)]
mod tests;
