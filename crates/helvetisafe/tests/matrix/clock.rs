//! Time that passes only when somebody sleeps, and jitter from a seed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use helvetisafe::Clock;

/// The jitters of one case: a linear congruential generator, Knuth's constants.
#[derive(Default)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn of(seed: usize) -> Self {
        Self(seed as u64)
    }

    pub(crate) fn next(&mut self) -> f64 {
        let (factor, summand) = (6_364_136_223_846_793_005_u64, 1_442_695_040_888_963_407);
        self.0 = self.0.wrapping_mul(factor).wrapping_add(summand);
        (self.0 >> 40) as f64 / (1_u64 << 24) as f64
    }
}

#[derive(Clone, Default)]
pub(crate) struct DrivenClock(Arc<Mutex<Times>>);

#[derive(Default)]
struct Times {
    now: Duration,
    waits: Vec<Duration>,
    jitter: Jitter,
}

impl DrivenClock {
    /// Begins a case.
    pub(crate) fn begin(&self, seed: usize) {
        let mut times = self.0.lock().unwrap();
        times.jitter = Jitter::of(seed);
        times.waits.clear();
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.0.lock().unwrap().now += time;
    }

    /// The waits since the case began.
    pub(crate) fn waits(&self) -> Vec<Duration> {
        self.0.lock().unwrap().waits.clone()
    }
}

impl Clock for DrivenClock {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
        self.0.lock().unwrap().waits.push(duration);
    }

    fn jitter(&self) -> f64 {
        self.0.lock().unwrap().jitter.next()
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
