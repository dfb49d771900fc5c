//! The condition of a write: `If-Match`, RFC 9110 section 13.1.1.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};

use super::Refusal;
use crate::shared::Shared;
use crate::store::{Conditional, SecretVersion};

/// The condition of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Precondition {
    None,
    /// `*`: the secret has to exist.
    Exists,
    /// The secret has to have one of these versions. Malformed, weak and foreign entity tags are left out, since
    /// none of them can be its version.
    Versions(Vec<SecretVersion>),
}

impl Precondition {
    /// Returns the versions that a secret has to have; `None` if any will do.
    pub(super) fn into_versions(self) -> Option<Vec<SecretVersion>> {
        match self {
            Self::None | Self::Exists => None,
            Self::Versions(versions) => Some(versions),
        }
    }

    fn of(headers: &HeaderMap) -> Self {
        let values: Vec<_> = headers.get_all(IF_MATCH).iter().collect();
        match values[..] {
            [] => Self::None,
            [any] if any == "*" => Self::Exists,
            _ => Self::Versions(values.into_iter().flat_map(versions).collect()),
        }
    }
}

fn versions(value: &HeaderValue) -> impl Iterator<Item = SecretVersion> {
    let tags = value.to_str().unwrap_or_default().split(',');
    tags.filter_map(|tag| SecretVersion::parse(tag.trim().strip_prefix('"')?.strip_suffix('"')?))
}

impl FromRequestParts<Arc<Shared>> for Precondition {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Shared>) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

impl<T> Conditional<T> {
    /// A missing secret is 404 with any condition: RFC 9110 section 13.2.1.
    pub(super) fn or_refuse(self) -> Result<T, Refusal> {
        match self {
            Self::Done(done) => Ok(done),
            Self::NoSecret => Err(Refusal::NO_SUCH_SECRET),
            Self::OtherVersion => Err(Refusal::OTHER_VERSION),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&'static str]) -> Precondition {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_MATCH, HeaderValue::from_static(value));
        }
        Precondition::of(&headers)
    }

    #[test]
    fn a_condition_names_the_versions_of_all_its_strong_tags() {
        let [one, two] = ["0000000000000001", "0000000000000002"];
        let [one, two] = [one, two].map(|text| SecretVersion::parse(text).unwrap());
        assert_eq!(of(&[]), Precondition::None);
        assert_eq!(of(&["*"]), Precondition::Exists);
        for (values, expected) in [
            (&["\"0000000000000001\""][..], vec![one]),
            (
                &["\"0000000000000001\" ,\"x\",\"0000000000000002\""],
                vec![one, two],
            ),
            (
                &["\"0000000000000001\"", "\"0000000000000002\""],
                vec![one, two],
            ),
            (&["W/\"0000000000000001\""], vec![]),
            (&["0000000000000001"], vec![]),
            (&["\"\""], vec![]),
            (&["\""], vec![]),
            (&[""], vec![]),
            (&["*", "*"], vec![]),
        ] {
            assert_eq!(of(values), Precondition::Versions(expected), "{values:?}");
        }
    }
}
