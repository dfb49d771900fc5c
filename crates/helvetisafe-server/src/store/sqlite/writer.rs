//! The thread that writes. Writes that wait at the same time share a transaction, and so one `fsync`.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io;
use std::ops::Deref;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{Semaphore, oneshot};

use super::checkpoint::Log;
use super::readers::Readers;
use super::reserve::Reserve;
use crate::lock::lock;
use crate::log;
use crate::store::{Grant, OrganizationId, StoreError};

/// The largest number of writes in a transaction.
const BATCH: usize = 256;

/// The largest number of writes in the queue. More of them wait outside, where they do not need memory here.
const QUEUE: usize = 1024;

pub(super) struct Writer {
    /// `None` once it is closed.
    queue: Mutex<Option<Sender<Message>>>,
    places: Semaphore,
}

enum Message {
    Write(Box<dyn Write>),
    /// Work with a connection that no transaction is open on.
    Exclusive(Box<dyn FnOnce(&mut Connection) + Send>),
    /// The connection has been closed when the sender is dropped.
    Close(oneshot::Sender<()>),
}

/// A transaction that writes share.
pub(super) struct Batch<'c> {
    connection: &'c Connection,
    /// The organizations whose lists have a new version.
    lists: RefCell<HashSet<OrganizationId>>,
    /// The grants that are valid, since nothing but secrets has changed since they were checked.
    grants: RefCell<HashSet<Grant>>,
    /// True if each write has a savepoint, to which its failure returns.
    has_savepoints: bool,
}

impl Batch<'_> {
    /// Notes that a list has a new version. Returns true if it had none in this transaction yet.
    pub(super) fn change_list(&self, organization: OrganizationId) -> bool {
        self.lists.borrow_mut().insert(organization)
    }

    /// Notes that a grant is valid, until something else than a secret changes.
    pub(super) fn add_grant(&self, grant: &Grant) {
        self.grants.borrow_mut().insert(*grant);
    }

    /// Returns true if a grant is known to be valid.
    pub(super) fn has_grant(&self, grant: &Grant) -> bool {
        self.grants.borrow().contains(grant)
    }

    /// Forgets the valid grants, before a change of something else than a secret.
    pub(super) fn forget_grants(&self) {
        self.grants.borrow_mut().clear();
    }
}

impl Deref for Batch<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

/// A write in the queue.
trait Write: Send {
    /// Runs it inside a transaction. May be called again after a transaction that was rolled back. Returns false if it
    /// failed, and has not undone its changes.
    fn run(&mut self, batch: &Batch<'_>) -> bool;

    /// Answers the caller after the transaction.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Intent<T, F> {
    work: F,
    outcome: Result<T, StoreError>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Write for Intent<T, F>
where
    T: Send,
    F: Fn(&Batch<'_>) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, batch: &Batch<'_>) -> bool {
        let changes = batch.total_changes();
        self.outcome = match batch.has_savepoints {
            true => in_savepoint(batch, &self.work),
            false => (self.work)(batch),
        };
        if self.outcome.is_err() {
            // The new version of a list may have been undone too.
            batch.lists.borrow_mut().clear();
        }
        self.outcome.is_ok() || batch.has_savepoints || batch.total_changes() == changes
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        // A caller that no longer waits needs no answer.
        let _ = self.caller.send(self.outcome.and_then(|outcome| {
            committed?;
            Ok(outcome)
        }));
    }
}

/// Runs work of which a failure undoes all statements, and those of no other work.
fn in_savepoint<T>(
    batch: &Batch<'_>,
    work: impl Fn(&Batch<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let execute = |statement| batch.prepare_cached(statement)?.execute([]);
    execute("SAVEPOINT work")?;
    let outcome = work(batch);
    // A full disk may have rolled back the whole transaction.
    if outcome.is_err() && !batch.is_autocommit() && execute("ROLLBACK TO work").is_err() {
        // Nothing of the batch may be committed then.
        execute("ROLLBACK")?;
    }
    if !batch.is_autocommit() {
        execute("RELEASE work")?;
    }
    outcome
}

impl Writer {
    /// Starts the thread. A database in memory has no files.
    pub(super) fn start(
        connection: Arc<Mutex<Connection>>,
        readers: Arc<Readers>,
        files: Option<(Log, Reserve)>,
    ) -> io::Result<Self> {
        let (queue, messages) = channel();
        thread::Builder::new()
            .name("helvetisafe-writer".to_owned())
            .spawn(move || run(connection, &readers, files, &messages))?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            places: Semaphore::new(QUEUE),
        })
    }

    /// Runs a write, and returns when it is durable.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Batch<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let _place = self.places.acquire().await.map_err(|_| StoreError::Busy)?;
        let (caller, answer) = oneshot::channel();
        let intent = Intent {
            work,
            outcome: Err(StoreError::Busy),
            caller,
        };
        self.send(Message::Write(Box::new(intent)))?;
        answer.await.unwrap_or(Err(StoreError::Busy))
    }

    /// Runs work that begins its own transactions.
    pub(super) async fn exclusive<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let work = move |connection: &mut Connection| {
            // As above.
            let _ = caller.send(work(connection).map_err(StoreError::from));
        };
        self.send(Message::Exclusive(Box::new(work)))?;
        answer.await.unwrap_or(Err(StoreError::Busy))
    }

    /// Waits for the writes in the queue, and closes the connection.
    pub(super) async fn close(&self) {
        let Some(queue) = lock(&self.queue).take() else {
            return;
        };
        let (closing, closed) = oneshot::channel();
        if queue.send(Message::Close(closing)).is_ok() {
            // The thread drops the sender when it has closed the connection, so an error is the expected end.
            let _ = closed.await;
        }
    }

    fn send(&self, message: Message) -> Result<(), StoreError> {
        let queue = lock(&self.queue);
        let queue = queue.as_ref().ok_or(StoreError::Busy)?;
        queue.send(message).map_err(|_| StoreError::Busy)
    }
}

fn run(
    connection: Arc<Mutex<Connection>>,
    readers: &Readers,
    files: Option<(Log, Reserve)>,
    messages: &Receiver<Message>,
) {
    let (log, reserve) = files.unzip();
    let reserve = reserve.as_ref();
    let mut batch = Vec::new();
    let mut closing = None;
    while let Ok(first) = messages.recv() {
        let mut held = lock(&connection);
        let _writing = readers.begin_writing();
        let more = messages.try_iter().take(BATCH - 1);
        for message in std::iter::once(first).chain(more) {
            match message {
                Message::Write(write) => batch.push(write),
                Message::Exclusive(work) => {
                    commit_together(&mut held, &mut batch, reserve);
                    work(&mut held);
                }
                Message::Close(sender) => closing = Some(sender),
            }
        }
        commit_together(&mut held, &mut batch, reserve);
        if let Some(Err(error)) = log.as_ref().map(|log| log.shorten(&held)) {
            log::error(&error);
        }
        if let Some(reserve) = reserve {
            reserve.renew(&held);
        }
        if closing.is_some() {
            break;
        }
    }
    drop(connection);
    if let Some(reserve) = reserve {
        reserve.keep();
    }
    drop(closing);
}

/// Runs writes in one transaction. If it fails, each of them runs in its own, so that one write that needs too much of
/// the disk does not fail the others.
fn commit_together(
    connection: &mut Connection,
    batch: &mut Vec<Box<dyn Write>>,
    reserve: Option<&Reserve>,
) {
    if batch.is_empty() {
        return;
    }
    let mut committed = commit(connection, batch);
    if let (Err(StoreError::Full), Some(reserve)) = (&committed, reserve) {
        if reserve.release(connection) {
            committed = commit(connection, batch);
        }
        if committed == Err(StoreError::Full) {
            reserve.report();
        }
    }
    let is_done = committed.is_ok() || batch.len() == 1;
    for mut write in batch.drain(..) {
        let committed = if is_done {
            committed.clone()
        } else {
            commit(connection, std::slice::from_mut(&mut write))
        };
        write.answer(committed);
    }
}

/// Commits writes. Savepoints take a large part of a write's time, and few writes fail after their first change. So they
/// are only made once one has.
fn commit(connection: &mut Connection, writes: &mut [Box<dyn Write>]) -> Result<(), StoreError> {
    let is_done = try_commit(connection, writes, false)? || try_commit(connection, writes, true)?;
    is_done.then_some(()).ok_or(StoreError::Busy)
}

/// Returns false, and changes nothing, if a write has failed and left changes behind.
fn try_commit(
    connection: &mut Connection,
    writes: &mut [Box<dyn Write>],
    has_savepoints: bool,
) -> Result<bool, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let batch = Batch {
        connection: &transaction,
        lists: RefCell::default(),
        grants: RefCell::default(),
        has_savepoints,
    };
    for write in writes {
        let is_whole = write.run(&batch);
        if batch.is_autocommit() {
            return Err(StoreError::Full);
        }
        if !is_whole {
            return Ok(false);
        }
    }
    drop(batch);
    transaction.commit()?;
    Ok(true)
}

#[cfg(test)]
mod tests;
