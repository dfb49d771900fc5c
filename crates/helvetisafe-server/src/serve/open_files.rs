//! The limit on open files and sockets of the process.

use crate::problem::Problem;

/// The descriptors beside the connections of clients: listeners, metrics, the database, certificates and standard error.
const OTHERS: u64 = 96;

/// Raises the limit as far as these connections need it, and returns the number of connections that fit into it. With more,
/// idle connections could prevent others from being accepted.
#[cfg(unix)]
pub(super) fn fit(connections: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let needed = needed(connections);
    if limit.current.is_some_and(|current| current < needed) {
        let raised = limit.maximum.map_or(needed, |most| most.min(needed));
        // If this fails, the result follows the old limit.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(raised),
                ..limit
            },
        );
    }
    fitting(connections, getrlimit(Resource::Nofile).current)
}

#[cfg(not(unix))]
pub(super) fn fit(connections: usize) -> usize {
    connections
}

/// Returns the problem if the process may not open enough files.
#[cfg(unix)]
pub(super) fn problem(connections: usize) -> Option<Problem> {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::Nofile).maximum;
    let fitting = fitting(connections, limit);
    let limit = limit.filter(|_| fitting < connections)?;
    let needed = needed(connections);
    let problem = format!(
        "the process may open {limit}, and {connections} connections need {needed}, so that it serves {fitting}"
    );
    let remedy = "raise the limit with ulimit -n or LimitNOFILE=, or lower --max-connections";
    Some(Problem::new("open files", problem, remedy))
}

#[cfg(not(unix))]
pub(super) fn problem(_: usize) -> Option<Problem> {
    None
}

#[cfg(unix)]
fn needed(connections: usize) -> u64 {
    u64::try_from(connections).map_or(u64::MAX, |it| it.saturating_add(OTHERS))
}

#[cfg(unix)]
fn fitting(connections: usize, limit: Option<u64>) -> usize {
    let Some(limit) = limit else {
        return connections;
    };
    let most = limit.saturating_sub(OTHERS).max(limit / 4).max(1);
    connections.min(usize::try_from(most).unwrap_or(usize::MAX))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_other_files() {
        for (connections, limit, expected) in [
            (512, None, 512),
            (512, Some(1024), 512),
            (512, Some(608), 512),
            (512, Some(607), 511),
            (512, Some(40), 10),
            (512, Some(0), 1),
            (5, Some(40), 5),
        ] {
            assert_eq!(fitting(connections, limit), expected, "{limit:?}");
        }
    }
}
