//! Many threads at a vault with random failures, for minutes: no value is wrong, no write is lost, the
//! memory stays flat, and nearly everything succeeds. `tests/soak.sh` runs it.
//!
//! `soak SECONDS THREADS` starts the vault as a separate process, so that the measured memory is only
//! the client's.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod memory;
mod model;
mod tally;
mod vault;

use std::env;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe::{Client, Credentials, KeySource};

use memory::Memory;
use model::Worker;
use tally::Tally;
use vault::VaultProcess;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["vault"] => vault::serve(),
        [seconds, threads] => {
            let life = Duration::from_secs(seconds.parse().unwrap());
            soak(life, threads.parse().unwrap())
        }
        _ => {
            eprintln!("usage: soak SECONDS THREADS");
            ExitCode::FAILURE
        }
    }
}

fn soak(life: Duration, threads: usize) -> ExitCode {
    let vault = VaultProcess::start();
    let client = connect(&vault);
    let (begun, tally, memory) = (Instant::now(), Tally::default(), Memory::default());
    thread::scope(|scope| {
        for number in 0..threads {
            let mut worker = Worker::new(number, client.clone());
            let tally = &tally;
            scope.spawn(move || {
                while begun.elapsed() < life {
                    worker.step(tally);
                }
                worker.check_all(tally);
            });
        }
        while begun.elapsed() < life {
            thread::sleep((life / 60).min(Duration::from_secs(10)));
            memory.sample();
        }
    });
    report(&tally, &memory, begun.elapsed(), threads)
}

/// Several attempts, since connecting meets the same faults.
fn connect(vault: &VaultProcess) -> Client {
    let connect = || {
        let credentials =
            Credentials::service_account(vault.client_id.clone(), vault.client_secret.clone());
        let key = KeySource::pem(vault.pem);
        Client::builder(vault.base_url.clone(), credentials, key).connect()
    };
    (0..10).find_map(|_| connect().ok()).unwrap()
}

fn report(tally: &Tally, memory: &Memory, took: Duration, threads: usize) -> ExitCode {
    println!("{} s, {threads} threads", took.as_secs());
    tally.print();
    memory.print();
    let failures: Vec<_> = tally
        .failures()
        .into_iter()
        .chain(memory.failure())
        .collect();
    for failure in &failures {
        println!("FAILED: {failure}");
    }
    if failures.is_empty() {
        println!("passed");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
