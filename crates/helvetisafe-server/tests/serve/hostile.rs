//! Attacks on the listeners, and files and limits that fail.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustls::ALL_VERSIONS;

use crate::certificates::Authority;
use crate::drain::{connect, get};
use crate::metrics::scrape;
use crate::process::{LATE, Serve, command};
use crate::state::State;
use crate::tls::{ask, client_config};

/// Sends bytes, and returns the first lines of the answers until the vault closes the connection or is silent.
fn answers(address: SocketAddr, bytes: &[u8]) -> Vec<String> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    // It may be closed before all is written.
    let _ = stream.write_all(bytes);
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        answer.extend_from_slice(&buffer[..count]);
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let heads = answer.split("HTTP/1.1 ").skip(1);
    heads
        .map(|it| it.lines().next().unwrap().to_owned())
        .collect()
}

/// Heads that a proxy could end at another byte. The request after them is never answered.
#[test]
fn no_request_is_smuggled_behind_an_ambiguous_head() {
    let state = State::new();
    let serve = Serve::start(&state, &["--trusted-proxy", "127.0.0.1"]);
    let next = "GET /health HTTP/1.1\r\nhost: a\r\n\r\n";
    for headers in [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 5, 5\r\n",
        "content-length: +5\r\n",
        "content-length: 0x5\r\n",
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: identity, chunked\r\n",
        "transfer-encoding: xchunked\r\ncontent-length: 5\r\n",
        "transfer-encoding : chunked\r\ncontent-length: 5\r\n",
        "transfer-encoding:\r\n chunked\r\n",
        "x: a\r\n content-length: 5\r\n",
        "x: a\rcontent-length: 5\r\n",
        "host: b\r\ncontent-length: 5\r\n",
    ] {
        let head = format!("POST /oauth/token HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
        for body in ["0\r\n\r\n", "a=b&c"] {
            let found = answers(serve.address, format!("{head}{body}{next}").as_bytes());
            assert_eq!(found, ["400 Bad Request"], "{headers:?} {body:?}");
        }
    }
    // A clear head, whose successor is a request.
    let head = "POST /oauth/token HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\na=b&c";
    let found = answers(serve.address, format!("{head}{next}").as_bytes());
    assert_eq!(found.len(), 2, "{found:?}");
    serve.stop();
}

#[test]
fn huge_heads_are_refused() {
    let state = State::new();
    let serve = Serve::start(&state, &[]);
    for lines in [
        "x: ".to_owned() + &"a".repeat(100_000),
        "x: a\r\n".repeat(2000),
    ] {
        let request = format!("GET /health HTTP/1.1\r\nhost: a\r\n{lines}\r\n\r\n");
        let found = answers(serve.address, request.as_bytes());
        // The answer is lost if the reset of the connection arrives first.
        assert!(found.iter().all(|it| it.starts_with("431")), "{found:?}");
    }
    assert_eq!(get(serve.address, "/health").0, 200);
    serve.stop();
}

/// Neither idle connections nor slow heads keep Prometheus out, nor do they disturb clients.
#[test]
fn the_listener_of_the_metrics_withstands_a_flood() {
    let state = State::new();
    let mut serve = Serve::start(&state, &["--metrics-listen", "127.0.0.1:0"]);
    let metrics = serve.metrics_address();
    let mut flood: Vec<TcpStream> = (0..200).map(|_| connect(metrics)).collect();
    for stream in flood.iter_mut().step_by(2) {
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: a\r\nx: ");
    }
    assert_eq!(get(serve.address, "/health").0, 200);
    let start = Instant::now();
    assert!(scrape(metrics).contains("helvetisafe_ready 1\n"));
    assert!(start.elapsed() < LATE, "{:?}", start.elapsed());
    serve.stop();
}

#[test]
fn thousands_of_idle_connections_keep_no_client_out() {
    let state = State::new();
    let serve = Serve::start(&state, &["--max-connections", "64"]);
    let flood: Vec<TcpStream> = (0..1500).map(|_| connect(serve.address)).collect();
    let mut client = connect(serve.address);
    let request = format!(
        "GET /api/v1/secrets HTTP/1.1\r\nhost: a\r\nx-aegis-token: {}\r\n\r\n",
        state.token
    );
    client.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 15];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    drop(flood);
    serve.stop();
}

/// A limit on open files that is too small lowers the number of connections, so that idle ones are closed for others in place
/// of keeping them from being accepted.
#[test]
fn a_small_limit_on_open_files_keeps_no_client_out() {
    let state = State::new();
    let program = env!("CARGO_BIN_EXE_helvetisafe-server");
    let database = state.database();
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -n 40 && exec \"$0\" \"$@\"", program, "serve"])
        .args(["--listen", "127.0.0.1:0", "--database", &database])
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let mut serve = Serve::spawn(limited);
    let line = serve.line("open files: the process may open 40");
    assert!(
        line.contains("ulimit -n") && line.contains("serves 10"),
        "{line}"
    );
    let flood: Vec<TcpStream> = (0..200).map(|_| connect(serve.address)).collect();
    for path in ["/health", "/ready"] {
        let start = Instant::now();
        assert_eq!(get(serve.address, path).0, 200);
        assert!(
            start.elapsed() < Duration::from_secs(28),
            "{:?}",
            start.elapsed()
        );
    }
    drop(flood);
    serve.stop();
}

/// A log on a full disk, and one whose reader is stuck.
#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let state = State::new();
    let database = state.database();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let listen = free.to_string();
    let start = |stderr: Stdio| {
        let mut vault = command(&[
            "serve",
            "--access-log",
            "--listen",
            &listen,
            "--database",
            &database,
        ]);
        vault.stderr(stderr).spawn().unwrap()
    };
    let (stuck, writer) = std::io::pipe().unwrap();
    for stderr in [
        File::options()
            .write(true)
            .open("/dev/full")
            .unwrap()
            .into(),
        Stdio::from(writer),
    ] {
        let mut vault = start(stderr);
        let deadline = Instant::now() + LATE;
        while TcpStream::connect(free).is_err() {
            assert!(Instant::now() < deadline, "it does not start");
            thread::sleep(Duration::from_millis(20));
        }
        // More than a pipe and the queue of lines have room for.
        let mut stream = connect(free);
        for _ in 0..6000 {
            assert!(
                ask(&mut stream, "/health")
                    .unwrap()
                    .starts_with("HTTP/1.1 200")
            );
        }
        let id = vault.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", "TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        let deadline = Instant::now() + LATE;
        let status = loop {
            if let Some(status) = vault.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(status.code(), Some(0));
    }
    drop(stuck);
}

#[test]
fn a_storm_of_reloads_ends_with_the_last_certificate() {
    let (state, authority) = (State::new(), Authority::new());
    let folder = state.folder.path();
    let mut serve = Serve::start_tls(&state, &authority.pair().write(folder), &[]);
    let config = client_config(&authority, ALL_VERSIONS);
    let mut lasting = crate::tls::connect(&config, serve.address).unwrap();
    let id = serve.child.id().to_string();
    for _ in 0..10 {
        let storm = format!("i=0; while [ $i -lt 50 ]; do kill -HUP {id}; i=$((i+1)); done");
        assert!(
            Command::new("sh")
                .args(["-c", &storm])
                .status()
                .unwrap()
                .success()
        );
        assert!(
            ask(&mut lasting, "/health")
                .unwrap()
                .starts_with("HTTP/1.1 200")
        );
    }
    serve.line("loaded the certificate");
    serve.stop();
}

/// A pipe would block the thread of the signals, and a device would fill the memory.
#[test]
fn a_certificate_that_became_no_file_keeps_the_old_one() {
    let (state, authority) = (State::new(), Authority::new());
    let folder = state.folder.path();
    let files = authority.pair().write(folder);
    let mut serve = Serve::start_tls(&state, &files, &[]);
    let config = client_config(&authority, ALL_VERSIONS);
    let pipe = folder.join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    fs::create_dir(folder.join("folder")).unwrap();
    let zeros = std::path::Path::new("/dev/zero");
    for (file, target) in [
        (&files[0], pipe.as_path()),
        (&files[1], pipe.as_path()),
        (&files[0], zeros),
        (&files[0], &folder.join("folder")),
    ] {
        let aside = folder.join("aside");
        fs::rename(file, &aside).unwrap();
        symlink(target, file).unwrap();
        serve.signal("HUP");
        serve.line("is not a regular file");
        crate::tls::connect(&config, serve.address).unwrap();
        fs::rename(&aside, file).unwrap();
        serve.line("loaded the certificate");
    }
    fs::write(&files[0], vec![b'a'; 2 << 20]).unwrap();
    serve.line("is larger than 1 MiB");
    serve.stop();
}

/// A body that never ends is cut off after the time for requests in flight.
#[test]
fn a_stop_does_not_wait_for_a_slow_body() {
    let state = State::new();
    let mut serve = Serve::start(&state, &[]);
    let mut slow = connect(serve.address);
    let head = format!(
        "POST /api/v1/secrets HTTP/1.1\r\nhost: a\r\nx-aegis-token: {}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{",
        state.token
    );
    slow.write_all(head.as_bytes()).unwrap();
    thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    serve.signal("TERM");
    while serve.child.try_wait().unwrap().is_none() {
        let _ = slow.write_all(b" ");
        thread::sleep(Duration::from_millis(200));
        assert!(start.elapsed() < Duration::from_secs(15), "it does not end");
    }
    assert_eq!(serve.wait().code(), Some(0));
    assert!(
        start.elapsed() > Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
}
