//! A large organization: readers and writers at the same time, and the answers to `/health` meanwhile.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::connection::Connection;
use crate::load::{Times, block_on, fill, repeat};
use crate::options::Options;
use crate::requests::{Random, Requests, Work};
use crate::vault::World;

const READERS: usize = 16;
/// The time between two writes: 50 a second.
const BETWEEN_WRITES: Duration = Duration::from_millis(20);
/// The time between two requests for the health.
const BETWEEN_PROBES: Duration = Duration::from_millis(10);
const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nhost: vault\r\n\r\n";

/// The readers besides the writer.
#[derive(Clone, Copy)]
struct Scene {
    name: &'static str,
    gets: usize,
    lists: usize,
}

const SCENES: [Scene; 3] = [
    Scene {
        name: "16 get",
        gets: READERS,
        lists: 0,
    },
    Scene {
        name: "15 get, 1 lists",
        gets: READERS - 1,
        lists: 1,
    },
    Scene {
        name: "16 list",
        gets: 0,
        lists: READERS,
    },
];

pub(crate) fn run(options: &Options) {
    let secrets = options
        .secrets
        .unwrap_or(if options.is_quick { 20_000 } else { 200_000 });
    let length = Duration::from_secs(if options.is_quick { 5 } else { 20 });
    for engine in &options.engines {
        println!(
            "{engine:?}, {secrets} secrets, 50 updates a second: median, p99 and slowest in ms\n"
        );
        println!(
            "| readers | health | get | list | update | gets, lists, updates a second | peak memory |"
        );
        println!("|---|---|---|---|---|---|---|");
        let Some(mut world) = World::new(options, *engine) else {
            continue;
        };
        fill(&mut world, secrets);
        for scene in SCENES {
            scene.run(&world, length);
        }
        println!();
    }
}

impl Scene {
    fn run(self, world: &World, length: Duration) {
        let address = world.nodes[0].address;
        // The probes have a thread of their own, since this one is busy with lists.
        let health = thread::spawn(move || block_on(probe(address, length)));
        let requests = Arc::clone(&world.requests);
        let writes = thread::spawn(move || block_on(write(address, requests, length)));
        let (gets, lists) = block_on(self.read(address, &world.requests, length));
        let mut columns = [health.join().unwrap(), gets, lists, writes.join().unwrap()];
        let rates: Vec<_> = columns[1..]
            .iter()
            .map(|times| format!("{:.1}", times.len() as f64 / length.as_secs_f64()))
            .collect();
        let cells: Vec<_> = columns.iter_mut().map(cell).collect();
        let memory = world.nodes[0].peak_memory().unwrap_or_default() >> 20;
        println!(
            "| {} | {} | {} | {memory} MiB |",
            self.name,
            cells.join(" | "),
            rates.join(", ")
        );
    }

    /// Returns the times of gets and of lists.
    async fn read(
        self,
        address: SocketAddr,
        requests: &Arc<Requests>,
        length: Duration,
    ) -> (Times, Times) {
        let (mut gets, mut lists) = (JoinSet::new(), JoinSet::new());
        let begin = Instant::now();
        for seed in 0..self.gets + self.lists {
            let (work, loops) = match seed < self.gets {
                true => (Work::Get, &mut gets),
                false => (Work::List, &mut lists),
            };
            let connection = Connection::open(address).await;
            let requests = Arc::clone(requests);
            loops.spawn(repeat(
                connection,
                requests,
                work,
                seed,
                begin,
                begin + length,
            ));
        }
        (join(gets).await, join(lists).await)
    }
}

async fn join(mut loops: JoinSet<Times>) -> Times {
    let mut times = Times::default();
    while let Some(done) = loops.join_next().await {
        times.join(done.unwrap());
    }
    times
}

/// Asks for the health at intervals.
async fn probe(address: SocketAddr, length: Duration) -> Times {
    let mut connection = Connection::open(address).await;
    let end = Instant::now() + length;
    let mut times = Times::default();
    let mut ticks = interval(BETWEEN_PROBES);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < end {
        ticks.tick().await;
        let sent = Instant::now();
        assert_eq!(connection.call(HEALTH).await.status, 200);
        times.add(sent.elapsed());
    }
    times
}

/// Updates secrets at a fixed rate. A late answer does not lower it: the time of an update begins when it was due.
async fn write(address: SocketAddr, requests: Arc<Requests>, length: Duration) -> Times {
    let mut connection = Connection::open(address).await;
    let (mut random, mut buffer) = (Random(1), Vec::new());
    let end = Instant::now() + length;
    let mut times = Times::default();
    let mut ticks = interval(BETWEEN_WRITES);
    while Instant::now() < end {
        let due = ticks.tick().await.into_std();
        buffer.clear();
        requests.write(Work::Update, &mut random, &mut buffer);
        assert_eq!(connection.call(&buffer).await.status, 200);
        times.add(due.elapsed());
    }
    times
}

fn cell(times: &mut Times) -> String {
    if times.len() == 0 {
        return String::new();
    }
    let quantiles = [0.5, 0.99, 1.0].map(|part| times.quantile(part).as_secs_f64() * 1000.0);
    let [median, p99, slowest] = quantiles.map(|ms| format!("{ms:.1}"));
    format!("{median}, {p99}, {slowest}")
}
