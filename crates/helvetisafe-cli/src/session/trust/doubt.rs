//! Doubts about the vault's org key, and what the signed chain says about them.

use std::time::Duration;

use helvetisafe::organization::Organization;
use helvetisafe::{Client, Error, ErrorKind, Fingerprint};

use super::known_vault::NumberedKey;
use super::{Trust, follow_with_key, is_of_chain, not_of_chain, pin};
use crate::failure::org_key::Verdict;
use crate::failure::{Failure, Status, other_history};
use crate::settings::Settings;

/// The reason for which the vault's org key is not used before the signed chain confirms it.
pub(super) enum Doubt {
    /// It is not the trusted one.
    OtherKey(Error),
    /// It is the remembered one, and the vault does not give it the remembered number.
    OtherNumber(NumberedKey),
}

impl Trust<'_> {
    /// Returns the doubt about the org key of a client that has connected: the vault gives the remembered key another number, or
    /// its first one although a chain states it.
    pub(super) fn doubt(&self, client: &Client) -> Option<Doubt> {
        let known = self
            .remembered
            .as_ref()
            .filter(|_| self.expected.is_none())?;
        let key = NumberedKey::of(client);
        let is_first = known.is_unnumbered(key) && matches!(self.own(), Ok(Some(_)));
        (is_first || known.is_renumbered(key)).then_some(Doubt::OtherNumber(key))
    }

    /// Explains a doubt that no chain decides.
    pub(super) fn explain_doubt(&self, doubt: Doubt) -> Failure {
        match doubt {
            Doubt::OtherKey(refusal) => self.explain(refusal),
            Doubt::OtherNumber(key) => self.renumbered(key).with_advice(&format!(
                "ask the vault's owner whether this is the present org key; if it is, run {}",
                pin(key.fingerprint)
            )),
        }
    }

    /// Explains why the signed chain does not confirm the vault's org key, or the doubt alone if the chain cannot be fetched.
    pub(super) fn not_in_chain(&self, doubt: Doubt, reason: &Error) -> Failure {
        if let Some(failure) = self.never_in_chain(reason) {
            return failure;
        }
        let given = match &doubt {
            Doubt::OtherKey(refusal) => refusal.refused_org_key(),
            Doubt::OtherNumber(key) => Some(key.fingerprint),
        };
        let (Some(given), Some(known), Some(verdict)) = (given, &self.remembered, verdict(reason))
        else {
            return match doubt {
                Doubt::OtherNumber(key) => self.renumbered(key).with_advice(&format!(
                    "the signed chain, which shows the present key, could not be followed ({}): run the command again",
                    reason.without_advice()
                )),
                refusal @ Doubt::OtherKey(_) => self.explain_doubt(refusal),
            };
        };
        match (doubt, reason.accepted_org_keys()) {
            (_, [present]) if given == known.fingerprint => replaced(given, *present),
            (Doubt::OtherNumber(key), _) => self.renumbered(key).with_advice(&verdict),
            (Doubt::OtherKey(_), _) => Failure::new(
                Status::Crypto,
                format_args!(
                    "the org key of this vault has changed: it was {} since {:.0}, and is now {given}; it was not used, since \
                     {verdict}",
                    known.fingerprint, known.since
                ),
            ),
        }
    }

    /// The vault gives the remembered org key another number than before.
    fn renumbered(&self, key: NumberedKey) -> Failure {
        let given = match key.epoch {
            Some(epoch) => format!("the number {epoch}"),
            None => "no number".to_owned(),
        };
        let known = match self.remembered.as_ref().and_then(|known| known.key_epoch) {
            Some(epoch) => format!("this machine remembers it with the number {epoch}"),
            None => "this machine does not know its number".to_owned(),
        };
        Failure::new(
            Status::Crypto,
            format_args!(
                "the vault gives the org key {} {given}, and {known}: it was not used, since a value under a replaced key would \
                 be lost",
                key.fingerprint
            ),
        )
    }

    /// Checks the org key of a configured fingerprint before a write. Its number is not remembered, so the signed chain confirms it,
    /// if a part of the chain is trusted.
    pub(super) fn check_configured(&self, client: &Client) -> Result<(), Failure> {
        let Some(anchor) = self.own()? else {
            return Ok(());
        };
        let chain = client.organization().follow(&anchor)?;
        self.check_extends(&chain)?;
        let (used, present) = (client.org_key_fingerprint(), *chain.fingerprint());
        match is_of_chain(client, &chain) {
            true => Ok(()),
            false if used == present => Err(not_of_chain(client, &chain)),
            false => Err(replaced(used, present)),
        }
    }

    fn ask_chain(&self, client: &Client, organization: Organization<'_>) -> Option<Verdict> {
        let anchor = self.own().ok()??;
        let chain = match follow_with_key(client, organization, &anchor, self.expected) {
            Ok(chain) => chain,
            Err(error) => return verdict(&error).map(Verdict::Refused),
        };
        if let Err(failure) = self.check_extends(&chain) {
            return failure
                .message()
                .map(|text| Verdict::Refused(text.to_owned()));
        }
        let (used, present) = (client.org_key_fingerprint(), *chain.fingerprint());
        Some(match is_of_chain(client, &chain) {
            true => Verdict::Present,
            false if used == present => {
                let failure = not_of_chain(client, &chain);
                Verdict::Refused(failure.message().unwrap_or_default().to_owned())
            }
            false => Verdict::Refused(format!(
                "the vault still gives the org key {used}, and the signed chain has {present} in its place: write nothing, and ask \
                 an administrator before you continue"
            )),
        })
    }
}

/// Asks the signed chain about the org key that a client uses, in this time; `None` if no part of the chain is trusted, or it
/// cannot be fetched.
pub(crate) fn ask_chain(settings: &Settings, client: &Client, time: Duration) -> Option<Verdict> {
    let trust = Trust::load_all(settings).ok()?;
    let organization = client.organization();
    trust.ask_chain(client, organization.within(time))
}

/// The vault gives a replaced org key as the present one.
fn replaced(given: Fingerprint, present: Fingerprint) -> Failure {
    Failure::new(
        Status::Crypto,
        format_args!(
            "the vault still gives the org key {given}, and the signed chain has {present} in its place: it was not used, and \
             nothing was written, since a value under a replaced key would be lost; ask an administrator before you continue"
        ),
    )
}

/// Returns why the chain does not confirm an org key, and what to do next; `None` if the chain could not be fetched.
pub(super) fn verdict(reason: &Error) -> Option<String> {
    if let Some(history) = reason.other_history() {
        return Some(other_history::message(history.seen, history.served));
    }
    let is_verdict = matches!(reason.kind(), ErrorKind::Crypto | ErrorKind::OrgKeyRefused);
    is_verdict.then(|| {
        format!(
            "the signed chain does not confirm it ({}); ask an administrator before you continue",
            reason.without_advice()
        )
    })
}
