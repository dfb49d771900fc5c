//! What can go wrong with a request.

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

/// White space, and `{"keys":[]}` at the end.
const GZIP_BOMB: &[u8] = include_bytes!("bomb.gz");

/// Something that goes wrong with a request, its answer or the connection.
///
/// *Acting* is what the vault does with a request that reaches it: after a fault «before acting» a
/// write did not happen, after one «after acting» it did, and the client may not know.
#[derive(Clone)]
#[must_use]
pub struct Fault {
    pub(super) name: String,
    pub(super) before: Before,
    pub(super) answer: Whose,
    pub(super) wire: Plan,
}

/// What happens before the vault sees the request.
#[derive(Clone, Copy)]
pub(super) enum Before {
    Nothing,
    Wait(Duration),
    ForgetAccessTokens,
    ForgetAllTokens,
}

/// Whose answer the client gets.
#[derive(Clone)]
pub(super) enum Whose {
    /// The vault's.
    Vaults,
    /// The vault's, with a change.
    Changed(Change),
    /// This one; the vault never sees the request.
    Instead(Answer),
    /// This one, after the vault has acted.
    Afterwards(Answer),
}

/// The network.
impl Fault {
    /// Resets the connection; the vault never sees the request.
    pub fn reset_before_acting() -> Self {
        Self::cut("reset before acting", Cut::Reset).without_the_vault()
    }

    /// Lets the vault act, then resets the connection in place of its answer.
    pub fn reset_after_acting() -> Self {
        Self::cut("reset after acting", Cut::Reset)
    }

    /// Closes the connection without a word; the vault never sees the request.
    pub fn close_before_acting() -> Self {
        Self::cut("close before acting", Cut::Close).without_the_vault()
    }

    /// Lets the vault act, then closes the connection in place of its answer.
    pub fn close_after_acting() -> Self {
        Self::cut("close after acting", Cut::Close)
    }

    /// Closes the connection after so many bytes of the vault's answer, head included. An answer
    /// that is shorter arrives whole, and the connection stays open.
    pub fn truncate_at(bytes: usize) -> Self {
        Self::new(format!("truncate at {bytes}")).cut_at(bytes, Cut::Close)
    }

    /// Resets the connection after so many bytes of the vault's answer, head included. What was
    /// sent shortly before a reset may be lost too.
    pub fn reset_at(bytes: usize) -> Self {
        Self::new(format!("reset at {bytes}")).cut_at(bytes, Cut::Reset)
    }

    /// Says nothing for a while before the vault acts. It then does, whether the client is still
    /// there or not: a write that the client has given up can come true late.
    pub fn stall_before_acting(time: Duration) -> Self {
        Self {
            before: Before::Wait(time),
            ..Self::new(format!("stall before acting for {time:?}"))
        }
    }

    /// Lets the vault act at once, and holds its answer back for a while.
    pub fn stall_after_acting(time: Duration) -> Self {
        Self::new(format!("stall after acting for {time:?}")).cut_at(0, Cut::Pause(time))
    }

    /// Holds the rest of the vault's answer back for a while after so many bytes, head included.
    pub fn stall_at(bytes: usize, time: Duration) -> Self {
        Self::new(format!("stall at {bytes} for {time:?}")).cut_at(bytes, Cut::Pause(time))
    }

    /// Sends the vault's answer so many bytes at a time, with a pause after each piece.
    pub fn drip(bytes: NonZeroUsize, pause: Duration) -> Self {
        let mut fault = Self::new(format!("drip {bytes} every {pause:?}"));
        fault.wire.drip = Some((bytes, pause));
        fault
    }
}

/// Other answers.
impl Fault {
    /// Answers in the vault's place, which never sees the request.
    pub fn answer(answer: Answer) -> Self {
        Self {
            answer: Whose::Instead(answer.clone()),
            ..Self::new(answer.name())
        }
    }

    /// Lets the vault act, then answers this in place of what it said.
    pub fn answer_after_acting(answer: Answer) -> Self {
        let name = format!("{} after acting", answer.name());
        Self {
            answer: Whose::Afterwards(answer),
            ..Self::new(name)
        }
    }

    /// A status with an error text as the vault has, in the vault's place.
    pub fn status(status: StatusCode) -> Self {
        Self::answer(Answer::error(status, "a fault on purpose"))
    }

    /// 429 that asks to wait, in the vault's place.
    pub fn too_many_requests(retry_after: Duration) -> Self {
        let answer = Answer::error(StatusCode::TOO_MANY_REQUESTS, "a fault on purpose");
        Self::answer(answer.retry_after(retry_after))
    }

    /// These bytes in place of an answer, HTTP or not, in the vault's place; then the connection is
    /// closed.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::flood("raw bytes".to_owned(), Flood::raw(bytes.into()))
    }

    /// A success with `Content-Encoding: gzip`, in the vault's place: 32 KiB that decompress to
    /// 32 MiB of JSON, an empty list.
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

    /// A success whose body never ends, in the vault's place.
    pub fn endless_body() -> Self {
        Self::flood("endless body".to_owned(), Flood::endless())
    }

    /// Informational answers without end, RFC 9110 section 15.2, in the vault's place: 100, 102, 103
    /// or another 1xx.
    pub fn endless_informational(status: StatusCode) -> Self {
        let name = format!("endless {}", status.as_u16());
        Self::flood(name, Flood::informational(status))
    }

    /// A success whose body is so many bytes of white space, in the vault's place; then the
    /// connection is closed.
    pub fn oversized_body(bytes: usize, framing: Framing) -> Self {
        let name = format!("oversized body of {bytes}");
        Self::flood(name, Flood::oversized(bytes, framing))
    }
}

/// Tokens.
impl Fault {
    /// Lets all access tokens of the vault expire before it sees the request, which it so answers
    /// with 401. A new token can be fetched.
    pub fn expire_access_tokens() -> Self {
        Self {
            before: Before::ForgetAccessTokens,
            ..Self::new("expire access tokens")
        }
    }

    /// Revokes all tokens of the vault, access tokens and API tokens, before it sees the request.
    pub fn revoke_all_tokens() -> Self {
        Self {
            before: Before::ForgetAllTokens,
            ..Self::new("revoke all tokens")
        }
    }
}

impl Fault {
    /// The vault's own answer, unharmed.
    fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            before: Before::Nothing,
            answer: Whose::Vaults,
            wire: Plan::default(),
        }
    }

    /// The vault's own answer with a change.
    pub(super) fn changed(name: impl Into<String>, change: Change) -> Self {
        Self {
            answer: Whose::Changed(change),
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

    /// The wire takes care of the answer, which therefore may be any.
    fn without_the_vault(self) -> Self {
        Self {
            answer: Whose::Instead(Answer::status(StatusCode::OK)),
            ..self
        }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fault").field(&self.name).finish()
    }
}
