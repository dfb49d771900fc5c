//! The threads that take connections.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::http::Request;
use super::listen::{Connection, Listener};
use super::routes::Agent;
use crate::failure::Failure;

/// Connections that are served at the same time. The others wait in the system's queue.
const THREADS: usize = 32;
/// How long a refused client may be silent before it is left.
const DRAINING: Duration = Duration::from_millis(500);
/// How long answers under way may take when the agent stops.
const GRACE: Duration = Duration::from_secs(2);

/// A server that runs.
pub(super) struct Running {
    listener: Arc<Listener>,
    busy: Arc<AtomicUsize>,
}

/// Starts the threads, which end with the process.
pub(super) fn start(listener: Listener, agent: &Arc<Agent>) -> Result<Running, Failure> {
    let running = Running {
        listener: Arc::new(listener),
        busy: Arc::default(),
    };
    for _ in 0..THREADS {
        let (listener, busy) = (Arc::clone(&running.listener), Arc::clone(&running.busy));
        let agent = Arc::clone(agent);
        thread::Builder::new()
            .name("agent".to_owned())
            .spawn(move || take(&listener, &busy, &agent))
            .map_err(|error| Failure::other(format_args!("cannot start a thread: {error}")))?;
    }
    Ok(running)
}

impl Running {
    /// Waits for the answers under way, and removes the socket.
    pub(super) fn finish(self) {
        self.listener.remove();
        let end = Instant::now() + GRACE;
        while self.busy.load(Ordering::SeqCst) > 0 && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn take(listener: &Listener, busy: &AtomicUsize, agent: &Agent) {
    loop {
        match listener.accept() {
            Ok(mut connection) => {
                busy.fetch_add(1, Ordering::SeqCst);
                serve(&mut *connection, agent);
                busy.fetch_sub(1, Ordering::SeqCst);
            }
            // No file descriptor is left, or the client went away: neither lasts.
            Err(_) => thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// A client that goes away gets no answer, and nobody is told.
fn serve(connection: &mut dyn Connection, agent: &Agent) {
    let answer = match Request::read(connection) {
        None => return,
        Some(Ok(request)) => agent.answer(&request),
        Some(Err(answer)) => answer,
    };
    if answer.write(connection).is_ok() && answer.status != 200 {
        let _ = drain(connection);
    }
}

/// Takes in what a refused client still sends: closing before would take the answer from it.
fn drain(connection: &mut dyn Connection) -> io::Result<()> {
    connection.end()?;
    connection.set_timeout(DRAINING)?;
    let mut rest = [0; 1024];
    for _ in 0..64 {
        if connection.read(&mut rest)? == 0 {
            break;
        }
    }
    Ok(())
}
