//! The machine-readable codes of refusals: one table for the server that sends them and the client that
//! explains them.

use std::fmt;
use std::str::FromStr;

use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal, $status:ident, $advice:literal;)*) => {
        /// The reason for a refusal: the member `code` of the server's answer.
        ///
        /// A code belongs to one status. A code with another status is ignored, and so is an unknown code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* $code,)*
        }

        impl ErrorCode {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// Returns the code as it is sent.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// Returns the only status that it is sent with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$code => StatusCode::$status,)* }
            }

            /// Returns advice for the user of a client: the reason, or the next step.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$code => $advice,)* }
            }
        }
    };
}

codes! {
    /// No `Host` header, more than one, or one that names no host.
    InvalidHost = "invalid_host", BAD_REQUEST,
        "the vault got no valid Host header, or several: check the proxy in between";
    /// More than one credential: a header twice, or two headers.
    SeveralCredentials = "several_credentials", BAD_REQUEST,
        "the vault got more than one credential: check the proxy in between";
    /// A header that may be sent once was sent twice.
    RepeatedHeader = "repeated_header", BAD_REQUEST,
        "the vault got one header twice: check the proxy in between";
    /// A transfer coding other than one `chunked`.
    InvalidTransferEncoding = "invalid_transfer_encoding", BAD_REQUEST,
        "the vault does not decode the transfer coding of the request: check the proxy in between";
    /// The body ended early.
    BodyCutShort = "body_cut_short", BAD_REQUEST,
        "the vault did not get the whole request: try again";
    /// The body is not a JSON object.
    NotAnObject = "not_an_object", BAD_REQUEST,
        "the vault got no JSON object: check the proxy in between";
    /// A parameter of the query cannot be read.
    InvalidQuery = "invalid_query", BAD_REQUEST,
        "the vault does not understand the query: check the versions of client and vault";
    /// No credential.
    MissingCredential = "missing_credential", UNAUTHORIZED,
        "the vault got no credential: check the proxy in between";
    /// The token is unknown, expired or revoked.
    InvalidToken = "invalid_token", UNAUTHORIZED,
        "the token is unknown, expired or revoked: check the client id and secret, or the API token";
    /// The token of an invitation is unknown, or the invitation has expired or is withdrawn.
    InvalidInvitation = "invalid_invitation", UNAUTHORIZED,
        "the invitation is unknown, expired or withdrawn: ask for a new one";
    /// The bootstrap token is unknown, expired or used.
    InvalidBootstrap = "invalid_bootstrap", UNAUTHORIZED,
        "the bootstrap token is unknown, expired or used: its operator makes one with `helvetisafe-server init`";
    /// The credential lacks the scope of the call.
    MissingScope = "missing_scope", FORBIDDEN,
        "the credential lacks a scope that this needs";
    /// An API token cannot make this call.
    NeedsAccessToken = "needs_access_token", FORBIDDEN,
        "an API token cannot do this: use the client id and secret of the account";
    /// There is no such secret.
    SecretNotFound = "secret_not_found", NOT_FOUND,
        "there is no such secret, or it has expired";
    /// There is no such account, invitation, API token or rotation.
    RecordNotFound = "record_not_found", NOT_FOUND,
        "the organization has none of this name or id";
    /// There is no such path.
    UnknownPath = "unknown_path", NOT_FOUND,
        "the vault does not have this path: check the base URL";
    /// The path does not have this method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED,
        "the path does not have this method: check the base URL";
    /// The body did not come in time.
    BodyTooSlow = "body_too_slow", REQUEST_TIMEOUT,
        "the request came too slowly: try again over a faster connection";
    /// The secret exists already.
    SecretExists = "secret_exists", CONFLICT,
        "it exists already: use update, or put";
    /// The id stands for other content, or the invitation has been used by another request.
    IdTaken = "id_taken", CONFLICT,
        "the vault has other content under this id: begin again, with a new one";
    /// An account or an open invitation has this name.
    NameTaken = "name_taken", CONFLICT,
        "an account or an open invitation has this name: choose another, or withdraw the invitation";
    /// The organization has as many open invitations as the vault stores.
    TooManyInvitations = "too_many_invitations", CONFLICT,
        "the organization has too many open invitations: confirm or withdraw some of them";
    /// The entry is not the next one of the chain.
    ChainMoved = "chain_moved", CONFLICT,
        "another administrator has changed the organization meanwhile: try again";
    /// The organization was made without a signed chain.
    NoChain = "no_chain", CONFLICT,
        "this organization was made without administrators: found one with `helvetisafe org create`";
    /// The change would leave no administrator.
    LastAdministrator = "last_administrator", CONFLICT,
        "it is the last administrator: confirm another one first";
    /// Another rotation is in progress.
    RotationInProgress = "rotation_in_progress", CONFLICT,
        "another rotation is in progress: resume it, abandon it, or wait for its end";
    /// Not all secrets are staged in their present version.
    SecretsUnstaged = "secrets_unstaged", CONFLICT,
        "secrets have changed since they were re-encrypted: stage them again";
    /// The keys or sealed secrets are not those of the active accounts and open invitations.
    MembersChanged = "members_changed", CONFLICT,
        "the members or invitations have changed meanwhile: begin the commit again";
    /// The org key was replaced.
    KeyEpochMismatch = "key_epoch_mismatch", PRECONDITION_FAILED,
        "the org key has been replaced: fetch the new one, and seal again";
    /// The secret has another version than the request names.
    VersionMismatch = "version_mismatch", PRECONDITION_FAILED,
        "the secret has changed since it was read: read it again, then write";
    /// The body is over the limit.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE,
        "the request is larger than the vault takes: store a smaller value, or raise the vault's limit";
    /// The body has another media type than the call takes.
    WrongMediaType = "wrong_media_type", UNSUPPORTED_MEDIA_TYPE,
        "the vault got another media type than it was sent: check the proxy in between";
    /// The body has a content coding.
    UnknownEncoding = "unknown_encoding", UNSUPPORTED_MEDIA_TYPE,
        "the vault does not decode compressed requests: check the proxy in between";
    /// The body lacks a member that the call takes.
    MissingMember = "missing_member", UNPROCESSABLE_ENTITY,
        "the request lacks a part that the vault needs: check the versions of client and vault";
    /// The body is not JSON, or not the members that the call takes.
    InvalidBody = "invalid_body", UNPROCESSABLE_ENTITY,
        "the vault does not understand the request: check the versions of client and vault";
    /// The name cannot be that of a secret.
    InvalidName = "invalid_name", UNPROCESSABLE_ENTITY,
        "the vault does not take this name: use letters, digits and underscores, at most 255";
    /// The nonce is not base64 of 12 bytes.
    InvalidNonce = "invalid_nonce", UNPROCESSABLE_ENTITY,
        "the vault does not take this nonce: it has to be base64 of 12 bytes";
    /// The value is not base64 of at least 16 bytes.
    InvalidValue = "invalid_value", UNPROCESSABLE_ENTITY,
        "the vault does not take this ciphertext: it has to be base64 of at least 16 bytes";
    /// A member of the body has a wrong form or size.
    InvalidMember = "invalid_member", UNPROCESSABLE_ENTITY,
        "the vault does not take a part of the request: check the versions of client and vault";
    /// The expiry is not a time of RFC 3339 with an offset.
    InvalidExpiry = "invalid_expiry", UNPROCESSABLE_ENTITY,
        "the vault does not take this expiry: it has to be a time such as 2030-01-31T12:00:00Z";
    /// The expiry is not later than now.
    ExpiryInThePast = "expiry_in_the_past", UNPROCESSABLE_ENTITY,
        "the expiry has passed: choose a later one, and check the clocks of both machines";
    /// The account makes too many requests.
    TooManyRequests = "too_many_requests", TOO_MANY_REQUESTS,
        "the account makes too many requests";
    /// The account fetches too many tokens.
    TooManyLogins = "too_many_logins", TOO_MANY_REQUESTS,
        "the account fetches too many access tokens: keep the token between runs";
    /// Too many logins of the client failed.
    TooManyFailedLogins = "too_many_failed_logins", TOO_MANY_REQUESTS,
        "too many logins of this client failed: check the client id and secret";
    /// The database failed.
    DatabaseFailed = "database_failed", INTERNAL_SERVER_ERROR,
        "the vault's database failed: its operator finds the reason in its log";
    /// The operating system of the server gave no randomness.
    NoRandomness = "no_randomness", INTERNAL_SERVER_ERROR,
        "the vault's machine gave no randomness: its operator finds the reason in its log";
    /// The database has too much to do.
    Busy = "busy", SERVICE_UNAVAILABLE,
        "the vault's database is busy";
    /// The database did not confirm a write, which may have happened or may yet happen.
    OutcomeUnknown = "outcome_unknown", SERVICE_UNAVAILABLE,
        "the vault lost its database during a write, which may have happened: read the secret again";
    /// The requests and answers in flight need all the memory that they may have.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE,
        "the vault has too many large requests and answers in flight";
    /// The disk of the database is full. Nothing was written.
    StorageFull = "storage_full", INSUFFICIENT_STORAGE,
        "the disk of the vault is full: its operator has to make room, or delete secrets";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a known code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("not a known error code")]
pub struct UnknownErrorCode;

impl FromStr for ErrorCode {
    type Err = UnknownErrorCode;

    fn from_str(text: &str) -> Result<Self, UnknownErrorCode> {
        let mut codes = Self::ALL.iter();
        let found = codes.find(|code| code.as_str() == text);
        found.copied().ok_or(UnknownErrorCode)
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Reads a known code. Any other JSON value, of any type, is `None`.
pub(super) fn lenient<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ErrorCode>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().and_then(|code| code.parse().ok()))
}
