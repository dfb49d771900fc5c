//! `trust show`: the org key and the signed chain of the vault, beside those that are remembered.

use helvetisafe::{Fingerprint, Timestamp};
use serde::Serialize;

use super::connect;
use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::{KnownVault, Trust, Vault};
use crate::ui::Ui;

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    base_url: &'a str,
    account: &'a str,
    remembered: Option<String>,
    remembered_since: Option<Timestamp>,
    /// Set if a first write has yet to confirm it.
    unconfirmed: bool,
    organization: Option<&'a str>,
    /// The number of the newest verified entry of the organization's chain.
    chain: Option<u64>,
    expected: Option<String>,
    current: Option<String>,
    state: State,
    file: Option<String>,
}

/// The outcome of the examination.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// The current fingerprint is the remembered or the configured one.
    Trusted,
    /// The current fingerprint is not the remembered one, and the signed chain has it in its place.
    Replaced,
    /// The current fingerprint differs.
    Changed,
    /// The signed chain is not that which was verified before, or does not have the current fingerprint; or the vault gives the
    /// current one another number than before.
    Refused,
    /// No fingerprint is remembered or configured.
    Unknown,
    /// The current fingerprint is unknown, or the signed chain could not be fetched.
    Unchecked,
}

/// Prints the remembered and the current org key, and the outcome of their examination.
pub(super) fn run(trust: &Trust, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let client = connect(vault);
    let client = match client {
        Ok(client) => client,
        Err(failure) => {
            print(trust, None, State::Unchecked, ui)?;
            return Err(failure);
        }
    };
    let budget = vault.budget()?;
    let calls = budget.limit_calls(client.organization());
    let examined = budget.spend(|| trust.examine(&client, calls));
    let current = client.org_key_fingerprint();
    let is_known = trust.expected.is_some() || trust.remembered.is_some();
    let state = match &examined {
        Ok(Some(chain)) if trust.is_replaced(current, chain) => State::Replaced,
        Ok(_) if is_known => State::Trusted,
        Ok(_) => State::Unknown,
        Err(_) if trust.check(current).is_err() => State::Changed,
        Err(failure) if failure.status() == Status::Crypto as u8 => State::Refused,
        Err(_) => State::Unchecked,
    };
    print(trust, Some(current), state, ui)?;
    examined.map(drop)
}

fn print(
    trust: &Trust,
    current: Option<Fingerprint>,
    state: State,
    ui: &Ui,
) -> Result<(), Failure> {
    let remembered = trust.remembered.as_ref();
    let organization = remembered.and_then(|entry| entry.organization.as_ref());
    let text = |fingerprint: Fingerprint| fingerprint.to_string();
    if ui.json {
        return ui.output.json(&Json {
            base_url: &trust.vault.base_url,
            account: &trust.vault.account,
            remembered: remembered.map(|entry| text(entry.fingerprint)),
            remembered_since: remembered.map(|entry| entry.since),
            unconfirmed: remembered.is_some_and(|entry| entry.unconfirmed),
            organization: organization.map(|it| it.id.as_str()),
            chain: organization.map(|it| it.head.sequence),
            expected: trust.expected.map(text),
            current: current.map(text),
            state,
            file: trust.file(),
        });
    }
    let line = |name: &str, value: &str| ui.output.line(&format!("{name:10}  {value}"));
    line("vault", &trust.vault.base_url)?;
    line("account", &trust.vault.account)?;
    match remembered {
        Some(entry) => line("remembered", &describe(entry))?,
        None => line("remembered", "nothing")?,
    }
    if let Some(known) = organization {
        line(
            "chain",
            &format!(
                "of the organization {}, verified up to entry {}",
                known.id, known.head.sequence
            ),
        )?;
    }
    if let Some(expected) = trust.expected {
        line("expected", &text(expected))?;
    }
    if let Some(current) = current {
        line("current", &text(current))?;
    }
    let pin = advice::command("trust pin");
    line(
        "state",
        &match state {
            State::Trusted => "trusted".to_owned(),
            State::Replaced => {
                "replaced, as the signed chain shows; the next use remembers the current one"
                    .to_owned()
            }
            State::Changed => "changed: nothing is read or written".to_owned(),
            State::Refused => {
                "refused: the vault's org key and its signed chain do not agree".to_owned()
            }
            State::Unknown => format!("not remembered yet; {pin} does it"),
            State::Unchecked if current.is_some() => {
                "the vault did not give its signed chain".to_owned()
            }
            State::Unchecked => "the vault did not give its org key".to_owned(),
        },
    )
}

/// Describes a remembered org key in one line.
fn describe(entry: &KnownVault) -> String {
    let by = if entry.unconfirmed {
        ", not confirmed for writing"
    } else {
        ""
    };
    format!("{} since {:.0}{by}", entry.fingerprint, entry.since)
}
