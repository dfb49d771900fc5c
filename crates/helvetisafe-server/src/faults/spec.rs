//! The text form of rules, for the command line.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use helvetisafe_proto::KeyName;

use super::rule::Rule;
use super::{Answer, BAD_NAMES, Fault, Faults, Framing, Part, Requests, Route, Verb, Version};

/// Rules from text: a preset, or `REQUESTS:FAULT` with any number of `:WHEN`.
///
/// | part | values |
/// |---|---|
/// | preset | `flaky`: of a hundred requests 5 are reset, 2 of them after the vault has acted, 2 get 503, and 1 gets 429 |
/// | `REQUESTS` | `any`, `token`, `org-key`, `private-key`, `list`, `create`, `read`, `update`, `put`, `delete`; the last five, and `any`, also for one secret, as in `read=database` |
/// | `FAULT` | `reset-before`, `reset-after`, `close-before`, `close-after`, `truncate=BYTES`, `reset-at=BYTES`, `stall-before=TIME`, `stall-after=TIME`, `drip=TIME` (a byte at a time), `status=CODE`, `busy=TIME` (429 with `Retry-After`), `html`, `redirect`, `endless`, `endless-informational` (103), `oversized=BYTES`, `gzip-bomb`, `expire-tokens`, `revoke-tokens`, `ciphertext-of=KEY`, `replay`, `flip=ciphertext`, `flip=tag`, `flip=nonce`, `bad-names` |
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
/// # Ok::<(), helvetisafe_server::faults::BadSpec>(())
/// ```
#[derive(Clone, Debug)]
pub struct Spec(Vec<Rule>);

/// A text is not a [`Spec`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is {problem}; a rule is REQUESTS:FAULT[:WHEN], such as create:reset-after:once")]
pub struct BadSpec {
    word: String,
    problem: &'static str,
}

impl Faults {
    /// Adds rules from text.
    pub fn add_spec(&self, spec: Spec) {
        spec.0.into_iter().for_each(|rule| self.add(rule));
    }
}

impl FromStr for Spec {
    type Err = BadSpec;

    fn from_str(text: &str) -> Result<Self, BadSpec> {
        if text == "flaky" {
            return Ok(flaky());
        }
        let mut words = text.split(':');
        let requests = requests(words.next().unwrap_or_default())?;
        let fault = words
            .next()
            .ok_or_else(|| bad(text, "no rule: it names no fault"))?;
        let mut rule = Rule::new(requests, fault_of(fault)?);
        for word in words {
            when(&mut rule, word)?;
        }
        Ok(Self(vec![rule]))
    }
}

fn flaky() -> Spec {
    let rule = |fault, percent| Rule {
        percent,
        ..Rule::new(Requests::any(), fault)
    };
    Spec(vec![
        rule(Fault::reset_before_acting(), 3),
        rule(Fault::reset_after_acting(), 2),
        rule(Fault::status(StatusCode::SERVICE_UNAVAILABLE), 2),
        rule(Fault::too_many_requests(Duration::from_secs(1)), 1),
    ])
}

fn bad(word: &str, problem: &'static str) -> BadSpec {
    BadSpec {
        word: word.to_owned(),
        problem,
    }
}

fn requests(word: &str) -> Result<Requests, BadSpec> {
    let unknown = || bad(word, "no kind of request");
    let (name, key) = match word.split_once('=') {
        Some((name, key)) => (name, Some(key)),
        None => (word, None),
    };
    let verb = match name {
        "create" => Some(Verb::Create),
        "read" => Some(Verb::Read),
        "update" => Some(Verb::Update),
        "put" => Some(Verb::Put),
        "delete" => Some(Verb::Delete),
        _ => None,
    };
    match (name, verb, key) {
        (_, Some(verb), None) => Ok(verb.into()),
        (_, Some(verb), Some(key)) => Ok(verb.of(key_name(word, key)?.as_str())),
        ("any", _, None) => Ok(Requests::any()),
        ("any", _, Some(key)) => Ok(Requests::about(key_name(word, key)?.as_str())),
        ("token", _, None) => Ok(Route::Token.into()),
        ("org-key", _, None) => Ok(Route::OrgKey.into()),
        ("private-key", _, None) => Ok(Route::PrivateKey.into()),
        ("list", _, None) => Ok(Route::List.into()),
        _ => Err(unknown()),
    }
}

fn key_name(word: &str, key: &str) -> Result<KeyName, BadSpec> {
    KeyName::parse(key).map_err(|_| bad(word, "about a name that no secret can have"))
}

fn fault_of(word: &str) -> Result<Fault, BadSpec> {
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
        "bad-names" => Fault::list_also(BAD_NAMES.iter().copied()),
        _ => return Err(bad(word, "no fault, or one that needs a value")),
    })
}

fn fault_with(word: &str, name: &str, value: &str) -> Result<Fault, BadSpec> {
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
        _ => return Err(bad(word, "no fault with a value")),
    })
}

fn when(rule: &mut Rule, word: &str) -> Result<(), BadSpec> {
    match word.split_once('=') {
        None if word == "once" => rule.acts = Some(1),
        Some(("times", value)) => rule.acts = Some(number(word, value)?),
        Some(("after", value)) => rule.passes = number(word, value)?,
        Some(("percent", value)) => rule.percent = number(word, value)?,
        _ => return Err(bad(word, "no time for a fault")),
    }
    Ok(())
}

fn number<N: FromStr>(word: &str, value: &str) -> Result<N, BadSpec> {
    value
        .parse()
        .map_err(|_| bad(word, "without a number that fits"))
}

fn duration(word: &str, value: &str) -> Result<Duration, BadSpec> {
    if let Some(count) = value.strip_suffix("ms") {
        return number(word, count).map(Duration::from_millis);
    }
    let count = value
        .strip_suffix('s')
        .ok_or_else(|| bad(word, "without a time such as 300ms or 2s"))?;
    number(word, count).map(Duration::from_secs)
}

fn status(word: &str, value: &str) -> Result<StatusCode, BadSpec> {
    value
        .parse()
        .ok()
        .filter(|status: &StatusCode| status.as_u16() >= 200)
        .ok_or_else(|| bad(word, "without a status of 200 to 999"))
}

fn part(word: &str, value: &str) -> Result<Part, BadSpec> {
    match value {
        "ciphertext" => Ok(Part::Ciphertext),
        "tag" => Ok(Part::Tag),
        "nonce" => Ok(Part::Nonce),
        _ => Err(bad(word, "without ciphertext, tag or nonce")),
    }
}
