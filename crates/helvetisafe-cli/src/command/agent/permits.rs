//! Permits, which bound the requests that wait for the vault, or for a client that reads secrets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Each may hold a large answer, and a connection that cannot give way to another.
const MAX_PERMITS: usize = 128;

#[derive(Clone, Default)]
pub(super) struct Permits(Arc<AtomicUsize>);

/// The permission to answer one request with secrets, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Permit(Arc<AtomicUsize>);

impl Permits {
    /// `None` where all are taken.
    pub(super) fn take(&self) -> Option<Permit> {
        let taken = self.0.fetch_add(1, Ordering::SeqCst);
        // Dropped, it is given back.
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
    fn as_many_are_given_as_there_are() {
        let permits = Permits::default();
        let mut taken: Vec<_> = (0..MAX_PERMITS).map(|_| permits.take().unwrap()).collect();
        for _ in 0..3 {
            assert!(permits.take().is_none());
            drop(taken.pop());
            taken.push(permits.take().unwrap());
        }
    }
}
