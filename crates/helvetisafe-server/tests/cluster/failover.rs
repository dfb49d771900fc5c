//! The primary of PostgreSQL is killed under load, and its synchronous standby is promoted.

use std::collections::HashSet;
use std::fmt;
use std::iter::zip;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use helvetisafe_test_postgres::Server;

use super::application::{self, Seen, connect};
use super::nodes::{Balancer, Node};
use super::world::World;

/// The variable with the number of failovers, one after the other.
const FAILOVERS: &str = "HELVETISAFE_TEST_FAILOVERS";

/// The time of the load before and after.
const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(2);

/// The time until the loss is noticed and the promotion begins.
const UNNOTICED: Duration = Duration::from_secs(2);

/// The applications: half of them use the load balancer, the others know all nodes.
const APPLICATIONS: usize = 4;

const HEAD: &str = "| | promoted after | without a read | without a write | longest call | calls | failed | \
                    unknown outcome | unanswered without retries |\n|---|---|---|---|---|---|---|---|---|";

/// The effect of one failover on applications.
struct Figures {
    /// The time from the loss of the primary to the end of the promotion.
    promoted: Duration,
    /// The longest times without a successful call of any application.
    reads: Duration,
    writes: Duration,
    /// The longest call.
    longest: Duration,
    calls: usize,
    failed: usize,
    /// Writes of unknown outcome.
    unknown: usize,
    /// Writes without an answer to clients that repeat nothing.
    unanswered: usize,
}

#[test]
fn a_failover_of_the_database_is_hidden_from_applications_and_loses_nothing() {
    let failovers = std::env::var(FAILOVERS).map_or(1, |number| number.parse().unwrap());
    for number in 1..=failovers {
        let Some(figures) = fail_over() else {
            return;
        };
        if number == 1 {
            eprintln!("{HEAD}");
        }
        eprintln!("| {number} | {figures} |");
        assert_eq!(
            (figures.failed, figures.unknown),
            (0, 0),
            "calls of applications"
        );
    }
}

/// Runs one failover under load. Returns `None` if this machine lacks a program.
fn fail_over() -> Option<Figures> {
    let mut primary = Server::start(&[])?;
    let standby = primary.standby();
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary.execute("SELECT pg_reload_conf()");
    let url = standby.url_at(&[primary.port(), standby.port()]);
    let mut world = World::new(&url, usize::MAX);
    let nodes: Vec<_> = (0..3).map(|_| Node::start(&url)).collect();
    let balancer = Balancer::start(&nodes)?;
    world.url = balancer.url();
    let (world, all) = (&world, nodes.iter().map(Node::url).collect::<Vec<_>>());
    let (seen, (histories, promoted)) = thread::scope(|scope| {
        let running: Vec<_> = (0..APPLICATIONS)
            .map(|number| {
                let is_balanced = number % 2 == 0;
                let one = [world.url.clone()];
                let client = connect(&world.account, if is_balanced { &one } else { &all });
                let name = format!("application_{number}");
                scope.spawn(move || application::run(world, &client, &name))
            })
            .collect();
        let seen = world.run(|| {
            sleep(BEFORE);
            let lost = Instant::now();
            primary.kill();
            sleep(UNNOTICED);
            standby.promote();
            let promoted = lost.elapsed();
            nodes.iter().for_each(Node::wait_until_ready);
            sleep(AFTER);
            promoted
        });
        let applications = running.into_iter().map(|it| it.join().unwrap());
        (applications.collect::<Vec<_>>(), seen)
    });
    let unanswered = histories.iter().map(|history| history.unanswered).sum();
    world.check(histories);
    check_created(world, &seen);
    Some(Figures::new(promoted, &seen, unanswered))
}

/// Fails if an acknowledged create was lost.
fn check_created(world: &World, seen: &[Seen]) {
    let client = connect(&world.account, std::slice::from_ref(&world.url));
    let list = client.secrets().list().unwrap();
    let listed: HashSet<_> = list.iter().map(|it| it.key().as_ref()).collect();
    for created in seen.iter().flat_map(|seen| &seen.created) {
        assert!(listed.contains(created.as_str()), "{created} was lost");
    }
}

impl Figures {
    fn new(promoted: Duration, seen: &[Seen], unanswered: usize) -> Self {
        let sum = |of: fn(&Seen) -> usize| seen.iter().map(of).sum();
        Self {
            promoted,
            reads: longest_gap(seen.iter().flat_map(|seen| &seen.reads)),
            writes: longest_gap(seen.iter().flat_map(|seen| &seen.writes)),
            longest: seen.iter().map(|seen| seen.longest).max().unwrap(),
            calls: sum(|seen| seen.reads.len() + seen.writes.len()),
            failed: sum(|seen| seen.failed),
            unknown: sum(|seen| seen.unknown),
            unanswered,
        }
    }
}

impl fmt::Display for Figures {
    /// Writes the cells of a table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for time in [self.promoted, self.reads, self.writes, self.longest] {
            write!(f, "{:.1} s | ", time.as_secs_f64())?;
        }
        let Self {
            calls,
            failed,
            unknown,
            unanswered,
            ..
        } = self;
        write!(f, "{calls} | {failed} | {unknown} | {unanswered}")
    }
}

fn longest_gap<'a>(times: impl Iterator<Item = &'a Instant>) -> Duration {
    let mut times: Vec<_> = times.collect();
    times.sort();
    let gaps = zip(&times, &times[1..]).map(|(earlier, later)| later.duration_since(**earlier));
    gaps.max().unwrap()
}
