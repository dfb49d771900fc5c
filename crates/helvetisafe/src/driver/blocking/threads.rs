//! The same work on many things at once, in threads that end with it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::trace::Here;

/// What `job` makes of each number below `count`, in their order, on at most `at_once` threads.
pub(super) fn each<T: Send>(
    count: usize,
    at_once: usize,
    job: impl Fn(usize) -> T + Sync,
    mut finished: impl FnMut(usize),
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&at| at < count);
    let (sender, receiver) = mpsc::channel();
    let here = Here::new();
    let mut results = Vec::with_capacity(count);
    thread::scope(|scope| {
        for _ in 0..at_once.min(count) {
            let (sender, here, take, job) = (sender.clone(), &here, &take, &job);
            let work = move || {
                while let Some(at) = take() {
                    // The receiver waits below for all results.
                    let _ = sender.send((at, job(at)));
                }
            };
            // Where the system gives no more threads, fewer do it.
            let _ = thread::Builder::new().spawn_scoped(scope, move || here.run(work));
        }
        drop(sender);
        for result in receiver {
            results.push(result);
            finished(results.len());
        }
    });
    // Where it gives none, this one does it.
    while let Some(at) = take() {
        results.push((at, job(at)));
        finished(results.len());
    }
    results.sort_unstable_by_key(|&(at, _)| at);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_are_in_order_and_each_is_told() {
        let mut told = Vec::new();
        let doubled = each(100, 8, |at| at * 2, |done| told.push(done));
        assert_eq!(doubled, (0..100).map(|at| at * 2).collect::<Vec<_>>());
        assert_eq!(told, (1..=100).collect::<Vec<_>>());
        assert!(each(0, 8, |at| at, |_| ()).is_empty());
    }
}
