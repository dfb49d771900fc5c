//! The memory of this process over time.

use std::fs;
use std::sync::Mutex;

/// The greatest ratio of the last quarter to the second, which no longer includes the start.
const MOST_GROWTH: f64 = 1.1;

/// Resident kilobytes, one sample after the other.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Vec<u64>>);

impl Memory {
    /// Takes a sample; only on Linux.
    pub(crate) fn sample(&self) {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes: Option<u64> =
            line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        self.0.lock().unwrap().extend(kilobytes);
    }

    pub(crate) fn print(&self) {
        match self.quarters() {
            Some([second, last]) => {
                println!("memory: {second} KiB in the second quarter, {last} KiB in the last");
            }
            None => println!("memory: not known"),
        }
    }

    pub(crate) fn failure(&self) -> Option<String> {
        let [second, last] = self.quarters()?;
        let grew = last as f64 > second as f64 * MOST_GROWTH;
        grew.then(|| "the memory grew".to_owned())
    }

    /// The medians of the second and the last quarter.
    fn quarters(&self) -> Option<[u64; 2]> {
        let samples = self.0.lock().unwrap();
        let quarter = samples.len() / 4;
        let median = |samples: &[u64]| {
            let mut sorted = samples.to_vec();
            sorted.sort_unstable();
            sorted.get(sorted.len() / 2).copied()
        };
        let second = median(samples.get(quarter..2 * quarter)?)?;
        let last = median(samples.get(samples.len() - quarter..)?)?;
        Some([second, last])
    }
}
