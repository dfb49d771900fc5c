//! The connections that read.
//!
//! A read locks the write-ahead log and unlocks it: two system calls, which take about as long as finding a row. While
//! nothing is written, a connection therefore keeps the state that it has read, in a transaction that stays open for the
//! next reads. It never keeps an older state. It keeps none while the writer works either, since the log could then not
//! be moved to the database file and begun anew. With the state it keeps the principals that it has found in it, since most
//! requests have the token of an earlier one.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;

use super::connection;
use super::principals::Principals;
use crate::lock::lock;
use crate::store::StoreError;

/// The largest number of idle connections for later reads.
const IDLE: usize = 16;

/// The connections that read, as many as there are readers at the same time.
pub(super) enum Readers {
    /// A database in memory has one connection, which also writes.
    Shared(Mutex<Option<Arc<Mutex<Connection>>>>),
    Pool(Pool),
}

pub(super) struct Pool {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// The connections that are not in use; `None` once the pool is closed.
    idle: Option<Vec<Reader>>,
    /// The number of times that the writer has worked.
    number: u64,
    is_writing: bool,
}

/// A connection, the number of the state that its open transaction sees, and the principals in that state.
struct Reader {
    connection: Connection,
    sees: Option<u64>,
    principals: Principals,
}

/// The present state of the database.
pub(super) struct Present<'a> {
    connection: &'a Connection,
    /// The principals that were found in it; `None` if the connection does not keep the state.
    pub(super) principals: Option<&'a mut Principals>,
}

impl Deref for Present<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

/// The writer works until this is dropped.
pub(super) struct Writing<'a>(&'a Readers);

impl Readers {
    pub(super) fn sharing(connection: Arc<Mutex<Connection>>) -> Self {
        Self::Shared(Mutex::new(Some(connection)))
    }

    pub(super) fn of(path: PathBuf) -> Self {
        Self::Pool(Pool {
            path,
            state: Mutex::new(State {
                idle: Some(Vec::new()),
                number: 0,
                is_writing: false,
            }),
        })
    }

    /// Runs a read.
    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        self.run(false, |present| read(present))
    }

    /// Runs a read of a few rows, of the present state.
    pub(super) fn with_present<T>(
        &self,
        read: impl FnOnce(&mut Present<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        self.run(true, read)
    }

    fn run<T>(
        &self,
        may_keep: bool,
        read: impl FnOnce(&mut Present<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Shared(connection) => {
                let connection = lock(connection).clone().ok_or(StoreError::Busy)?;
                Ok(read(&mut Present {
                    connection: &lock(&connection),
                    principals: None,
                })?)
            }
            Self::Pool(pool) => {
                let (mut reader, present) = pool.take()?;
                reader.see(present.filter(|_| may_keep))?;
                // After an error the connection is closed, with its transaction.
                let found = read(&mut reader.present())?;
                pool.give_back(reader)?;
                Ok(found)
            }
        }
    }

    /// Ends the transactions of idle connections before the writer works, and until it has worked.
    pub(super) fn begin_writing(&self) -> Writing<'_> {
        if let Self::Pool(pool) = self {
            pool.begin_writing();
        }
        Writing(self)
    }

    /// Closes the connections. Later reads fail, and those in progress close theirs.
    pub(super) fn close(&self) {
        match self {
            Self::Shared(connection) => *lock(connection) = None,
            Self::Pool(pool) => lock(&pool.state).idle = None,
        }
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if let Readers::Pool(pool) = self.0 {
            lock(&pool.state).is_writing = false;
        }
    }
}

impl Pool {
    /// Returns a connection, and the number of the present state; `None` while it may change.
    fn take(&self) -> Result<(Reader, Option<u64>), StoreError> {
        let (idle, present) = {
            let mut state = lock(&self.state);
            let idle = state.idle.as_mut().ok_or(StoreError::Busy)?.pop();
            (idle, state.present())
        };
        let reader = match idle {
            Some(reader) => reader,
            None => Reader {
                connection: connection::reading(&self.path)?,
                sees: None,
                principals: Principals::default(),
            },
        };
        Ok((reader, present))
    }

    fn give_back(&self, mut reader: Reader) -> Result<(), StoreError> {
        let mut state = lock(&self.state);
        if reader.sees.is_some() && reader.sees != state.present() {
            drop(state);
            reader.see(None)?;
            state = lock(&self.state);
        }
        if let Some(idle) = state.idle.as_mut().filter(|idle| idle.len() < IDLE) {
            idle.push(reader);
        }
        Ok(())
    }

    fn begin_writing(&self) {
        let mut state = lock(&self.state);
        state.is_writing = true;
        state.number += 1;
        if let Some(idle) = &mut state.idle {
            // A connection that cannot end its transaction is closed.
            idle.retain_mut(|reader| reader.see(None).is_ok());
        }
    }
}

impl State {
    fn present(&self) -> Option<u64> {
        (!self.is_writing).then_some(self.number)
    }
}

impl Reader {
    fn present(&mut self) -> Present<'_> {
        Present {
            connection: &self.connection,
            principals: self.sees.map(|_| &mut self.principals),
        }
    }

    /// Begins a transaction that sees a state, unless it is open already, and ends another one.
    fn see(&mut self, state: Option<u64>) -> Result<(), rusqlite::Error> {
        if self.sees == state {
            return Ok(());
        }
        if self.sees.take().is_some() {
            self.principals.clear();
            self.connection.prepare_cached("COMMIT")?.execute([])?;
        }
        if state.is_some() {
            self.connection.prepare_cached("BEGIN")?.execute([])?;
        }
        self.sees = state;
        Ok(())
    }
}
