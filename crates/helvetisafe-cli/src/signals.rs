//! The signals that this process was started to ignore, and those of a shell's job control.

use std::os::raw::c_int;

/// Returns those of `signals` that were not ignored at the start. The others, as after `nohup`, must stay
/// ignored, for a child too, and a handler would change that.
pub(crate) fn not_ignored(signals: &[c_int]) -> Vec<c_int> {
    let ignored = ignored();
    let handled = signals.iter().copied();
    handled
        .filter(|&signal| ignored & bit(signal) == 0)
        .collect()
}

/// Returns the ignored signals, one bit each.
#[cfg(target_os = "linux")]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

/// Only Linux reports them without `unsafe`.
#[cfg(not(target_os = "linux"))]
fn ignored() -> u64 {
    0
}

/// Does work that no signal interrupts. Signals act afterwards.
#[cfg(unix)]
pub(crate) fn held<T>(work: impl FnOnce() -> T) -> T {
    use nix::sys::signal::{SigSet, SigmaskHow};
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let done = work();
    if let Ok(before) = before {
        // It fails only for an invalid argument.
        let _ = before.thread_set_mask();
    }
    done
}

#[cfg(not(unix))]
pub(crate) fn held<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Returns the process group of this process. `None` in a container whose first process is in a group outside,
/// which has the id 0 and with which `rustix` panics.
#[cfg(unix)]
pub(crate) fn own_group() -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(nix::unistd::getpgrp().as_raw())
}

/// Returns true if a shell can continue a stopped process. None can if the process is in the process group
/// of its session leader.
#[cfg(unix)]
pub(crate) fn is_under_job_control() -> bool {
    use nix::unistd::{getpgrp, getsid};
    getsid(None).is_ok_and(|session| session != getpgrp())
}

fn bit(signal: c_int) -> u64 {
    1 << (signal - 1)
}
