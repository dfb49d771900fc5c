//! Connections that send one request after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::connection::Connection;
use crate::requests::{Random, Requests, Work};
use crate::vault::World;

/// The time before a round whose requests are not counted.
const WARM_UP: Duration = Duration::from_millis(300);

/// The times of requests.
#[derive(Clone, Default)]
pub(crate) struct Times(Vec<Duration>);

/// The figures of a kind of requests: the medians of several rounds.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
    /// The processor time of a request in the nodes and in the database.
    pub(crate) processor: [Duration; 2],
}

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the time that this part of the requests, from 0 to 1, did not exceed.
    pub(crate) fn quantile(&mut self, part: f64) -> Duration {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        let index = (last as f64 * part).round() as usize;
        self.0.get(index).copied().unwrap_or_default()
    }
}

/// Runs a future in this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}

/// Measures one kind of requests by closed loops on connections, which are spread over the nodes of a world.
pub(crate) fn measure(
    world: &World,
    work: Work,
    connections: usize,
    (rounds, length): (usize, Duration),
) -> Figures {
    let mut figures: Vec<_> = (0..rounds)
        .map(|_| block_on(round(world, work, connections, length)))
        .collect();
    Figures {
        per_second: median(&mut figures, |round| round.per_second),
        median: median(&mut figures, |round| round.median),
        p99: median(&mut figures, |round| round.p99),
        processor: [0, 1].map(|part| median(&mut figures, |round| round.processor[part])),
    }
}

/// Returns the median of a figure.
fn median<T: PartialOrd>(rounds: &mut [Figures], figure: impl Fn(&Figures) -> T) -> T {
    rounds.sort_by(|a, b| figure(a).partial_cmp(&figure(b)).unwrap());
    figure(&rounds[rounds.len() / 2])
}

async fn round(world: &World, work: Work, connections: usize, length: Duration) -> Figures {
    let mut open = Vec::new();
    for number in 0..connections {
        let node = &world.nodes[number % world.nodes.len()];
        open.push(Connection::open(node.address).await);
    }
    let begin = Instant::now() + WARM_UP;
    let mut loops = JoinSet::new();
    for (number, connection) in open.into_iter().enumerate() {
        let requests = Arc::clone(&world.requests);
        loops.spawn(repeat(
            connection,
            requests,
            work,
            number,
            begin,
            begin + length,
        ));
    }
    sleep_until(begin.into()).await;
    let before = world.processor_times();
    let mut times = Times::default();
    while let Some(done) = loops.join_next().await {
        times.join(done.unwrap());
    }
    let elapsed = begin.elapsed();
    let after = world.processor_times();
    let requests = u32::try_from(times.len()).unwrap();
    Figures {
        per_second: f64::from(requests) / elapsed.as_secs_f64(),
        median: times.quantile(0.5),
        p99: times.quantile(0.99),
        processor: [0, 1].map(|part| after[part].saturating_sub(before[part]) / requests),
    }
}

/// Sends requests until the end, and returns the times of those that ended after the beginning.
pub(crate) async fn repeat(
    mut connection: Connection,
    requests: Arc<Requests>,
    work: Work,
    seed: usize,
    begin: Instant,
    end: Instant,
) -> Times {
    let mut random = Random(seed as u64);
    let mut times = Times::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        requests.write(work, &mut random, &mut buffer);
        let sent = Instant::now();
        let answer = connection.call(&buffer).await;
        let now = Instant::now();
        assert_eq!(answer.status, work.status(), "{work:?}");
        if now >= begin {
            times.add(now - sent);
        }
        if now >= end {
            return times;
        }
    }
}

/// Creates secrets, so many at a time as fills the vault fast.
pub(crate) fn fill(world: &mut World, secrets: usize) {
    let node = world.nodes[0].address;
    let requests = &mut world.requests;
    block_on(async {
        let left = Arc::new(AtomicUsize::new(secrets));
        let mut loops = JoinSet::new();
        for seed in 0..secrets.min(64) {
            let (requests, left) = (Arc::clone(requests), Arc::clone(&left));
            loops.spawn(async move {
                let mut connection = Connection::open(node).await;
                let (mut random, mut buffer) = (Random(seed as u64), Vec::new());
                let take = |left: usize| left.checked_sub(1);
                while left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                    .is_ok()
                {
                    buffer.clear();
                    requests.write(Work::Create, &mut random, &mut buffer);
                    assert_eq!(connection.call(&buffer).await.status, 201);
                }
            });
        }
        while let Some(done) = loops.join_next().await {
            done.unwrap();
        }
    });
    Arc::get_mut(requests).unwrap().settle();
}
