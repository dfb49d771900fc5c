use helvetisafe_proto::Scopes;
use jiff::Timestamp;
use secrecy::SecretString;

use crate::Error;
use crate::account::Account;
use crate::store::{TokenExpiry, TokenKind, TokenRow};
use crate::token::{self, Hash};

/// The settings of a new API token: by default all scopes and no expiry.
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct NewApiToken {
    scopes: Scopes,
    expires_at: Option<Timestamp>,
}

impl NewApiToken {
    /// Sets the scopes. Those that the account does not have are ignored.
    pub fn scopes(mut self, scopes: impl Into<Scopes>) -> Self {
        self.scopes = scopes.into();
        self
    }

    /// Sets the expiry.
    pub fn expires_at(mut self, time: Timestamp) -> Self {
        self.expires_at = Some(time);
        self
    }

    /// Makes the token for its owner and the row for the database.
    pub(crate) fn generate(self, account: &Account) -> Result<(SecretString, TokenRow), Error> {
        let secret = token::generate("hs_api_")?;
        let row = TokenRow {
            hash: Hash::of(&secret),
            kind: TokenKind::Api,
            account: account.id,
            scopes: self
                .scopes
                .iter()
                .filter(|&scope| account.scopes.contains(scope))
                .collect(),
            expiry: self
                .expires_at
                .map_or(TokenExpiry::Never, |time| TokenExpiry::At(time.into())),
        };
        Ok((secret, row))
    }
}
