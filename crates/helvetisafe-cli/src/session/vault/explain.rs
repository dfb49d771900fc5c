//! The explanation of a failure by the settings of the command and the scopes of its account.

use std::time::{Duration, Instant};

use helvetisafe::Scope;

use super::Vault;
use crate::failure::org_key::Verdict;
use crate::failure::{Failure, USE_HTTPS};
use crate::session::Budget;
use crate::session::missing_scope::MissingScope;
use crate::session::trust::{Trust, ask_chain};
use crate::settings::Settings;

/// The time to find the cause of a refusal, if the user sets none.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The time for which the answer of the signed chain about an org key is used.
const PAUSE: Duration = Duration::from_secs(5);

impl Vault {
    /// Replaces the advice to trust a refused org key, if the signed chain decides about it, and asks the chain about a key that
    /// the vault may have replaced.
    pub(crate) fn explain_org_key(&self, failure: Failure) -> Failure {
        let trust = || Trust::load(self.settings.get()?).ok();
        failure
            .with_chain_deciding(|| trust().is_some_and(|trust| trust.follows_chain()))
            .with_verdict_of_chain(|| self.verdict_of_chain())
    }

    /// Asks the signed chain about the org key in use, once for the secrets that are read together.
    fn verdict_of_chain(&self) -> Option<Verdict> {
        let mut last = self.verdict.borrow_mut();
        if let Some((at, verdict)) = &*last
            && at.elapsed() < PAUSE
        {
            return verdict.clone();
        }
        let verdict = self.ask_chain();
        *last = Some((Instant::now(), verdict.clone()));
        verdict
    }

    fn ask_chain(&self) -> Option<Verdict> {
        let (settings, client) = (self.settings.get()?, self.connected()?);
        let time_left = self.budget().ok().and_then(Budget::left);
        ask_chain(settings, client, time_left.unwrap_or(TIMEOUT))
    }

    /// Explains the refusal of an account that may not be confirmed, or may be disabled.
    pub(crate) fn explain_refusal(&self, failure: Failure) -> Failure {
        let settings = self.settings.get();
        failure.with_causes_of_refusal(|| causes_of_refusal(settings?))
    }

    /// Adds to a timeout that the time of the command was its cause.
    pub(crate) fn explain_timeout(&self, failure: Failure) -> Failure {
        match self.budget.get() {
            Some(budget) => budget.explain(failure),
            None => failure,
        }
    }

    /// Adds to a failure that a setting was its cause: the timeout, or scopes that are not requested.
    pub(crate) fn explain(&self, failure: Failure) -> Failure {
        let failure = self.explain_org_key(self.explain_refusal(failure));
        let failure = self.explain_timeout(failure);
        let settings = self.settings.get();
        if settings.is_some_and(Settings::is_plain_http) && failure.may_need_tls() {
            return failure.with_advice(USE_HTTPS);
        }
        let missing = settings.zip(failure.missing_scope());
        let Some(advice) = missing.and_then(|(settings, scope)| self.lack_of(scope, settings))
        else {
            return failure;
        };
        match failure.message() {
            Some(_) => failure.with_advice(&advice),
            // It was reported.
            None => {
                self.messages.note(advice);
                failure
            }
        }
    }

    /// Returns advice about a missing scope. The vault is asked whether the account has it; a vault that has no such call, or a
    /// credential that cannot make it, leaves the setting that does not request the scope.
    fn lack_of(&self, scope: Scope, settings: &Settings) -> Option<String> {
        let setting = settings.cause_of_refusal(Some(scope));
        let time_left = self.budget().ok().and_then(Budget::left);
        let account = self.connected().and_then(|client| {
            let organization = client.organization();
            let organization = organization.within(time_left.unwrap_or(TIMEOUT));
            organization.account().ok()
        });
        let Some(account) = account else {
            return setting;
        };
        let missing = MissingScope {
            scope,
            account: &account,
            is_api_token: settings.uses_api_token(),
            administrators: None,
        };
        missing.advice(setting)
    }
}

/// Returns the possible reasons for which the vault refuses the account of the settings, if a command made it.
fn causes_of_refusal(settings: &Settings) -> Option<String> {
    let trust = Trust::load_all(settings);
    let has_worked = trust.is_ok_and(|trust| trust.has_worked());
    settings.causes_of_refused_account(has_worked)
}
