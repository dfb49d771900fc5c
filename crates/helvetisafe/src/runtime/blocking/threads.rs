//! Jobs on threads that end with them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{io, panic};

use crate::runtime::Completed;
use crate::trace::TraceContext;

/// Runs `job` for each number below `count` on at most `at_once` threads, and returns the results in
/// order.
pub(super) fn each<T: Send>(
    count: usize,
    at_once: usize,
    job: impl Fn(usize) -> T + Sync,
    mut finished: impl FnMut(usize),
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&at| at < count);
    let (sender, receiver) = mpsc::channel();
    let context = TraceContext::current();
    let mut results = Vec::with_capacity(count);
    // A single job needs no thread of its own.
    let threads = if count > 1 { at_once.min(count) } else { 0 };
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, context, take, job) = (sender.clone(), &context, &take, &job);
            let work = move || {
                while let Some(at) = take() {
                    // The receiver below outlives all senders.
                    let _ = sender.send((at, job(at)));
                }
            };
            // If the system has no more threads, fewer do the work.
            let _ = thread::Builder::new().spawn_scoped(scope, move || context.run(work));
        }
        drop(sender);
        for result in receiver {
            results.push(result);
            finished(results.len());
        }
    });
    // If it has none, this thread does the work.
    while let Some(at) = take() {
        results.push((at, job(at)));
        finished(results.len());
    }
    results.sort_unstable_by_key(|&(at, _)| at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Runs `job` to its end on a thread of its own, and waits up to `time` for its result.
pub(super) fn complete<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
    time: Duration,
) -> Completed<T> {
    match Job::begin(job) {
        Ok(mut job) => job.wait(time).map_or(Completed::Late, Completed::Done),
        Err(_) => Completed::NoThread,
    }
}

/// A job on a thread of its own. It continues when this is dropped.
pub(crate) struct Job<T> {
    result: mpsc::Receiver<T>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Job<T> {
    pub(crate) fn begin(job: impl FnOnce() -> T + Send + 'static) -> io::Result<Self> {
        let (sender, result) = mpsc::channel();
        // No one receives a result that comes too late.
        let thread = spawn(move || drop(sender.send(job())))?;
        Ok(Self {
            result,
            thread: Some(thread),
        })
    }

    /// Waits up to `time` for the result. There is one result.
    ///
    /// # Panics
    ///
    /// Panics when the job has panicked.
    pub(crate) fn wait(&mut self, time: Duration) -> Option<T> {
        match self.result.recv_timeout(time) {
            Ok(result) => Some(result),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                if let Some(Err(cause)) = self.thread.take().map(JoinHandle::join) {
                    panic::resume_unwind(cause);
                }
                None
            }
        }
    }
}

/// Runs `job` on a thread of its own.
pub(super) fn spawn(job: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let context = TraceContext::current();
    thread::Builder::new().spawn(move || context.run(job))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_are_in_order_and_each_is_reported() {
        let mut reported = Vec::new();
        let doubled = each(100, 8, |at| at * 2, |done| reported.push(done));
        assert_eq!(doubled, (0..100).map(|at| at * 2).collect::<Vec<_>>());
        assert_eq!(reported, (1..=100).collect::<Vec<_>>());
        assert!(each(0, 8, |at| at, |_| ()).is_empty());
    }
}
