//! The files and sockets that the process may have open.

use crate::problem::Problem;
use crate::settings::Settings;

/// The descriptors beside the connections of clients: listeners, metrics, the database, certificates and standard error.
const OTHERS: u64 = 96;

/// Returns the reason for which the process could run out of descriptors with this setting of `max-connections`.
#[cfg(unix)]
pub(super) fn problem(max_connections: Option<usize>) -> Option<Problem> {
    use rustix::process::{Resource, getrlimit};
    let connections = max_connections.unwrap_or(Settings::default().bounds.max_connections);
    let needed = OTHERS + u64::try_from(connections).unwrap_or(u64::MAX / 2);
    let limit = getrlimit(Resource::Nofile).current?;
    (limit < needed).then(|| {
        let problem =
            format!("the process may open {limit}, and {connections} connections need {needed}");
        let remedy = "raise the limit with ulimit -n or LimitNOFILE=, or lower --max-connections";
        Problem::new("open files", problem, remedy)
    })
}

#[cfg(not(unix))]
pub(super) fn problem(_: Option<usize>) -> Option<Problem> {
    None
}
