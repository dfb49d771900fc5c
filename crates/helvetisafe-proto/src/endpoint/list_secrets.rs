//! `GET /api/v1/secrets`: lists the names and dates of all secrets, in the server's order.
//!
//! A server may offer pages, `?limit=NUMBER&after=KEY`, ordered by the bytes of the names. It announces them with
//! the header [`PAGING`] in each of its answers. A server that does not know them may refuse the query.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use serde::{Deserialize, Serialize};

use super::{AnswerSize, Endpoint, add_query, bare, json};
use crate::retry::Repeat;
use crate::{ApiError, BaseUrl, KeyName, Scope, Time, Version, version};

/// The header with which a server announces pages. Its value is `1`.
pub const PAGING: HeaderName = HeaderName::from_static("helvetisafe-paging");

/// Requests the list, or a page of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListSecrets {
    /// The page; `None` for the whole list.
    pub page: Option<Page>,
}

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The greatest number of secrets. The server may return fewer.
    pub limit: u32,
    /// The name before the first one, in the order of their bytes; `None` for the first page.
    pub after: Option<KeyName>,
}

/// The body of a success.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretsAnswer {
    /// The secrets; none if the member is absent.
    #[serde(default)]
    pub keys: Vec<ListedSecret>,
    /// True if there are secrets after this page.
    #[serde(default, skip_serializing_if = "is_false")]
    pub has_more: bool,
}

/// One secret in the list, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedSecret {
    /// The name as listed. A hostile server can choose any text: see [`crate::ListedKey`].
    pub key: String,
    /// The time of its creation.
    #[serde(default, skip_serializing_if = "Time::is_absent")]
    pub created_at: Time,
    /// The time of its last update.
    #[serde(default, skip_serializing_if = "Time::is_absent")]
    pub updated_at: Time,
    /// Its expiry.
    #[serde(default, skip_serializing_if = "Time::is_absent")]
    pub expires_at: Time,
    /// Its version, if the server gives versions.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "version::lenient"
    )]
    pub version: Option<Version>,
}

impl Endpoint for ListSecrets {
    type Answer = SecretsAnswer;

    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/api/v1/secrets";
    const SCOPE: Option<Scope> = Some(Scope::SecretsList);
    const REPEAT: Repeat = Repeat::Read;
    const ANSWER: AnswerSize = AnswerSize::List;
    const SENSITIVE: bool = false;

    fn request(&self, base: &BaseUrl) -> Request<Vec<u8>> {
        let mut request = bare::<Self>(base, None);
        if let Some(page) = &self.page {
            add_query(request.uri_mut(), &page.query());
        }
        request
    }

    fn parse(&self, response: Response<Vec<u8>>) -> Result<SecretsAnswer, ApiError> {
        json(&response, "it is not a list of secrets")
    }
}

impl Page {
    /// Returns the page after the answer to this one, or `None` if that is the last.
    ///
    /// # Errors
    ///
    /// [`ApiError`] when the answer does not follow [`Page::after`], is not in the order of the bytes, or announces
    /// more after no secret at all. So a server cannot repeat a page.
    pub fn next(&self, answer: &SecretsAnswer) -> Result<Option<Self>, ApiError> {
        const WRONG: &str = "its secrets do not follow those of the page before";
        let mut previous = self.after.as_ref().map(KeyName::as_str);
        for listed in &answer.keys {
            let follows = previous.is_none_or(|previous| *listed.key > *previous);
            if !follows && (self.after.is_some() || answer.has_more) {
                return Err(ApiError::malformed(WRONG));
            }
            previous = Some(&listed.key);
        }
        if !answer.has_more {
            return Ok(None);
        }
        let last = answer
            .keys
            .last()
            .map(|listed| KeyName::parse(&*listed.key));
        match last {
            Some(Ok(last)) => Ok(Some(Self {
                limit: self.limit,
                after: Some(last),
            })),
            _ => Err(ApiError::malformed(WRONG)),
        }
    }

    /// Returns the query. The characters of a name need no escape.
    fn query(&self) -> String {
        let limit = self.limit;
        match &self.after {
            Some(after) => format!("limit={limit}&after={after}"),
            None => format!("limit={limit}"),
        }
    }
}

/// Returns true if the server of an answer with these headers has pages.
#[must_use]
pub fn announces_paging(headers: &HeaderMap) -> bool {
    headers
        .get(PAGING)
        .is_some_and(|value| value == HeaderValue::from_static("1"))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes the field like this"
)]
fn is_false(value: &bool) -> bool {
    !value
}
