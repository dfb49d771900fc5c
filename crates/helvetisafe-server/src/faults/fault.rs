//! The faults.

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderValue, StatusCode};

use super::answer::Answer;
use super::change::Change;
use super::flood::{Flood, Framing};
use super::wire::{Cut, Plan};

/// Compressed white space with `{"keys":[]}` at the end.
const GZIP_BOMB: &[u8] = include_bytes!("bomb.gz");

/// A fault of a request, its answer or the connection.
///
/// *Acting* means that the vault handles the request. A fault "before acting" prevents a write; after a fault
/// "after acting" the write has happened, and the client may not know.
#[derive(Clone)]
#[must_use]
pub struct Fault {
    pub(super) name: String,
    pub(super) before: Before,
    pub(super) answer: AnswerSource,
    pub(super) wire: Plan,
}

/// An action before the vault receives the request.
#[derive(Clone, Copy)]
pub(super) enum Before {
    Nothing,
    Wait(Duration),
    /// Removes access tokens, and with `api_tokens` API tokens too.
    ForgetTokens {
        api_tokens: bool,
    },
}

/// The source of the client's answer.
#[derive(Clone)]
pub(super) enum AnswerSource {
    /// The vault.
    Vault,
    /// The vault, with a change.
    Changed(Change),
    /// This answer; the vault never receives the request.
    BeforeActing(Answer),
    /// This answer, after the vault has acted.
    AfterActing(Answer),
}

/// Faults of the network.
impl Fault {
    /// Resets the connection; the vault never receives the request.
    pub fn reset_before_acting() -> Self {
        Self::cut("reset before acting", Cut::Reset).without_the_vault()
    }

    /// Lets the vault act, then resets the connection instead of answering.
    pub fn reset_after_acting() -> Self {
        Self::cut("reset after acting", Cut::Reset)
    }

    /// Closes the connection without an answer; the vault never receives the request.
    pub fn close_before_acting() -> Self {
        Self::cut("close before acting", Cut::Close).without_the_vault()
    }

    /// Lets the vault act, then closes the connection instead of answering.
    pub fn close_after_acting() -> Self {
        Self::cut("close after acting", Cut::Close)
    }

    /// Closes the connection after `bytes` bytes of the vault's answer, including its head. A shorter answer
    /// arrives whole, and the connection stays open.
    pub fn truncate_at(bytes: usize) -> Self {
        Self::new(format!("truncate at {bytes}")).cut_at(bytes, Cut::Close)
    }

    /// Resets the connection after `bytes` bytes of the vault's answer, including its head. Bytes sent
    /// shortly before the reset may be lost too.
    pub fn reset_at(bytes: usize) -> Self {
        Self::new(format!("reset at {bytes}")).cut_at(bytes, Cut::Reset)
    }

    /// Waits before the vault acts. The vault acts even if the client has disconnected, so a write that the
    /// client has given up can still happen.
    pub fn stall_before_acting(time: Duration) -> Self {
        Self {
            before: Before::Wait(time),
            ..Self::new(format!("stall before acting for {time:?}"))
        }
    }

    /// Lets the vault act, then waits before its answer.
    pub fn stall_after_acting(time: Duration) -> Self {
        Self::new(format!("stall after acting for {time:?}")).cut_at(0, Cut::Pause(time))
    }

    /// Waits after `bytes` bytes of the vault's answer, including its head.
    pub fn stall_at(bytes: usize, time: Duration) -> Self {
        Self::new(format!("stall at {bytes} for {time:?}")).cut_at(bytes, Cut::Pause(time))
    }

    /// Sends the vault's answer in pieces of `bytes` bytes, with a pause after each.
    pub fn drip(bytes: NonZeroUsize, pause: Duration) -> Self {
        let mut fault = Self::new(format!("drip {bytes} every {pause:?}"));
        fault.wire.drip = Some((bytes, pause));
        fault
    }
}

/// Other answers than the vault's.
impl Fault {
    /// Answers in place of the vault, which never receives the request.
    pub fn answer(answer: Answer) -> Self {
        Self {
            answer: AnswerSource::BeforeActing(answer.clone()),
            ..Self::new(answer.name())
        }
    }

    /// Lets the vault act, then replaces its answer.
    pub fn answer_after_acting(answer: Answer) -> Self {
        let name = format!("{} after acting", answer.name());
        Self {
            answer: AnswerSource::AfterActing(answer),
            ..Self::new(name)
        }
    }

    /// Answers with an error status in place of the vault.
    pub fn status(status: StatusCode) -> Self {
        Self::answer(Answer::error(status, "a fault on purpose"))
    }

    /// Answers 429 with `Retry-After` in place of the vault.
    pub fn too_many_requests(retry_after: Duration) -> Self {
        let answer = Answer::error(StatusCode::TOO_MANY_REQUESTS, "a fault on purpose");
        Self::answer(answer.retry_after(retry_after))
    }

    /// Sends these bytes, HTTP or not, in place of the vault; then closes the connection.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::flood("raw bytes".to_owned(), Flood::raw(bytes.into()))
    }

    /// Answers 200 with `Content-Encoding: gzip` in place of the vault: 32 KiB that decompress to 32 MiB of
    /// JSON, an empty list.
    pub fn gzip_bomb() -> Self {
        let gzip = HeaderValue::from_static("gzip");
        let bomb = Answer::status(StatusCode::OK)
            .json(GZIP_BOMB)
            .header(CONTENT_ENCODING, gzip);
        Self {
            name: "gzip bomb".to_owned(),
            ..Self::answer(bomb)
        }
    }

    /// Answers 200 with an endless body in place of the vault.
    pub fn endless_body() -> Self {
        Self::flood("endless body".to_owned(), Flood::endless())
    }

    /// Sends informational responses without end, RFC 9110 section 15.2, in place of the vault: 100, 102, 103
    /// or another 1xx.
    pub fn endless_informational(status: StatusCode) -> Self {
        let name = format!("endless {}", status.as_u16());
        Self::flood(name, Flood::informational(status))
    }

    /// Answers 200 with `bytes` bytes of white space in place of the vault; then closes the connection.
    pub fn oversized_body(bytes: usize, framing: Framing) -> Self {
        let name = format!("oversized body of {bytes}");
        Self::flood(name, Flood::oversized(bytes, framing))
    }
}

/// Faults of tokens.
impl Fault {
    /// Removes all access tokens before the vault receives the request, so it answers 401. Clients can fetch
    /// new ones.
    pub fn expire_access_tokens() -> Self {
        Self {
            before: Before::ForgetTokens { api_tokens: false },
            ..Self::new("expire access tokens")
        }
    }

    /// Removes all access tokens and API tokens before the vault receives the request.
    pub fn revoke_all_tokens() -> Self {
        Self {
            before: Before::ForgetTokens { api_tokens: true },
            ..Self::new("revoke all tokens")
        }
    }
}

impl Fault {
    /// Makes a fault that changes nothing yet.
    fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            before: Before::Nothing,
            answer: AnswerSource::Vault,
            wire: Plan::default(),
        }
    }

    /// Makes a fault that changes the vault's answer.
    pub(super) fn changed(name: impl Into<String>, change: Change) -> Self {
        Self {
            answer: AnswerSource::Changed(change),
            ..Self::new(name)
        }
    }

    fn cut(name: &str, cut: Cut) -> Self {
        Self::new(name).cut_at(0, cut)
    }

    fn cut_at(mut self, bytes: usize, cut: Cut) -> Self {
        self.wire.cut = Some((bytes, cut));
        self
    }

    fn flood(name: String, flood: Flood) -> Self {
        let mut fault = Self::new(name).without_the_vault();
        fault.wire.instead = Some(flood);
        fault
    }

    /// The connection replaces the answer, so its content does not matter.
    fn without_the_vault(self) -> Self {
        Self {
            answer: AnswerSource::BeforeActing(Answer::status(StatusCode::OK)),
            ..self
        }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fault").field(&self.name).finish()
    }
}
