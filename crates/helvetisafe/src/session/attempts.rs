//! What is known of the attempts of one call.

use helvetisafe_proto::retry::Event;

/// What came of the attempts of one call so far.
pub(crate) struct Attempts {
    /// How many are left, the current one included.
    pub(super) left: u32,
    /// How many failed: the exponent of the back-off.
    pub(super) failed: u32,
    /// The one repetition after a dead connection was used.
    pub(super) repeated_at_once: bool,
    /// The one new credential was used.
    renewed: bool,
    /// The vault may have acted on an attempt that failed.
    pub(super) may_have_acted: bool,
    /// The answer to an attempt was lost, or cannot be read.
    pub(super) lost: bool,
    /// The last attempt ended with [`Verdict::ReadBack`].
    pub(super) read_back: bool,
}

impl Attempts {
    /// So many, at least one.
    pub(crate) fn new(left: u32) -> Self {
        Self {
            left: left.max(1),
            failed: 0,
            repeated_at_once: false,
            renewed: false,
            may_have_acted: false,
            lost: false,
            read_back: false,
        }
    }

    /// Takes note of what an attempt brought instead of success.
    pub(super) fn note(&mut self, event: Event) {
        self.may_have_acted |= may_have_acted(event);
        self.lost |= is_lost(event);
    }

    /// Whether the one new credential is still to be had; it is not after this.
    pub(super) fn may_renew(&mut self) -> bool {
        !std::mem::replace(&mut self.renewed, true)
    }

    /// Whether the vault may have acted on an attempt whose answer was lost.
    pub(crate) fn may_have_acted(&self) -> bool {
        self.may_have_acted
    }

    /// Whether only reading the secret can tell what happened.
    pub(crate) fn asks_to_read_back(&self) -> bool {
        self.read_back
    }
}

/// Whether the vault may have done what was asked although no success came back.
fn may_have_acted(event: Event) -> bool {
    match event {
        Event::Status { status, .. } => status.is_server_error() || status.as_u16() == 408,
        _ => is_lost(event),
    }
}

fn is_lost(event: Event) -> bool {
    matches!(
        event,
        Event::DeadConnection | Event::Lost | Event::Unreadable
    )
}
