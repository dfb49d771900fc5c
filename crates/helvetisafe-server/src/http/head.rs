//! Checks of the head of a request.

use axum::http::header::{
    AUTHORIZATION, AsHeaderName, CONTENT_ENCODING, CONTENT_TYPE, HOST, TRANSFER_ENCODING,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Version};

use super::Refusal;

/// The header of an API token.
pub(super) const X_AEGIS_TOKEN: HeaderName = HeaderName::from_static("x-aegis-token");

/// Refuses heads that two programs could interpret differently: an invalid `Host` (RFC 9112 section 3.2), a transfer
/// coding other than `chunked` (section 6.1), and repeated headers that may be sent only once (RFC 9110 section 5.3).
pub(super) fn check(version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
    if !has_valid_host(version, headers) {
        return Err(Refusal::INVALID_HOST);
    }
    if !is_plain_or_chunked(headers) {
        return Err(Refusal::INVALID_TRANSFER_ENCODING);
    }
    if is_repeated(headers, AUTHORIZATION) || is_repeated(headers, X_AEGIS_TOKEN) {
        return Err(Refusal::SEVERAL_CREDENTIALS);
    }
    if is_repeated(headers, CONTENT_TYPE) {
        return Err(Refusal::REPEATED_HEADER);
    }
    Ok(())
}

/// Returns true if there is one valid `Host`, which may be empty. HTTP/1.0 may omit it.
fn has_valid_host(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host.as_bytes()),
        (None, _) => version < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    }
}

fn is_host(value: &[u8]) -> bool {
    value.is_empty() || (!value.contains(&b'@') && Authority::try_from(value).is_ok())
}

/// Returns true if there is no `Transfer-Encoding`, or exactly one `chunked`. The HTTP library decodes no other one, and
/// ignores those before `chunked`.
fn is_plain_or_chunked(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

fn is_repeated(headers: &HeaderMap, name: impl AsHeaderName) -> bool {
    headers.get_all(name).iter().nth(1).is_some()
}

/// Refuses a body with a content coding, RFC 9110 section 8.4.
pub(super) fn check_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let is_plain = values.all(is_identity);
    is_plain.then_some(()).ok_or(Refusal::UNKNOWN_ENCODING)
}

/// Returns true if a list of codings is only `identity`. Empty elements are ignored, RFC 9110 section
/// 5.6.1.
fn is_identity(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|text| {
        let mut codings = text.split(',').map(str::trim);
        codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case("identity"))
    })
}

/// Returns true if the body has a media type, RFC 9110 section 8.3.1. Parameters are ignored.
pub(super) fn has_media_type(headers: &HeaderMap, expected: &str) -> bool {
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    given
        .and_then(|text| text.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case(expected))
}
