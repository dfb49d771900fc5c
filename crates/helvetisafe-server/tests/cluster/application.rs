//! An application that uses the client with its default settings, and secrets of its own.

use std::time::{Duration, Instant};

use helvetisafe::{Client, Credentials, ErrorKind, KeySource};
use helvetisafe_server::Account;

use super::world::World;

/// The secrets that an application writes in turn.
const SECRETS: usize = 5;

/// Connects with default settings to a vault with these addresses.
pub(crate) fn connect(account: &Account, urls: &[String]) -> Client {
    let credentials =
        Credentials::service_account(account.client_id.clone(), account.client_secret.clone());
    let key = KeySource::pem(account.private_key_pem.as_bytes());
    let further = urls[1..].iter();
    let builder = Client::builder(&urls[0], credentials, key);
    further
        .fold(builder, |builder, url| builder.failover(url))
        .connect()
        .unwrap()
}

/// The times at which calls succeeded, and the numbers of those that did not.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) reads: Vec<Instant>,
    pub(crate) writes: Vec<Instant>,
    /// The longest call.
    pub(crate) longest: Duration,
    /// Calls that failed, writes of unknown outcome not included.
    pub(crate) failed: usize,
    /// Writes of unknown outcome.
    pub(crate) unknown: usize,
    /// The secrets that were created and not deleted.
    pub(crate) created: Vec<String>,
}

/// Writes, reads, lists, creates and deletes until the world is over. A read has to return the last write.
pub(crate) fn run(world: &World, client: &Client, name: &str) -> Seen {
    let secrets = client.secrets();
    let mut seen = Seen::default();
    let mut round = 0;
    while world.left() > 0 {
        round += 1;
        let key = format!("{name}_{}", round % SECRETS);
        let value = round.to_string();
        let is_written = seen.write(|| secrets.put(&key, &value, None).map(drop));
        let read = seen.read(|| secrets.get(&key));
        if let (true, Some(read)) = (is_written, read) {
            assert_eq!(read.expose_secret(), value, "{key}");
        }
        let own = format!("{name}_own_{round}");
        if seen.write(|| secrets.create(&own, &value, None).map(drop)) {
            if let Some(list) = seen.read(|| secrets.list()) {
                assert!(list.iter().any(|it| *it.key() == *own), "{own}");
            }
            if round % 2 == 0 {
                seen.write(|| secrets.delete(&own));
            } else {
                seen.created.push(own);
            }
        }
    }
    seen
}

impl Seen {
    fn read<T>(&mut self, call: impl FnOnce() -> Result<T, helvetisafe::Error>) -> Option<T> {
        let answer = self.time(call)?;
        self.reads.push(Instant::now());
        Some(answer)
    }

    fn write(&mut self, call: impl FnOnce() -> Result<(), helvetisafe::Error>) -> bool {
        let is_written = self.time(call).is_some();
        if is_written {
            self.writes.push(Instant::now());
        }
        is_written
    }

    fn time<T>(&mut self, call: impl FnOnce() -> Result<T, helvetisafe::Error>) -> Option<T> {
        let begun = Instant::now();
        let result = call();
        self.longest = self.longest.max(begun.elapsed());
        match result {
            Ok(answer) => return Some(answer),
            Err(error) if error.kind() == ErrorKind::Ambiguous => self.unknown += 1,
            Err(error) => {
                eprintln!("a call failed after {:.1?}: {error}", begun.elapsed());
                self.failed += 1;
            }
        }
        None
    }
}
