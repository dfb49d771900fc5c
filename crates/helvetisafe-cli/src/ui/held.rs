//! The failures of work that is repeated, which are printed once while they last.

use std::cell::RefCell;

thread_local! {
    /// The failures that this thread holds back; `None` if it prints them.
    static HELD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Runs work. Returns the failures that this thread reports meanwhile, which are not printed.
pub(crate) fn hold_failures<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    HELD.set(Some(Vec::new()));
    let outcome = work();
    (outcome, HELD.take().unwrap_or_default())
}

/// Returns false if this thread prints its failures.
pub(super) fn holds(message: &str) -> bool {
    HELD.with_borrow_mut(|held| {
        let held = held.as_mut();
        held.map(|held| held.push(message.to_owned())).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_held_back_until_the_work_ends() {
        assert!(!holds("before"));
        let (outcome, held) = hold_failures(|| holds("one") && holds("two"));
        assert!(outcome);
        assert_eq!(held, ["one", "two"]);
        assert!(!holds("after"));
    }
}
