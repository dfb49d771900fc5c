//! The calls of an account for itself: an extension of this vault.

pub(super) mod create_api_token;
pub(super) mod list_api_tokens;
pub(super) mod revoke_api_token;
