//! The processor time of processes, which other load on the machine changes little.

use std::fs;
use std::time::Duration;

/// The length of a tick, which is this long on every Linux machine in use.
const TICK: Duration = Duration::from_millis(10);

/// Returns the processor time that a process has used until now; zero where `/proc` is absent.
pub(crate) fn time_of(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let [user, system] = [11, 12].map(|index| field(&stat, index).unwrap_or(0));
    TICK * (user + system)
}

/// Returns the processor time of the processes that a process has started.
pub(crate) fn time_of_children(parent: u32) -> Duration {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_child = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        field(&stat, 1) == Some(parent)
    };
    ids.filter(is_child).map(time_of).sum()
}

/// Returns a field after the name of the program, which is in parentheses and may have blanks.
fn field(stat: &str, index: usize) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(index)?.parse().ok()
}
