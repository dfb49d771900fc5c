//! Timeouts at their ends.

use std::time::Duration;

use helvetisafe::Timeouts;

/// A timeout, and how to set it.
type Set = fn(&mut Timeouts, Duration);

const FIELDS: [(&str, Set); 4] = [
    ("connect", |timeouts, time| timeouts.connect = time),
    ("attempt", |timeouts, time| timeouts.attempt = time),
    ("silence", |timeouts, time| timeouts.silence = time),
    ("operation", |timeouts, time| timeouts.operation = time),
];

/// The defaults with one of them, or all, set.
pub(crate) fn extremes(time: Duration) -> Vec<(&'static str, Timeouts)> {
    let mut all = Timeouts::default();
    FIELDS.iter().for_each(|(_, set)| set(&mut all, time));
    let one = FIELDS.map(|(name, set)| {
        let mut timeouts = Timeouts::default();
        set(&mut timeouts, time);
        (name, timeouts)
    });
    one.into_iter().chain([("all", all)]).collect()
}
