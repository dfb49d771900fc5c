//! The text form of rules, for the command line.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use helvetisafe_proto::KeyName;

use super::rule::{Condition, Rule};
use super::{Answer, Attacker, BAD_NAMES, Fault, Faults, Framing, Part, Requests, Route, Version};

/// Rules from text: a preset, or `REQUESTS:FAULT` with any number of `:WHEN`.
///
/// | part | values |
/// |---|---|
/// | preset | `flaky`: of a hundred requests 5 are reset, 2 of them after the vault has acted, 2 get 503, and 1 gets 429 |
/// | `REQUESTS` | `any`, `token`, `org-key`, `private-key`, `list`, `create`, `read`, `update`, `put`, `delete`; the last five, and `any`, also for one secret, as in `read=database`; `found`, `account`, `chain`, `members`, `confirm`, `disable`, `invitations`, `invite`, `invitation`, `join`, `join-chain`, `rotation`, `begin-rotation`, `unstaged`, `stage`, `commit-rotation` |
/// | `FAULT` | `reset-before`, `reset-after`, `close-before`, `close-after`, `truncate=BYTES`, `reset-at=BYTES`, `stall-before=TIME`, `stall-after=TIME`, `drip=TIME` (a byte at a time), `status=CODE`, `busy=TIME` (429 with `Retry-After`), `html`, `redirect`, `endless`, `endless-informational` (103), `oversized=BYTES`, `gzip-bomb`, `expire-tokens`, `revoke-tokens`, `ciphertext-of=KEY`, `replay`, `flip=ciphertext`, `flip=tag`, `flip=nonce`, `bad-names`; about an organization `pretend` and each [`Lie`](crate::faults::Lie), in lower case with hyphens: `swap-public-key`, `withhold=NUMBER` |
/// | `WHEN` | `once`, `times=N`, `after=N` (lets N through first), `percent=N` |
///
/// A `TIME` is a number with `ms` or `s`.
///
/// ```
/// use helvetisafe_server::faults::{Faults, Spec};
///
/// let spec: Spec = "create:reset-after:once".parse()?;
/// let faults = Faults::new();
/// faults.add_spec(spec);
/// assert!("create:explode".parse::<Spec>().is_err());
/// # Ok::<(), helvetisafe_server::faults::InvalidSpec>(())
/// ```
#[derive(Clone, Debug)]
pub struct Spec(Vec<Rule>);

/// A text is not a [`Spec`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{word}` {problem}; write a rule as REQUESTS:FAULT[:WHEN], such as create:reset-after:once"
)]
pub struct InvalidSpec {
    word: String,
    problem: &'static str,
}

/// The preset `flaky`. Each percentage is of the requests that the rules before it let through.
const FLAKY: &[&str] = &[
    "any:reset-before:percent=3",
    "any:reset-after:percent=2",
    "any:status=503:percent=2",
    "any:busy=1s:percent=1",
];

impl Faults {
    /// Adds rules from text.
    pub fn add_spec(&self, spec: Spec) {
        spec.0.into_iter().for_each(|rule| self.add(rule));
    }
}

impl FromStr for Spec {
    type Err = InvalidSpec;

    fn from_str(text: &str) -> Result<Self, InvalidSpec> {
        let rules = if text == "flaky" { FLAKY } else { &[text] };
        let rules: Result<_, _> = rules.iter().copied().map(rule).collect();
        rules.map(Self)
    }
}

fn rule(text: &str) -> Result<Rule, InvalidSpec> {
    let mut words = text.split(':');
    let mut condition = Condition::always(requests(words.next().unwrap_or_default())?);
    let fault = words.next().ok_or_else(|| bad(text, "has no fault"))?;
    let fault = fault_of(fault)?;
    for word in words {
        when(&mut condition, word)?;
    }
    Ok(Rule { condition, fault })
}

fn bad(word: &str, problem: &'static str) -> InvalidSpec {
    InvalidSpec {
        word: word.to_owned(),
        problem,
    }
}

fn requests(word: &str) -> Result<Requests, InvalidSpec> {
    let (name, key) = match word.split_once('=') {
        Some((name, key)) => (name, Some(key)),
        None => (word, None),
    };
    let route = Route::named(name);
    let can_have_key = route.map_or(name == "any", Route::has_key);
    if (route.is_none() && name != "any") || (key.is_some() && !can_have_key) {
        return Err(bad(word, "is not a kind of request"));
    }
    let key = key.map(|key| key_name(word, key)).transpose()?;
    Ok(Requests::new(route, key.map(|key| key.to_string())))
}

fn key_name(word: &str, key: &str) -> Result<KeyName, InvalidSpec> {
    KeyName::parse(key).map_err(|_| bad(word, "has a name that no secret can have"))
}

fn fault_of(word: &str) -> Result<Fault, InvalidSpec> {
    if let Ok(lie) = word.parse() {
        let attacker = Attacker::of_command();
        let attacker = attacker.ok_or_else(|| bad(word, "needs the system's randomness"))?;
        return Ok(Fault::lie(&attacker, lie));
    }
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    if word.contains('=') {
        return fault_with(word, name, value);
    }
    Ok(match name {
        "reset-before" => Fault::reset_before_acting(),
        "reset-after" => Fault::reset_after_acting(),
        "close-before" => Fault::close_before_acting(),
        "close-after" => Fault::close_after_acting(),
        "html" => Fault::answer(Answer::html_page(StatusCode::BAD_GATEWAY)),
        "redirect" => {
            let target = HeaderValue::from_static("https://elsewhere.example/");
            Fault::answer(Answer::redirect(target))
        }
        "endless" => Fault::endless_body(),
        "endless-informational" => Fault::endless_informational(StatusCode::EARLY_HINTS),
        "gzip-bomb" => Fault::gzip_bomb(),
        "expire-tokens" => Fault::expire_access_tokens(),
        "revoke-tokens" => Fault::revoke_all_tokens(),
        "replay" => Fault::replay(Version::Previous),
        "pretend" => Fault::pretend(),
        "bad-names" => Fault::list_also(BAD_NAMES.iter().copied()),
        _ => return Err(bad(word, "is not a fault, or needs a value")),
    })
}

fn fault_with(word: &str, name: &str, value: &str) -> Result<Fault, InvalidSpec> {
    let bytes = || number(word, value);
    let time = || duration(word, value);
    Ok(match name {
        "truncate" => Fault::truncate_at(bytes()?),
        "reset-at" => Fault::reset_at(bytes()?),
        "oversized" => Fault::oversized_body(bytes()?, Framing::Chunked),
        "stall-before" => Fault::stall_before_acting(time()?),
        "stall-after" => Fault::stall_after_acting(time()?),
        "drip" => Fault::drip(NonZeroUsize::MIN, time()?),
        "busy" => Fault::too_many_requests(time()?),
        "status" => Fault::status(status(word, value)?),
        "ciphertext-of" => Fault::ciphertext_of(key_name(word, value)?),
        "flip" => Fault::flip_bit_of(part(word, value)?),
        _ => return Err(bad(word, "is not a fault with a value")),
    })
}

fn when(condition: &mut Condition, word: &str) -> Result<(), InvalidSpec> {
    match word.split_once('=') {
        None if word == "once" => condition.acts = Some(1),
        Some(("times", value)) => condition.acts = Some(number(word, value)?),
        Some(("after", value)) => condition.passes = number(word, value)?,
        Some(("percent", value)) => condition.percent = number(word, value)?,
        _ => return Err(bad(word, "is not a condition")),
    }
    Ok(())
}

fn number<N: FromStr>(word: &str, value: &str) -> Result<N, InvalidSpec> {
    value
        .parse()
        .map_err(|_| bad(word, "needs a number in range"))
}

fn duration(word: &str, value: &str) -> Result<Duration, InvalidSpec> {
    if let Some(count) = value.strip_suffix("ms") {
        return number(word, count).map(Duration::from_millis);
    }
    let count = value
        .strip_suffix('s')
        .ok_or_else(|| bad(word, "needs a time such as 300ms or 2s"))?;
    number(word, count).map(Duration::from_secs)
}

fn status(word: &str, value: &str) -> Result<StatusCode, InvalidSpec> {
    value
        .parse()
        .ok()
        .filter(|status: &StatusCode| status.as_u16() >= 200)
        .ok_or_else(|| bad(word, "needs a status from 200 to 999"))
}

fn part(word: &str, value: &str) -> Result<Part, InvalidSpec> {
    match value {
        "ciphertext" => Ok(Part::Ciphertext),
        "tag" => Ok(Part::Tag),
        "nonce" => Ok(Part::Nonce),
        _ => Err(bad(word, "needs ciphertext, tag or nonce")),
    }
}
