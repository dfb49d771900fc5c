//! The refusal of an org key that the user does not trust.

use helvetisafe::{Error, Fingerprint};

use super::{Failure, Status};
use crate::advice;

/// The advice where the signed chain of the organization decides about another org key.
const OF_CHAIN: &str = "the signed chain of the organization, which decides about another org key, could not be followed to it; \
                        run the command again, and if it fails again, ask an administrator before you continue";

/// The advice where the signed chain has the org key in use.
const OF_PRESENT_KEY: &str = "the signed chain has the org key in use, so a client with a replaced one may have written it: write \
                              it again, or ask the vault's operator";

/// The statement of the signed chain about the org key in use.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// It is the present one.
    Present,
    /// It is another one, or the chain is refused. Says so, and what to do next.
    Refused(String),
}

/// An error after which the vault may give a replaced org key.
#[derive(Debug)]
pub(super) struct OrgKeyDoubt {
    /// The advice of the library, which has not followed the signed chain.
    advice: String,
    /// Set if a value does not open.
    is_unopened: bool,
}

impl OrgKeyDoubt {
    pub(super) fn of(error: &Error) -> Option<Self> {
        let (message, text) = (error.without_advice(), error.to_string());
        let advice = text.strip_prefix(&message)?.strip_prefix("; ")?;
        error.may_be_replaced_org_key().then(|| Self {
            advice: advice.to_owned(),
            is_unopened: error.is_decryption(),
        })
    }
}

impl Failure {
    /// Replaces the advice by what the signed chain says, if the vault may give a replaced org key. `None` from `ask` leaves it.
    pub(crate) fn with_verdict_of_chain(mut self, ask: impl FnOnce() -> Option<Verdict>) -> Self {
        let doubt = self.doubt.take();
        let (Some(doubt), Some(message)) = (doubt, self.message.as_mut()) else {
            return self;
        };
        match ask() {
            // What follows the advice is about a value that may be written again.
            Some(Verdict::Refused(text)) => {
                let end = message.find(&doubt.advice).unwrap_or(message.len());
                message.replace_range(end.., &text);
                self.is_key_refused = true;
            }
            Some(Verdict::Present) if doubt.is_unopened => {
                *message = message.replace(&doubt.advice, OF_PRESENT_KEY);
            }
            _ => {}
        }
        self
    }

    /// The vault offers an org key that the user does not trust.
    pub(super) fn org_key_refused(error: &Error) -> Self {
        let accepted = error.accepted_org_keys().iter().map(ToString::to_string);
        let accepted = accepted.collect::<Vec<_>>().join(" or ");
        let offered = error.refused_org_key();
        let advice = offered.map(pin).unwrap_or_default();
        let offered = offered.map(|key| key.to_string()).unwrap_or_default();
        Self::new(
            Status::Crypto,
            format_args!(
                "the vault has the org key {offered}, but this client accepts {accepted}; nothing was \
                 decrypted or encrypted under it; {advice}"
            ),
        )
    }

    /// Replaces the advice to trust a refused org key, if the signed chain decides about it: `trust pin` would leave the chain
    /// out.
    pub(crate) fn with_chain_deciding(self, decides: impl FnOnce() -> bool) -> Self {
        let Some(pin) = self.untrusted.map(pin) else {
            return self;
        };
        match self.message.as_deref() {
            Some(message) if message.contains(&pin) && decides() => Self {
                message: Some(message.replace(&pin, OF_CHAIN)),
                ..self
            },
            _ => self,
        }
    }
}

/// Returns the advice where the user decides about an org key.
fn pin(offered: Fingerprint) -> String {
    format!(
        "ask the vault's owner whether the key was rotated; if it was, run {}, or change the configured fingerprint",
        advice::command(format_args!("trust pin {offered}"))
    )
}

/// Describes a refused or doubtful org key to a client of the agent, who does not see the agent's messages; `None` for another
/// error.
pub(crate) fn describe_to_client(error: &Error) -> Option<String> {
    if error.may_be_replaced_org_key() {
        let text = error.without_advice();
        return Some(format!(
            "{text}; ask the operator of this agent, whose messages say what to do"
        ));
    }
    error.refused_org_key().map(|_| {
        format!(
            "{}; ask the operator of this agent, whose messages say how to trust the key: `helvetisafe trust pin`, or a signed \
             chain that --verification-key vouches for",
            error.without_advice()
        )
    })
}
