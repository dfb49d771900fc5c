use std::time::Duration;

use helvetisafe_proto::auth::{self, ApiTokenHeader, AuthHeader};
use helvetisafe_proto::endpoint::{
    AccessToken, CreateSecret, DeleteSecret, Expiry, FetchToken, GetOrgKey, GetPrivateKey,
    GetSecret, ListSecrets, NewSecret, SecretRecord, SecretUpdate, UpdateSecret,
};
use helvetisafe_proto::{ApiError, Endpoint, KeyName, Scopes};
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use secrecy::SecretString;

/// Parses a response. The first byte selects the call (as do the digits `0` to `7`), the next two are the
/// status, the remainder is the body and the target of a redirect.
pub fn parse_response(data: &[u8]) {
    let [call, high, low, body @ ..] = data else {
        return;
    };
    let status = status(u16::from_be_bytes([*high, *low]));
    let response = answer(status, body, body);
    if let Err(error) = parse(call % 8, response) {
        check_error(&error, status);
        if call % 8 != 0 && !status.is_success() {
            check_independent_of_body(&error, call % 8, answer(status, b"", body));
        }
    } else {
        assert!(status.is_success());
    }
}

/// Returns `number` if it is a status, else some status.
fn status(number: u16) -> StatusCode {
    let number = 100 + (u32::from(number) + 800) % 900;
    StatusCode::from_u16(number.try_into().unwrap()).unwrap()
}

fn answer(status: StatusCode, body: &[u8], location: &[u8]) -> Response<Vec<u8>> {
    let mut response = Response::new(body.to_vec());
    *response.status_mut() = status;
    if let Ok(location) = HeaderValue::from_bytes(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn parse(call: u8, response: Response<Vec<u8>>) -> Result<(), ApiError> {
    let key = KeyName::parse("db").unwrap();
    let (value, nonce) = (String::new(), String::new());
    match call {
        0 => parse_token(response),
        1 => GetOrgKey.parse(response).map(drop),
        2 => GetPrivateKey.parse(response).map(drop),
        3 => ListSecrets::default().parse(response).map(drop),
        4 => parse_secret(key, response),
        5 => {
            let secret = NewSecret {
                key,
                value,
                nonce,
                expires_at: None,
                key_epoch: None,
            };
            CreateSecret { secret }.parse(response).map(drop)
        }
        6 => {
            let update = SecretUpdate {
                value,
                nonce,
                expires_at: Expiry::Keep,
                key_epoch: None,
            };
            let if_match = None;
            UpdateSecret {
                key,
                update,
                if_match,
            }
            .parse(response)
            .map(drop)
        }
        _ => DeleteSecret { key }.parse(response),
    }
}

/// Compares the record, whose value is cut out of the body, with that of another parser.
fn parse_secret(key: KeyName, response: Response<Vec<u8>>) -> Result<(), ApiError> {
    let read = serde_json::from_slice::<SecretRecord>(response.body());
    let record = GetSecret { key }.parse(response)?;
    assert_eq!(record, read.unwrap());
    Ok(())
}

fn parse_token(response: Response<Vec<u8>>) -> Result<(), ApiError> {
    let call = FetchToken {
        client_id: "id",
        client_secret: &SecretString::from("secret"),
        scopes: &Scopes::ALL.into(),
    };
    call.parse(response).map(|token| check_usable(&token))
}

/// Checks that an accepted token fits into a header, and that its staleness and expiry agree.
fn check_usable(access: &AccessToken) {
    for header in [ApiTokenHeader::Bearer, ApiTokenHeader::XAegisToken] {
        let mut headers = HeaderMap::new();
        AuthHeader::api_token(&access.token, header).apply(&mut headers);
        let value = headers.values().next().unwrap().to_str().unwrap();
        assert!(value.ends_with(access.token.expose_secret()));
    }
    let stale = auth::is_stale(Duration::ZERO, access.life);
    assert_eq!(stale, !auth::is_alive(Duration::ZERO, access.life));
}

fn check_error(error: &ApiError, status: StatusCode) {
    assert_eq!(error.status(), Some(status).filter(|s| !s.is_success()));
    let server_text = error.server_text().unwrap_or_default();
    assert!(server_text.len() <= ApiError::MAX_TEXT);
    for shown in [&error.to_string(), &format!("{error:?}"), server_text] {
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
}

/// Checks that an error does not depend on the body, except for the kind of a 404. Errors of the token endpoint
/// do: they have a code of RFC 6749.
fn check_independent_of_body(error: &ApiError, call: u8, without_body: Response<Vec<u8>>) {
    let other = parse(call, without_body).unwrap_err();
    assert_eq!(error.to_string(), other.to_string());
    if error.status() != Some(StatusCode::NOT_FOUND) {
        assert_eq!(format!("{error:?}"), format!("{other:?}"));
    }
}
