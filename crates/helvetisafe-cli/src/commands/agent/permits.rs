//! The limit of requests that wait for the vault, or for a client that reads secrets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The maximum of such requests. Each may hold a large answer, and a connection that cannot be closed.
const MAX_PERMITS: usize = 128;

#[derive(Clone, Default)]
pub(super) struct Permits(Arc<AtomicUsize>);

/// The permission to answer one request with secrets. It is given back on drop.
#[derive(Debug)]
pub(super) struct Permit(Arc<AtomicUsize>);

impl Permits {
    /// Takes a permit; `None` if all are taken.
    pub(super) fn take(&self) -> Option<Permit> {
        let taken = self.0.fetch_add(1, Ordering::SeqCst);
        // A surplus permit is given back by its drop.
        let permit = Permit(Arc::clone(&self.0));
        (taken < MAX_PERMITS).then_some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_permits_are_given_than_exist() {
        let permits = Permits::default();
        let mut taken: Vec<_> = (0..MAX_PERMITS).map(|_| permits.take().unwrap()).collect();
        for _ in 0..3 {
            assert!(permits.take().is_none());
            drop(taken.pop());
            taken.push(permits.take().unwrap());
        }
    }
}
