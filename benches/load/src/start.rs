//! The time from the start of the process to its first answer.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::load::{Times, fill};
use crate::options::{Engine, Options};
use crate::vault::World;

/// The time between two attempts to connect.
const PAUSE: Duration = Duration::from_micros(200);

pub(crate) fn run(options: &Options) {
    let rounds = if options.is_quick { 5 } else { 25 };
    println!("Start to the first answer of `/health`, plain HTTP, {rounds} starts\n");
    println!("| | median | p99 | fastest |");
    println!("|---|---|---|---|");
    if !options.is_dev {
        let new = || {
            let folder = tempfile::tempdir().unwrap();
            start(options, &["serve", "--database", &database(folder.path())])
        };
        row("serve, new SQLite file", (0..rounds).map(|_| new()));
        let existing = tempfile::tempdir().unwrap();
        let existing = || {
            start(
                options,
                &["serve", "--database", &database(existing.path())],
            )
        };
        existing();
        row("serve, empty SQLite file", (0..rounds).map(|_| existing()));
    }
    let memory = || start(options, &["dev"]);
    row("dev in memory", (0..rounds).map(|_| memory()));
    let mut world = World::new(options, Engine::Sqlite).unwrap();
    fill(&mut world, 10_000);
    world.nodes.clear();
    let folder = &world.folder;
    let state = || start(options, &["dev", "--state", folder.to_str().unwrap()]);
    row(
        "dev, folder with 10 000 secrets",
        (0..rounds).map(|_| state()),
    );
    if !options.is_dev {
        let file = || start(options, &["serve", "--database", &database(folder)]);
        row(
            "serve, SQLite file with 10 000 secrets",
            (0..rounds).map(|_| file()),
        );
    }
}

fn row(name: &str, times: impl Iterator<Item = Duration>) {
    let mut all = Times::default();
    times.for_each(|time| all.add(time));
    let ms = [0.5, 0.99, 0.0].map(|part| all.quantile(part).as_secs_f64() * 1000.0);
    println!(
        "| {name} | {:.1} ms | {:.1} ms | {:.1} ms |",
        ms[0], ms[1], ms[2]
    );
}

fn database(folder: &Path) -> String {
    format!("sqlite:{}/vault.db", folder.display())
}

/// Starts a vault, and returns the time to its first answer.
fn start(options: &Options, arguments: &[&str]) -> Duration {
    let address = free_address();
    let mut command = Command::new(&options.server);
    command.args(arguments).arg(format!("--listen={address}"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let mut process = command.spawn().unwrap();
    first_answer(address, &mut process);
    let time = begun.elapsed();
    // A clean stop, so that the next start finds no log.
    let stopped = Command::new("kill").arg(process.id().to_string()).status();
    assert!(stopped.unwrap().success());
    process.wait().unwrap();
    time
}

fn first_answer(address: SocketAddr, process: &mut Child) {
    loop {
        match TcpStream::connect(address) {
            Ok(mut stream) => {
                let request = b"GET /health HTTP/1.1\r\nhost: vault\r\n\r\n";
                stream.write_all(request).unwrap();
                let mut line = [0; 12];
                stream.read_exact(&mut line).unwrap();
                assert_eq!(&line, b"HTTP/1.1 200");
                return;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
        }
        assert!(process.try_wait().unwrap().is_none(), "the vault has ended");
        sleep(PAUSE);
    }
}

/// Returns an address that was free a moment ago.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}
