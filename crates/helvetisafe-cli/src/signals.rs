//! What this process was told about signals when it was started.

use std::os::raw::c_int;

/// Those of `signals` that were not ignored at the start. The others, as after `nohup` or in the
/// background of a script, shall stay so, for a child too, and would not with a handler.
pub(crate) fn not_ignored(signals: &[c_int]) -> Vec<c_int> {
    let ignored = ignored();
    let handled = signals.iter().copied();
    handled
        .filter(|&signal| ignored & bit(signal) == 0)
        .collect()
}

/// The signals that are ignored, one bit each.
#[cfg(target_os = "linux")]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

/// Only Linux tells without `unsafe`.
#[cfg(not(target_os = "linux"))]
fn ignored() -> u64 {
    0
}

fn bit(signal: c_int) -> u64 {
    1 << (signal - 1)
}
