//! The same work on many things at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Enough to hide the way to the vault and back, and few enough not to run into its rate limit.
const THREADS: usize = 8;

/// What `work` makes of each item, in the order of the items. Calls `finished` after each.
pub(crate) fn map<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut finished: impl FnMut(),
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let mut results: Vec<_> = thread::scope(|scope| {
        for _ in 0..THREADS.min(items.len()) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            let work = move || {
                while let Some((at, item)) = take(items, next) {
                    // The receiver waits below for all results.
                    let _ = sender.send((at, work(item)));
                }
            };
            // Where the system gives no more threads, fewer do it.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        drop(sender);
        receiver.into_iter().inspect(|_| finished()).collect()
    });
    // Where it gives none, this one does it.
    while let Some((at, item)) = take(items, &next) {
        results.push((at, work(item)));
        finished();
    }
    results.sort_unstable_by_key(|&(at, _)| at);
    results.into_iter().map(|(_, result)| result).collect()
}

fn take<'a, T>(items: &'a [T], next: &AtomicUsize) -> Option<(usize, &'a T)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    items.get(at).map(|item| (at, item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_are_in_the_order_of_the_items() {
        let items: Vec<_> = (0..100).collect();
        let mut finished = 0;
        let doubled = map(&items, |item| item * 2, || finished += 1);
        assert_eq!(doubled, (0..100).map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(finished, 100);
        assert!(map(&[(); 0], |()| (), || ()).is_empty());
    }
}
