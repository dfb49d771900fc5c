//! The explanation of a failure by the scopes of the administrator, and by what the command has sent.

use helvetisafe::{Error, ErrorKind, Scope, Scopes};

use super::{Administration, MissingScope};
use crate::advice;
use crate::failure::{Failure, Status};

impl Administration<'_> {
    /// Explains a refusal because of a missing scope. No setting leaves it out, since the command requests what it needs.
    pub(crate) fn explained(&self, error: Error) -> Failure {
        let failure = Failure::from(error);
        let (Some(scope), Some(account)) = (failure.missing_scope(), self.account.get()) else {
            return failure;
        };
        let missing = MissingScope {
            scope,
            account,
            is_api_token: self.settings.uses_api_token(),
            administrators: None,
        };
        match missing.advice(None) {
            Some(advice) => failure.without_missing_scope().with_advice(&advice),
            None => failure.without_missing_scope(),
        }
    }

    /// Explains an error of the chain before anything is sent.
    pub(super) fn before_change(&self, error: Error) -> Failure {
        let is_refused = error.kind() == ErrorKind::Crypto && error.other_history().is_none();
        match self.explained(error) {
            failure if is_refused => failure.with_advice("nothing was sent or changed"),
            failure => failure,
        }
    }
}

/// The vault does not give the account all scopes of a command.
pub(super) fn lacks(failed: &str, scopes: Scopes) -> Failure {
    let wanted = match scopes.contains(Scope::OrganizationWrite) {
        true => "administrator".to_owned(),
        false => advice::shell_quoted(scopes.to_string().as_ref()),
    };
    Failure::new(
        Status::Forbidden,
        format_args!(
            "{failed}: the account does not have all the scopes that this needs, which are {scopes}; {} lists those that it has; \
             use an account that has them, which an administrator invites with {}",
            advice::command("account scopes"),
            advice::command(format_args!("org invite NAME --scopes {wanted}"))
        ),
    )
}
