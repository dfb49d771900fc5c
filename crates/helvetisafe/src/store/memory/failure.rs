//! The errors of a store in memory.

use std::sync::Arc;

use helvetisafe_crypto::{Error as CryptoError, OrgKey};
use helvetisafe_proto::ApiError;
use http::{Response, StatusCode};

use crate::config_error::ConfigError;
use crate::error::{Action, Cause, Error, ErrorKind};
use crate::http::{Failure, TransportError};

/// Returns the error that a vault's answer causes.
pub(super) fn answered(action: Action, status: StatusCode, code: &str) -> Error {
    let mut response = Response::new(format!(r#"{{"error":"","code":"{code}"}}"#));
    *response.status_mut() = status;
    Error::new(action, ApiError::from_response(&response))
}

/// Returns an error of this kind.
pub(super) fn failure(action: Action, kind: ErrorKind) -> Error {
    let lost = || TransportError::new(Failure::Lost);
    let cause: Cause = match kind {
        ErrorKind::Auth => return answered(action, StatusCode::UNAUTHORIZED, "invalid_token"),
        ErrorKind::Forbidden => return answered(action, StatusCode::FORBIDDEN, "missing_scope"),
        ErrorKind::NotFound => return answered(action, StatusCode::NOT_FOUND, "secret_not_found"),
        ErrorKind::Conflict => return answered(action, StatusCode::CONFLICT, "secret_exists"),
        ErrorKind::Changed => {
            return answered(action, StatusCode::PRECONDITION_FAILED, "version_mismatch");
        }
        ErrorKind::Unsupported => Cause::NoVersion,
        ErrorKind::RateLimited => {
            return answered(action, StatusCode::TOO_MANY_REQUESTS, "too_many_requests");
        }
        ErrorKind::Api => {
            return answered(action, StatusCode::INTERNAL_SERVER_ERROR, "database_failed");
        }
        ErrorKind::Crypto => CryptoError::Decryption.into(),
        ErrorKind::OrgKeyRefused => Cause::OrgKeyRefused {
            accepted: Vec::new(),
            found: OrgKey::from_bytes(&[0; 32]).fingerprint(),
        },
        ErrorKind::Transport => Cause::Transport(lost()),
        ErrorKind::Ambiguous => Cause::Ambiguous(Arc::new(Cause::Transport(lost()))),
        ErrorKind::Config => Cause::Config(ConfigError::Empty("the setting of a test")),
        ErrorKind::Value => Cause::NotBase64(None),
        ErrorKind::Cancelled => Cause::Cancelled,
    };
    Error::new(action, cause)
}
