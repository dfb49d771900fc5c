//! The search for the primary among the hosts of a URL.

use std::sync::Mutex;

use prometheus_client::metrics::counter::Counter;
use sqlx::{ConnectOptions, PgConnection};
use tokio::time::timeout;

use super::CONNECT;
use crate::lock::lock;
use crate::log;
use crate::store::StoreError;
use crate::store::postgres::address::Address;
use crate::store::postgres::failure::reason;
use crate::store::postgres::inspect::Unusable;

pub(super) struct Hosts {
    pub(super) address: Address,
    failovers: Counter,
    /// The host that was the primary when last seen.
    primary: Mutex<Option<usize>>,
    /// The problem of each host that was not used when last tried.
    problems: Mutex<Vec<Option<Problem>>>,
}

/// The reason not to use a host, and its remedy.
#[derive(Clone)]
struct Problem {
    reason: String,
    remedy: Option<&'static str>,
}

impl Hosts {
    pub(super) fn new(address: Address, failovers: Counter) -> Self {
        Self {
            problems: Mutex::new(vec![None; address.host_count()]),
            address,
            failovers,
            primary: Mutex::default(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.address.host_count()
    }

    /// Connects to the primary, which is searched from the last one on. Without a last one each host is tried, since an old
    /// primary may have been started again.
    pub(super) async fn connect(&self) -> Result<PgConnection, StoreError> {
        let last = *lock(&self.primary);
        let mut found = Vec::new();
        for offset in 0..self.count() {
            let host = (last.unwrap_or(0) + offset) % self.count();
            if let Some(connection) = self.try_host(host).await {
                found.push((host, connection));
                if last.is_some() {
                    break;
                }
            }
        }
        let Some((host, connection)) = latest(found).await else {
            return Err(StoreError::Unavailable(self.problems()));
        };
        self.note_primary(host);
        Ok(connection)
    }

    /// Connects to a host, and remembers its problem if it is not the primary.
    async fn try_host(&self, host: usize) -> Option<PgConnection> {
        // Valid until the host answers: a caller may time out before.
        self.set_problem(host, Some(Problem::no_answer()));
        let problem = match timeout(CONNECT, self.connect_to(host)).await {
            Ok(Ok(Some(connection))) => {
                self.set_problem(host, None);
                return Some(connection);
            }
            Ok(Ok(None)) => Problem {
                reason: "the server is a standby, or read-only".to_owned(),
                remedy: None,
            },
            // It has a remedy already.
            Ok(Err(error @ sqlx::Error::Configuration(_))) => Problem {
                reason: reason(&error),
                remedy: None,
            },
            Ok(Err(error)) => Unusable::of(&error).into(),
            Err(_) => Unusable::silent(CONNECT).into(),
        };
        self.set_problem(host, Some(problem));
        None
    }

    /// Returns the hosts that were not used when last tried, each with its reason, in the order of the URL, and the remedies.
    pub(super) fn problems(&self) -> String {
        let problems = lock(&self.problems);
        let reasons = problems.iter().enumerate().filter_map(|(host, problem)| {
            let name = self.address.host_name(host);
            Some(format!("{name}: {}", problem.as_ref()?.reason))
        });
        let mut texts: Vec<_> = reasons.collect();
        for remedy in problems.iter().flatten().filter_map(|it| it.remedy) {
            if !texts.iter().any(|text| text == remedy) {
                texts.push(remedy.to_owned());
            }
        }
        texts.join("; ")
    }

    /// Returns the hosts with their reasons, when no answer came in time.
    pub(super) fn unanswered(&self) -> String {
        if let Some(primary) = *lock(&self.primary)
            && let Some(problem) = lock(&self.problems).get_mut(primary)
        {
            problem.get_or_insert_with(Problem::no_answer);
        }
        self.problems()
    }

    fn set_problem(&self, host: usize, problem: Option<Problem>) {
        if let Some(known) = lock(&self.problems).get_mut(host) {
            *known = problem;
        }
    }

    /// Remembers the primary, and counts a failover if it was another host before.
    fn note_primary(&self, host: usize) {
        let before = lock(&self.primary).replace(host);
        if before.is_some_and(|before| before != host) {
            self.failovers.inc();
            let name = self.address.host_name(host);
            log::warning(&format_args!("the primary of the database is now {name}"));
        }
    }

    /// Connects to a host; `None` if it is not the primary.
    async fn connect_to(&self, host: usize) -> Result<Option<PgConnection>, sqlx::Error> {
        let mut connection = self.address.options(host)?.connect().await?;
        // A commit is on the disk before it is acknowledged. A stronger setting stays. The timeouts bound the delay of a
        // statement whose node no longer waits for it: `writes::AGE` is twice as long.
        let (is_read_only, ..): (String, String, String, String) = sqlx::query_as(
            "SELECT current_setting('transaction_read_only'), set_config('synchronous_commit', CASE \
             WHEN current_setting('synchronous_commit') = 'remote_apply' THEN 'remote_apply' ELSE 'on' END, \
             false), set_config('idle_session_timeout', '5min', false), set_config('lock_timeout', '5min', false)",
        )
        .fetch_one(&mut connection)
        .await?;
        Ok((is_read_only == "off").then_some(connection))
    }
}

/// Returns the first of several primaries, or the one that was promoted last.
async fn latest(found: Vec<(usize, PgConnection)>) -> Option<(usize, PgConnection)> {
    let is_one = found.len() < 2;
    let mut found = found.into_iter();
    let mut latest = found.next()?;
    if is_one {
        return Some(latest);
    }
    let mut newest = timeline(&mut latest.1).await;
    for mut other in found {
        let timeline = timeline(&mut other.1).await;
        if timeline > newest {
            (latest, newest) = (other, timeline);
        }
    }
    Some(latest)
}

/// Returns the timeline of a primary, which a promotion raises: eight digits. Some services have no such function.
async fn timeline(connection: &mut PgConnection) -> Option<String> {
    let query = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)";
    let asked = timeout(CONNECT, sqlx::query_scalar(query).fetch_one(connection));
    asked.await.ok()?.ok()
}

impl Problem {
    fn no_answer() -> Self {
        Self {
            reason: "no answer".to_owned(),
            remedy: None,
        }
    }
}

impl From<Unusable> for Problem {
    fn from(unusable: Unusable) -> Self {
        Self {
            reason: unusable.problem,
            remedy: Some(unusable.remedy),
        }
    }
}
