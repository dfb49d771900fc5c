//! Further addresses of one vault, and the address in use.

use std::sync::atomic::{AtomicUsize, Ordering};

use helvetisafe_proto::BaseUrl;

/// The further addresses. An address is identified by its number; that of the first one is 0.
pub(crate) struct Failover {
    further: Vec<BaseUrl>,
    in_use: AtomicUsize,
}

impl Failover {
    pub(crate) fn new(further: Vec<BaseUrl>) -> Self {
        Self {
            further,
            in_use: AtomicUsize::new(0),
        }
    }

    /// Returns the number of the address that new calls use.
    pub(super) fn in_use(&self) -> usize {
        self.in_use.load(Ordering::Relaxed)
    }

    /// Returns the address with this number.
    pub(super) fn address<'a>(&'a self, first: &'a BaseUrl, number: usize) -> &'a BaseUrl {
        let further = number.checked_sub(1).and_then(|at| self.further.get(at));
        further.unwrap_or(first)
    }

    /// Leaves an address that failed, unless another call has left it already. Returns the number of the one in use.
    pub(super) fn leave(&self, failed: usize) -> usize {
        let next = (failed + 1) % (self.further.len() + 1);
        let order = Ordering::Relaxed;
        match self.in_use.compare_exchange(failed, next, order, order) {
            Ok(_) => next,
            Err(in_use) => in_use,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_left_once_and_the_last_is_followed_by_the_first() {
        let [a, b, c] = [
            "https://a.example",
            "https://b.example",
            "https://c.example",
        ]
        .map(|url| BaseUrl::parse(url).unwrap());
        let failover = Failover::new(vec![b.clone(), c.clone()]);
        assert_eq!(failover.address(&a, failover.in_use()), &a);
        assert_eq!(failover.leave(0), 1);
        // Another call that failed at the first address finds the second one in use.
        assert_eq!(failover.leave(0), 1);
        assert_eq!(failover.address(&a, failover.in_use()), &b);
        assert_eq!(failover.leave(1), 2);
        assert_eq!(failover.address(&a, failover.in_use()), &c);
        assert_eq!(failover.leave(2), 0);
        let alone = Failover::new(Vec::new());
        assert_eq!(alone.leave(0), 0);
        assert_eq!(alone.address(&a, 0), &a);
    }
}
