//! A clock that a test drives, with a jitter that a seed determines.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use helvetisafe::Clock;

/// A pseudo-random sequence: a linear congruential generator with Knuth's constants.
pub struct Jitter(u64);

impl Jitter {
    /// Returns the sequence of this seed.
    pub fn from_seed(seed: usize) -> Self {
        Self(seed as u64)
    }

    /// Returns the next number, from 0 to below 1.
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> f64 {
        let (factor, summand) = (6_364_136_223_846_793_005_u64, 1_442_695_040_888_963_407);
        self.0 = self.0.wrapping_mul(factor).wrapping_add(summand);
        (self.0 >> 40) as f64 / (1_u64 << 24) as f64
    }
}

/// A clock whose time passes only when a client sleeps or the test advances it.
/// Clones share their time. Without a seed each jitter is 0.5.
#[derive(Clone, Default)]
pub struct DrivenClock(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Duration,
    sleeps: Vec<Duration>,
    jitter: Option<Jitter>,
}

impl DrivenClock {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Forgets the sleeps so far, and takes the jitter from this seed from now on.
    pub fn restart(&self, seed: usize) {
        let mut state = self.state();
        state.sleeps.clear();
        state.jitter = Some(Jitter::from_seed(seed));
    }

    /// Lets time pass.
    pub fn advance(&self, time: Duration) {
        self.state().now += time;
    }

    /// Returns the sleeps so far.
    pub fn sleeps(&self) -> Vec<Duration> {
        self.state().sleeps.clone()
    }

    /// Returns the sleeps so far, in milliseconds.
    pub fn sleeps_in_ms(&self) -> Vec<u128> {
        self.sleeps().iter().map(Duration::as_millis).collect()
    }
}

impl Clock for DrivenClock {
    fn now(&self) -> Duration {
        self.state().now
    }

    fn sleep(&self, duration: Duration) {
        let mut state = self.state();
        state.now += duration;
        state.sleeps.push(duration);
    }

    fn jitter(&self) -> f64 {
        self.state().jitter.as_mut().map_or(0.5, Jitter::next)
    }
}

#[cfg(feature = "async")]
impl helvetisafe::AsyncClock for DrivenClock {
    fn sleep_async(
        &self,
        duration: Duration,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.sleep(duration);
        Box::pin(std::future::ready(()))
    }
}
