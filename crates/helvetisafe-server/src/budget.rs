//! A shared memory budget in bytes. One is for the bodies of all requests in flight, one for all answers
//! that are being sent, or are cached lists.

use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A number of bytes, of which each [`Share`] takes some until it is dropped.
pub(crate) struct Budget {
    left: Arc<Semaphore>,
    total: usize,
}

/// Bytes taken from a budget.
pub(crate) struct Share(OwnedSemaphorePermit);

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        let total = bytes.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        Self {
            left: Arc::new(Semaphore::new(total)),
            total,
        }
    }

    /// Takes a number of bytes; returns `None` if fewer are left. A request for more than the total takes
    /// the whole budget, if no other share exists.
    pub(crate) fn take(&self, bytes: usize) -> Option<Share> {
        let bytes = u32::try_from(bytes.min(self.total)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.left).try_acquire_many_owned(bytes);
        permit.ok().map(Share)
    }

    /// Adds to a share until it has a number of bytes, or the whole budget. Returns false, and adds nothing, if fewer
    /// are left.
    pub(crate) fn grow(&self, share: &mut Share, bytes: usize) -> bool {
        let missing = bytes.min(self.total).saturating_sub(share.bytes());
        let more = self.take(missing);
        let is_grown = more.is_some();
        more.into_iter().for_each(|more| share.add(more));
        is_grown
    }
}

impl Share {
    pub(crate) fn bytes(&self) -> usize {
        self.0.num_permits()
    }

    /// Returns all but `bytes` to the budget.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        drop(self.0.split(self.bytes().saturating_sub(bytes)));
    }

    /// Adds another share of the same budget.
    pub(crate) fn add(&mut self, other: Self) {
        self.0.merge(other.0);
    }

    /// Attaches this share to `bytes` until their last copy is dropped.
    pub(crate) fn attach_to(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Owner {
            bytes,
            _share: self,
        })
    }
}

struct Owner {
    bytes: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_the_last_copy_returns_the_share() {
        let budget = Budget::new(10);
        let share = budget.take(6).unwrap();
        assert!(budget.take(5).is_none());
        let bytes = share.attach_to(b"answer".to_vec());
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
    fn a_share_grows_to_the_whole_budget() {
        let budget = Budget::new(10);
        let mut share = budget.take(4).unwrap();
        let other = budget.take(4).unwrap();
        assert!(!budget.grow(&mut share, 7));
        assert_eq!(share.bytes(), 4);
        drop(other);
        assert!(budget.grow(&mut share, 20));
        assert!(budget.grow(&mut share, 30));
        assert_eq!(share.bytes(), 10);
    }

    #[test]
    fn a_share_shrinks() {
        let budget = Budget::new(10);
        let mut share = budget.take(9).unwrap();
        share.shrink_to(20);
        assert_eq!(share.bytes(), 9);
        share.shrink_to(2);
        assert_eq!(share.bytes(), 2);
        let other = budget.take(8).unwrap();
        assert!(budget.take(1).is_none());
        drop((share, other));
        assert!(budget.take(10).is_some());
    }

    #[test]
    fn a_request_over_the_total_needs_the_whole_budget() {
        let budget = Budget::new(10);
        let small = budget.take(1).unwrap();
        assert!(budget.take(11).is_none());
        drop(small);
        let large = budget.take(11).unwrap();
        assert_eq!(large.bytes(), 10);
        assert!(budget.take(1).is_none());
    }
}
