//! Many clients without a credential at once, against the vault as a separate process.
//!
//! The tests run one at a time: each holds about 600 sockets, and processes are often limited to 1024 files.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::dev::Dev;
use crate::raw::{answer_to, read_answer};

static TURN: Mutex<()> = Mutex::new(());

/// Two fewer than the connections that a vault serves at the same time.
const CROWD: usize = 510;

const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

/// The largest memory of a vault under any clients without a credential, in KiB.
const MOST_KIB: u64 = 100_000;

/// The budget of answers, and the heap's own losses, in KiB.
const MOST_OF_ANSWERS_KIB: u64 = 200_000;

/// If a socket sends nothing for this long, the vault does not read it.
const STUCK: Duration = Duration::from_millis(500);

fn address(dev: &Dev) -> SocketAddr {
    dev.base_url
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap()
}

/// Connects `count` clients. Each sends a head and then up to `size` bytes, as far as the vault reads them,
/// and stays connected.
fn crowd(dev: &Dev, count: usize, head: &str, size: usize) -> Vec<TcpStream> {
    let (address, body) = (address(dev), vec![b'x'; size]);
    let send = |_| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_write_timeout(Some(STUCK)).unwrap();
        // The vault may have refused the request and closed the connection.
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&body));
        stream
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|n| scope.spawn(move || (n..count).step_by(4).map(send).collect::<Vec<_>>()))
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        joined.flatten().collect()
    })
}

/// Reads the first line of an answer, and returns its status.
fn refusal(stream: &mut TcpStream) -> Option<u16> {
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    line.split(' ').nth(1)?.parse().ok()
}

/// Returns the peak of the process's memory in RAM, in KiB.
fn peak_kib(dev: &Dev) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", dev.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap()
        .trim_end_matches(" kB")
        .trim()
        .parse()
        .unwrap()
}

#[test]
fn bodies_without_a_credential_take_no_memory() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dev = Dev::start(None);
    // The largest body of a write; and a size of which the whole crowd would exceed the limit.
    let (size, smaller) = (2 * 1024 * 1024 - 100, 300_000);
    let head = |method: &str, path: &str, framing: &str| {
        format!("{method} {path} HTTP/1.1\r\nhost: a\r\n{FORM}{framing}\r\n")
    };
    let length = format!("content-length: {}\r\n", size + 10);
    let chunk = format!("transfer-encoding: chunked\r\n\r\n{:x}", size + 10);
    for (what, head, size, status) in [
        (
            "the body of a write",
            head("POST", "/api/v1/secrets", &length),
            size,
            Some(401),
        ),
        (
            "a form",
            head("POST", "/oauth/token", &length),
            smaller,
            Some(413),
        ),
        (
            "a chunk of a form",
            head("POST", "/oauth/token", &chunk),
            smaller,
            Some(413),
        ),
        (
            "a small form",
            head("POST", "/oauth/token", "content-length: 16000\r\n"),
            15_999,
            None,
        ),
        (
            "a body that the call does not take",
            head("GET", "/health", &length),
            smaller,
            None,
        ),
        (
            "a body for no call",
            head("POST", "/nowhere", &length),
            smaller,
            Some(404),
        ),
        (
            "a head without end",
            "GET /health HTTP/1.1\r\nx: ".to_owned(),
            smaller,
            Some(431),
        ),
    ] {
        let (before, start) = (peak_kib(&dev), Instant::now());
        let mut crowd = crowd(&dev, CROWD, &head, size);
        let peak = peak_kib(&dev);
        println!(
            "{what}: {before} KiB before, at most {peak} KiB; {:?}",
            start.elapsed()
        );
        assert!(peak < MOST_KIB, "{what}: {peak} KiB");
        // Refused clients get the answer, though they were still sending.
        for stream in crowd.iter_mut().filter(|_| status.is_some()) {
            assert_eq!(refusal(stream), status, "{what}");
        }
        drop(crowd);
        dev.fetch_token().success(200);
    }
    dev.stop("TERM");
}

#[test]
fn six_hundred_idle_connections_do_not_block_a_login() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dev = Dev::start(None);
    let form =
        format!("POST /oauth/token HTTP/1.1\r\nhost: a\r\n{FORM}content-length: 100\r\n\r\nx=");
    for (what, head) in [
        ("nothing sent", ""),
        ("half a head", "POST /oauth/token HTTP/1.1\r\nhost: a\r\n"),
        ("half a form", &form),
    ] {
        let idle = crowd(&dev, 600, head, 0);
        let start = Instant::now();
        dev.fetch_token().success(200);
        let time = start.elapsed();
        println!("{what}: {time:?}");
        assert!(time < Duration::from_secs(4), "{what}: {time:?}");
        drop(idle);
    }
    dev.stop("TERM");
}

/// Reads all available bytes. Returns true if the vault closed the connection.
fn is_closed(stream: &mut TcpStream) -> bool {
    loop {
        match stream.read(&mut [0; 4096]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

/// Lets each client send requests until `stop`: the head of a form, and its body 0.7 s later together with
/// the next head, so that it is never idle. A client connects again after the vault closes its connection.
fn keep_busy(address: SocketAddr, clients: &mut [TcpStream], head: &str, stop: &AtomicBool) {
    let next = format!("xxxxxxxxxx{head}");
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(700));
        for client in &mut *clients {
            client.set_nonblocking(true).unwrap();
            if is_closed(client) || client.write_all(next.as_bytes()).is_err() {
                *client = TcpStream::connect(address).unwrap();
                client.write_all(head.as_bytes()).unwrap();
            }
        }
    }
}

#[test]
fn six_hundred_busy_connections_do_not_block_a_login() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dev = Dev::start(None);
    let (request, mut known) = logged_in(&dev);
    let (address, stop) = (address(&dev), AtomicBool::new(false));
    let head = format!("POST /oauth/token HTTP/1.1\r\nhost: a\r\n{FORM}content-length: 10\r\n\r\n");
    let mut busy = crowd(&dev, 600, &head, 0);
    std::thread::scope(|scope| {
        for clients in busy.chunks_mut(100) {
            scope.spawn(|| keep_busy(address, clients, &head, &stop));
        }
        // After this time, clients that a slow start left idle have connected again.
        std::thread::sleep(Duration::from_secs(3));
        let logins = scope.spawn(|| {
            let login = || {
                let start = Instant::now();
                dev.fetch_token().success(200);
                start.elapsed()
            };
            let times = [login(), login(), login()];
            known.write_all(request.as_bytes()).unwrap();
            read_answer(&mut known, false).unwrap().success(200);
            times
        });
        // Without the rule, no login ends before the crowd does. On a busy machine one takes many seconds.
        let deadline = Instant::now() + Duration::from_secs(90);
        while !logins.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        stop.store(true, Ordering::Relaxed);
        let times = logins.join().unwrap();
        println!("{times:?}");
        assert!(
            times.iter().all(|time| *time < Duration::from_secs(40)),
            "{times:?}"
        );
    });
    dev.stop("TERM");
}

/// Returns a request with a valid token, and a connection on which it was answered.
fn logged_in(dev: &Dev) -> (String, TcpStream) {
    let token = dev.fetch_token().success(200)["access_token"].clone();
    let request = format!(
        "GET /api/v1/secrets HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\r\n",
        token.as_str().unwrap()
    );
    let mut known = crowd(dev, 1, &request, 0).remove(0);
    read_answer(&mut known, false).unwrap().success(200);
    (request, known)
}

/// An authenticated connection is not closed for unauthenticated ones.
#[test]
fn a_connection_with_a_credential_outlives_the_idle_ones() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dev = Dev::start(None);
    let (request, mut known) = logged_in(&dev);
    let idle = crowd(&dev, 600, "", 0);
    answer_to(address(&dev), b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap()
        .success(200);
    known.write_all(request.as_bytes()).unwrap();
    read_answer(&mut known, false).unwrap().success(200);
    drop(idle);
    dev.stop("TERM");
}

/// Stores secrets with names of the largest length.
fn store_long_names(dev: &Dev, token: &str, count: usize) {
    let mut stream = TcpStream::connect(address(dev)).unwrap();
    for n in 0..count {
        let body = crate::support::secret(&format!("k{n:0254}")).to_string();
        let length = body.len();
        let request = format!(
            "POST /api/v1/secrets HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        read_answer(&mut stream, false).unwrap().success(201);
    }
}

/// Clients that leave, and clients that do not read, make the vault hold no more than its budget.
#[test]
fn pages_of_the_list_take_bounded_memory() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dev = Dev::start_with(None, &["--limit-requests", "off"]);
    let token = dev.fetch_token().success(200)["access_token"].clone();
    let token = token.as_str().unwrap();
    store_long_names(&dev, token, 3_000);
    let before = peak_kib(&dev);
    let request = format!(
        "GET /api/v1/secrets?limit=10000 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    let mut crowd = crowd(&dev, CROWD, &request, 0);
    // The first ones leave without a word.
    crowd.drain(..CROWD / 2);
    for stream in &mut crowd {
        let status = refusal(stream);
        let peak = peak_kib(&dev);
        assert!(peak < before + MOST_OF_ANSWERS_KIB, "{before} {peak}");
        assert!(matches!(status, Some(200 | 503)), "{status:?}");
    }
    println!("{before} KiB before, at most {} KiB", peak_kib(&dev));
    drop(crowd);
    answer_to(address(&dev), request.as_bytes())
        .unwrap()
        .success(200);
    dev.stop("TERM");
}
