//! Threads that share one client: one access token, one org key, one cache.
//!
//! In one terminal, start a vault; in another, paste the lines that it prints, then
//!
//!     printf %s 's3cr3t-v@lue' | helvetisafe set database_password
//!     cargo run --example threads

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use helvetisafe::{CachePolicy, Client, Error};

const WORKERS: usize = 4;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Error> {
    let client = Client::builder_from_env()?
        .cache(CachePolicy::new(Duration::from_secs(30)))
        .connect()?;
    let workers: Vec<_> = (1..=WORKERS)
        .map(|number| {
            let client = client.clone();
            thread::spawn(move || work(number, &client))
        })
        .collect();
    for worker in workers {
        // A worker that panicked printed the reason.
        worker.join().unwrap_or(Ok(()))?;
    }
    Ok(())
}

/// The first thread reads the secret from the vault; the others wait for that read and share it.
fn work(number: usize, client: &Client) -> Result<(), Error> {
    let password = client.secrets().get("database_password")?;
    let length = password.expose_secret().len();
    println!("worker {number} has a password of {length} bytes");
    Ok(())
}
