//! Two classes of input in random order, and Welch's t-test on their times.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The number of croppings. The slow tail is noise of the machine, and a small difference shows best
/// without it; the best cut is not known in advance.
const CROPPINGS: usize = 100;
/// Samples that are not counted: caches and branch predictors are still cold.
const WARM_UP: usize = 200;

/// The expected result of a comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// No difference.
    Alike,
    /// A difference that is no secret, or that the caller learns anyway.
    Different,
    /// A difference, on purpose: it proves that the measurement works.
    Leak,
}

/// Two classes of input to one operation.
pub(crate) struct Comparison {
    pub(crate) name: &'static str,
    pub(crate) expected: Expected,
    /// Measures the operation on an input of the first or the second class.
    operation: Box<dyn FnMut(bool) -> Duration>,
    /// The divisor of the number of samples, for slow operations.
    share: usize,
}

/// Measures an operation. The caller prepares the input, for both classes in the same memory, since its
/// address makes a difference too.
pub(crate) fn time<T>(operation: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    let outcome = black_box(operation());
    let time = begun.elapsed();
    drop(outcome);
    time
}

/// The result of a comparison.
pub(crate) struct Outcome {
    /// The largest |t|.
    pub(crate) t: f64,
    samples: usize,
    medians: [f64; 2],
}

impl Comparison {
    pub(crate) fn new(
        name: &'static str,
        expected: Expected,
        operation: impl FnMut(bool) -> Duration + 'static,
    ) -> Self {
        let operation = Box::new(operation);
        Self {
            name,
            expected,
            operation,
            share: 1,
        }
    }

    pub(crate) fn one_in(self, share: usize) -> Self {
        Self { share, ..self }
    }

    pub(crate) fn run(mut self, samples: usize) -> Outcome {
        let samples = samples / self.share;
        let mut random = SplitMix(0x5eed);
        let mut times = [Vec::new(), Vec::new()];
        for number in 0..WARM_UP + samples {
            let is_second = random.next() & 1 == 1;
            let time = (self.operation)(is_second).as_nanos() as f64;
            if number >= WARM_UP {
                times[usize::from(is_second)].push(time);
            }
        }
        let mut sorted = times.concat();
        sorted.sort_by(f64::total_cmp);
        let t = (0..=CROPPINGS).map(|number| welch(&times, limit(&sorted, number)).abs());
        Outcome {
            t: t.fold(0.0, f64::max),
            samples,
            medians: times.map(median),
        }
    }
}

/// The time above which the cropping with this number cuts; the first cuts nothing. As in dudect
/// they lie closer together towards the slow end.
fn limit(sorted: &[f64], number: usize) -> f64 {
    if number == 0 {
        return f64::INFINITY;
    }
    let share = 1.0 - 0.5_f64.powf(10.0 * number as f64 / CROPPINGS as f64);
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

/// Welch's t of the times below a limit; 0 if too few are left.
fn welch(times: &[Vec<f64>; 2], limit: f64) -> f64 {
    let [(n0, mean0, variance0), (n1, mean1, variance1)] = [&times[0], &times[1]].map(|times| {
        let kept = || times.iter().filter(|&&time| time < limit);
        let n = kept().count() as f64;
        let mean = kept().sum::<f64>() / n;
        let variance = kept().map(|time| (time - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (n, mean, variance)
    });
    if n0 < 500.0 || n1 < 500.0 {
        return 0.0;
    }
    (mean0 - mean1) / (variance0 / n0 + variance1 / n1).sqrt()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.medians.map(|nanos| nanos / 1000.0);
        let Self { t, samples, .. } = self;
        write!(
            f,
            "|t| {t:8.2}  n {samples:7}  medians {first:9.2} and {second:9.2} µs "
        )
    }
}

/// A generator for the order of the classes, which only has to be unpredictable to the processor.
pub(crate) struct SplitMix(pub(crate) u64);

impl SplitMix {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.next() as u8);
    }
}
