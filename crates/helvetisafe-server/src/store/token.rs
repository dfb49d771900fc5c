//! Access tokens and API tokens, as the database stores them.
//!
//! A token is found by its SHA-256. The time of the search reveals at most a part of that hash, from which
//! no token can be found.

use std::time::Duration;

use helvetisafe_proto::{Scope, Scopes};

use super::{AccountId, Moment, Store, StoreError, Tenant};
use crate::token::Hash;

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// An access token from the token endpoint; it always expires.
    Access,
    /// An API token, made by its account or by the owner of the vault.
    Api,
}

impl TokenKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Api => "api",
        }
    }

    /// Reads a kind. One that this version does not know cannot make other tokens.
    pub(super) fn of(text: &str) -> Self {
        match text {
            "access" => Self::Access,
            _ => Self::Api,
        }
    }
}

/// The stored data of a new token.
pub(crate) struct TokenRow {
    pub(crate) hash: Hash,
    pub(crate) kind: TokenKind,
    pub(crate) account: AccountId,
    pub(crate) scopes: Scopes,
    pub(crate) expiry: TokenExpiry,
}

/// The expiry of a new token.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TokenExpiry {
    Never,
    At(Moment),
    /// After this time, from now on by the clock of the database.
    After(Duration),
}

impl TokenExpiry {
    /// Returns the time at which it expires, if it does.
    pub(super) fn from(self, now: Moment) -> Option<Moment> {
        match self {
            Self::Never => None,
            Self::At(time) => Some(time),
            Self::After(life) => Some(now.after(life)),
        }
    }
}

/// The account and rights of a valid token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Principal {
    pub(crate) kind: TokenKind,
    pub(crate) account: AccountId,
    pub(crate) tenant: Tenant,
    pub(crate) scopes: Scopes,
}

/// The right to a write. The transaction of the write checks it again, since a token may be revoked, or the org key
/// rotated, while the body of a request arrives.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Grant {
    pub(crate) token: Hash,
    pub(crate) tenant: Tenant,
}

/// Reads scopes. Unknown ones are ignored, since a newer version of the vault may have stored them.
pub(super) fn parse_scopes(text: &str) -> Scopes {
    let words = text.split_ascii_whitespace();
    words
        .filter_map(|scope| scope.parse::<Scope>().ok())
        .collect()
}

impl Store {
    /// Adds a token; [`StoreError::NoParent`] if its account does not exist.
    pub(crate) async fn add_token(&self, token: TokenRow) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.add_token(token).await,
            Self::Postgres(postgres) => postgres.add_token(token).await,
        }
    }

    /// Returns the principal of a valid token of an active account.
    pub(crate) async fn principal(&self, hash: &Hash) -> Result<Option<Principal>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.principal(hash),
            Self::Postgres(postgres) => postgres.principal(hash).await,
        }
    }

    /// Removes all tokens of a kind of an account.
    pub(crate) async fn revoke(
        &self,
        account: AccountId,
        kind: TokenKind,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.revoke(account, kind).await,
            Self::Postgres(postgres) => postgres.revoke(account, kind).await,
        }
    }

    /// Removes the access tokens of all accounts, and with `api_tokens` their API tokens too.
    #[cfg(feature = "faults")]
    pub(crate) async fn forget_tokens(&self, api_tokens: bool) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.forget_tokens(api_tokens).await,
            Self::Postgres(postgres) => postgres.forget_tokens(api_tokens).await,
        }
    }
}
