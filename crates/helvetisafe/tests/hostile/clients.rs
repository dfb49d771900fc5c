//! Both clients on one hostile vault.

use std::time::{Duration, Instant};

use helvetisafe::{Client, Error};

use crate::world::World;

/// Far below the time of an attempt, which is 10 s.
const QUICK: Duration = Duration::from_secs(3);

/// Each client on one vault.
pub(crate) struct Clients {
    blocking: Client,
    asynchronous: helvetisafe::AsyncClient,
    runtime: tokio::runtime::Runtime,
}

impl Clients {
    pub(crate) fn new(world: &World) -> Self {
        let runtime = runtime();
        Self {
            blocking: world.client(),
            asynchronous: runtime.block_on(world.async_builder().connect()).unwrap(),
            runtime,
        }
    }

    /// The number of names that each client lists.
    pub(crate) fn list(&self) -> Vec<Result<usize, Error>> {
        vec![
            self.blocking.secrets().list().map(|names| names.len()),
            self.runtime
                .block_on(self.asynchronous.secrets().list())
                .map(|names| names.len()),
        ]
    }

    pub(crate) fn delete(&self) -> Vec<Result<(), Error>> {
        vec![
            self.blocking.secrets().delete("a"),
            self.runtime
                .block_on(self.asynchronous.secrets().delete("a")),
        ]
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// The errors of calls that have to fail quickly.
pub(crate) fn fails<T>(act: impl FnOnce() -> Vec<Result<T, Error>>) -> Vec<Error> {
    let begin = Instant::now();
    let errors = act().into_iter().map(|outcome| outcome.err().unwrap());
    let errors = errors.collect();
    assert!(begin.elapsed() < QUICK, "{:?}", begin.elapsed());
    errors
}
