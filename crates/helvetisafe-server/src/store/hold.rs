//! The hold of writes, by which a rotation reaches its commit although others never stop writing.
//!
//! A rotation that holds writes has `held_until` in its row. A write of a secret that finds it does nothing, and is tried
//! again until the hold ends: with the rotation, or by its time. No write is lost if the client or the node dies meanwhile.
//! The hold is not what makes a commit safe: a commit locks the organization and checks every secret, with or without one.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::StoreError;

/// The pause between two attempts at a write that is held.
const POLL: Duration = Duration::from_millis(20);

/// The longest wait of a write: more than a hold, and less than the 5 s after which a client gives up on a silent vault.
const MOST: Duration = Duration::from_secs(3);

/// The longest hold in microseconds. A rotation that has held writes holds none for as long.
macro_rules! hold_time {
    () => {
        "2000000"
    };
}
pub(super) use hold_time;

/// The condition that a rotation of `$organization` holds writes at the time `$now`. A clock that was set back ends the hold.
macro_rules! is_held {
    ($organization:literal, $now:expr) => {
        concat!(
            "EXISTS (SELECT 1 FROM rotations WHERE rotations.organization = ",
            $organization,
            " AND ended_at IS NULL AND held_until > ",
            $now,
            " AND held_until <= ",
            $now,
            " + ",
            hold_time!(),
            ")"
        )
    };
}
pub(super) use is_held;

/// The next `held_until` of a rotation, which begins a hold if `$hold` is true. A hold is not extended, nor followed by
/// another one at once.
macro_rules! next_hold {
    ($hold:literal, $now:expr) => {
        concat!(
            "CASE WHEN NOT ",
            $hold,
            " OR held_until > ",
            $now,
            " - ",
            hold_time!(),
            " AND held_until <= ",
            $now,
            " + ",
            hold_time!(),
            " THEN held_until ELSE ",
            $now,
            " + ",
            hold_time!(),
            " END"
        )
    };
}
pub(super) use next_hold;

/// Runs a write again until no rotation holds it. Returns [`StoreError::Busy`] if one still does after [`MOST`].
pub(super) async fn wait<T, F>(write: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let start = Instant::now();
    loop {
        match write().await {
            Err(StoreError::Held) if start.elapsed() < MOST => sleep(POLL).await,
            Err(StoreError::Held) => return Err(StoreError::Busy),
            outcome => return outcome,
        }
    }
}
