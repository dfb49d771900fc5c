//! The refusal of an API token, which cannot do all that its account can.

use helvetisafe::{ErrorCode, Scope};

use super::Administration;
use crate::failure::{Failure, Status};
use crate::session::missing_scope::{self, MissingScope};
use crate::session::vault::Vault;

impl Administration<'_> {
    /// Fails for an API token, whose call the vault would refuse. `failed` says what cannot be done, and `needed` which scopes
    /// the account itself needs.
    pub(crate) fn refuse_api_token(
        vault: &Vault,
        failed: &str,
        needed: &[Scope],
    ) -> Result<(), Failure> {
        if !vault.settings()?.uses_api_token() {
            return Ok(());
        }
        let lacks = Self::lack_of_account(vault, needed);
        let why = lacks.unwrap_or_else(|| ErrorCode::NeedsAccessToken.advice().to_owned());
        Err(Failure::new(
            Status::Forbidden,
            format_args!("{failed}: {why}"),
        ))
    }

    /// Returns the advice about a scope that the account of an API token lacks, so that its client secret would not help. `None`
    /// if it has them all, or if the vault does not say.
    fn lack_of_account(vault: &Vault, needed: &[Scope]) -> Option<String> {
        let token = Administration::to_read(vault, "", &[]).ok()?;
        let account = token.account().ok()?;
        let missing = MissingScope {
            scope: missing_scope::first(&account.scopes, needed)?,
            account,
            is_api_token: true,
            administrators: token.administrators(account),
        };
        missing.advice(None)
    }
}
