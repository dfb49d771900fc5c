//! The agent among clients that block its connections, by mistake or on purpose.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe_test_support::Action;

use crate::agent::Agent;
use crate::world::{World, start_proxy};

/// The default timeout of an orchestrator's probe.
const PROBE: Duration = Duration::from_secs(1);

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// The tests measure times and hold many sockets, so they run one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn agent() -> (World, Agent) {
    let world = World::new();
    world.set("B", "b");
    let agent = Agent::ready(&world, &world.name("URL"), &[]);
    (world, agent)
}

fn connect(agent: &Agent) -> TcpStream {
    let stream = TcpStream::connect(&agent.address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn is_healthy(agent: &Agent, case: &str) {
    for _ in 0..3 {
        let time = time_of_health(agent);
        assert!(time.is_some_and(|time| time < PROBE), "{case}: {time:?}");
    }
}

/// Requests the health. `None` without an answer.
fn time_of_health(agent: &Agent) -> Option<Duration> {
    let begin = Instant::now();
    let stream = TcpStream::connect(&agent.address).ok()?;
    stream.set_read_timeout(Some(5 * PROBE)).ok()?;
    asked_health(stream)?;
    Some(begin.elapsed())
}

fn asked_health(mut stream: impl Read + Write) -> Option<()> {
    stream.write_all(HEALTH.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.starts_with("HTTP/1.1 200 ").then_some(())
}

/// Sends byte by byte. Returns the time until the agent closes the connection, and its answer.
fn drip(mut stream: TcpStream, begin: &str) -> (Duration, String) {
    let start = Instant::now();
    stream.write_all(begin.as_bytes()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    while start.elapsed() < Duration::from_secs(20) && stream.write_all(b"x").is_ok() {
        match stream.read(&mut piece) {
            Ok(length) => answer.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
        // At the end of the answer, reading returns at once.
        thread::sleep(Duration::from_millis(20));
    }
    (start.elapsed(), String::from_utf8(answer).unwrap())
}

/// Opens `count` connections that send `begin` and then byte by byte, and checks that the agent stays healthy.
fn drips(agent: &Agent, count: usize, begin: &'static str) -> Vec<(Duration, String)> {
    let start = |_| {
        let stream = connect(agent);
        thread::spawn(move || drip(stream, begin))
    };
    let drippers: Vec<_> = (0..count).map(start).collect();
    thread::sleep(Duration::from_millis(200));
    is_healthy(agent, begin);
    let ends = drippers.into_iter().map(|dripper| dripper.join().unwrap());
    ends.collect()
}

#[test]
fn idle_connections_do_not_delay_the_health_check() {
    let _alone = alone();
    let (_world, agent) = agent();
    for count in [64, 200, 600] {
        let idle: Vec<_> = (0..count).map(|_| connect(&agent)).collect();
        is_healthy(&agent, &format!("{count} idle"));
        drop(idle);
    }
    // They do not delay its end either.
    let _idle: Vec<_> = (0..64).map(|_| connect(&agent)).collect();
    let begin = Instant::now();
    assert_eq!(agent.terminate("-TERM"), Some(0));
    assert!(begin.elapsed() < PROBE, "{:?}", begin.elapsed());
}

#[test]
fn a_dripping_request_ends_in_time() {
    let _alone = alone();
    let (_world, agent) = agent();
    for (time, answer) in drips(&agent, 32, "GET /health HTTP/1.1\r\nX: ") {
        assert_eq!(answer, "");
        assert!(time < Duration::from_secs(8), "{time:?}");
    }
}

#[test]
fn bytes_after_a_refused_request_end_in_time() {
    let _alone = alone();
    let (_world, agent) = agent();
    for count in [32, 300] {
        let refused = drips(&agent, count, "GET /secrets HTTP/1.1\r\nHost: x\r\n\r\n");
        for (time, answer) in refused {
            assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
            assert!(time < Duration::from_secs(4), "{time:?}");
        }
    }
}

/// The clients have the token, and read their answers in small pieces. A Unix socket has small buffers.
#[test]
fn slow_readers_end_in_time() {
    const BIG: usize = 1 << 20;
    let _alone = alone();
    let world = World::new();
    world.set("BIG", &"x".repeat(BIG));
    let agent = Agent::start(&world, &world.name("URL"), &["--listen", "unix:s"]);
    let connect = || {
        let stream = UnixStream::connect(world.folder.path().join("s")).unwrap();
        stream.set_read_timeout(Some(20 * PROBE)).unwrap();
        stream
    };
    let request = format!("GET /secret/BIG HTTP/1.1\r\n{}\r\n", agent.headers());
    // Once the agent is ready, this caches the secret in it.
    let answered = || {
        let mut stream = connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.len()
    };
    while answered() <= BIG {
        thread::sleep(Duration::from_millis(20));
    }
    let read_slowly = |_| {
        let mut stream = connect();
        stream.write_all(request.as_bytes()).unwrap();
        thread::spawn(move || read_slowly(stream))
    };
    let readers: Vec<_> = (0..40).map(read_slowly).collect();
    thread::sleep(Duration::from_secs(1));
    let begin = Instant::now();
    assert!(asked_health(connect()).is_some());
    assert!(begin.elapsed() < PROBE, "{:?}", begin.elapsed());
    for reader in readers {
        let (time, length) = reader.join().unwrap();
        assert!(length > 0 && length < BIG, "it was cut");
        // Reading the system's buffers takes another 5 s. Reading everything would take 26 s.
        assert!(time < Duration::from_secs(20), "{time:?}");
    }
}

/// Reads slowly. Returns the time until the end, and the number of bytes.
fn read_slowly(mut stream: UnixStream) -> (Duration, usize) {
    let (start, mut length) = (Instant::now(), 0);
    let mut piece = [0; 4 << 10];
    while let Ok(more @ 1..) = stream.read(&mut piece) {
        length += more;
        thread::sleep(Duration::from_millis(100));
    }
    (start.elapsed(), length)
}

#[test]
fn reconnecting_clients_do_not_delay_the_health_check() {
    let _alone = alone();
    let (_world, agent) = agent();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut held = VecDeque::new();
                while !stop.load(Ordering::Relaxed) {
                    held.push_back(TcpStream::connect(&agent.address));
                    if held.len() > 300 {
                        held.pop_front();
                    }
                }
            });
        }
        thread::sleep(Duration::from_millis(500));
        let mut times: Vec<_> = (0..50).map(|_| time_of_health(&agent)).collect();
        stop.store(true, Ordering::Relaxed);
        times.sort();
        let lost = times.iter().filter(|time| time.is_none()).count();
        eprintln!("{lost} lost, the slowest {:?}", times.last());
        assert_eq!(lost, 0);
        assert!(
            times.iter().flatten().all(|time| *time < PROBE),
            "{times:?}"
        );
    });
}

#[test]
fn requests_waiting_for_the_vault_do_not_delay_the_health_check() {
    let _alone = alone();
    let world = World::new();
    world.set("B", "b");
    let proxy = start_proxy(|seen, before| {
        let is_first = before.iter().all(|other| other.path != seen.path);
        match seen.path.ends_with("/B") && is_first {
            true => Action::Stall(Duration::from_secs(3)),
            false => Action::Forward,
        }
    });
    let agent = Agent::ready(&world, &proxy.base_url(), &[]);
    let statuses = thread::scope(|scope| {
        let ask = || agent.get("/secret/B").status;
        let asking: Vec<_> = (0..200).map(|_| scope.spawn(ask)).collect();
        thread::sleep(Duration::from_millis(700));
        for _ in 0..3 {
            let time = time_of_health(&agent).unwrap();
            assert!(time < PROBE, "{time:?}");
        }
        let statuses = asking.into_iter().map(|asking| asking.join().unwrap());
        statuses.collect::<Vec<_>>()
    });
    // Requests within the limit get the secret, the others the advice to retry.
    assert!(
        statuses.contains(&200) && statuses.contains(&503),
        "{statuses:?}"
    );
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 503)),
        "{statuses:?}"
    );
}

/// Clients that send at once do not evict each other.
#[test]
fn many_quick_requests_at_once_are_all_answered() {
    let _alone = alone();
    let (_world, agent) = agent();
    let request = format!("GET /secret/B HTTP/1.1\r\n{}\r\n", agent.headers());
    let ask = |_| {
        let mut stream = connect(&agent);
        stream.write_all(request.as_bytes()).unwrap();
        stream
    };
    let asked: Vec<_> = (0..400).map(ask).collect();
    for mut stream in asked {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}
