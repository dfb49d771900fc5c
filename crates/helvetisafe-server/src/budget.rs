//! A budget of bytes that many share: the bodies of all requests in flight have one, and all answers
//! that are cached or being sent have another.

use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of memory that may be taken, and come back when a [`Share`] is dropped.
pub(crate) struct Budget {
    left: Arc<Semaphore>,
    total: usize,
}

/// Bytes that were taken from a budget.
pub(crate) struct Share(OwnedSemaphorePermit);

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        let total = bytes.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        Self {
            left: Arc::new(Semaphore::new(total)),
            total,
        }
    }

    /// Takes so many bytes; `None` where fewer are left. One that needs more than there are gets all of
    /// them, as soon as no other has any.
    pub(crate) fn take(&self, bytes: usize) -> Option<Share> {
        let bytes = u32::try_from(bytes.min(self.total)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.left).try_acquire_many_owned(bytes);
        permit.ok().map(Share)
    }
}

impl Share {
    pub(crate) fn bytes(&self) -> usize {
        self.0.num_permits()
    }

    /// Adds another share of the same budget.
    pub(crate) fn add(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    /// Bytes that hold this share until their last copy is dropped.
    pub(crate) fn bind(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Bound {
            bytes,
            _share: self,
        })
    }
}

struct Bound {
    bytes: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Bound {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back_with_the_last_copy() {
        let budget = Budget::new(10);
        let share = budget.take(6).unwrap();
        assert!(budget.take(5).is_none());
        let bytes = share.bind(b"answer".to_vec());
        let copy = bytes.clone();
        drop(bytes);
        assert!(budget.take(5).is_none());
        assert_eq!(&copy[..], b"answer");
        drop(copy);
        assert!(budget.take(10).is_some());
    }

    #[test]
    fn a_share_grows() {
        let budget = Budget::new(10);
        let mut share = budget.take(1).unwrap();
        share.add(budget.take(8).unwrap());
        assert_eq!(share.bytes(), 9);
        assert!(budget.take(2).is_none());
        drop(share);
        assert!(budget.take(10).is_some());
    }

    #[test]
    fn what_is_larger_than_the_budget_has_it_alone() {
        let budget = Budget::new(10);
        let small = budget.take(1).unwrap();
        assert!(budget.take(11).is_none());
        drop(small);
        let large = budget.take(11).unwrap();
        assert_eq!(large.bytes(), 10);
        assert!(budget.take(1).is_none());
    }
}
