//! The thread that accepts connections, and a thread for each connection.

use std::io::{self, Read};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::connections::{Connections, Place};
use super::http::{Answer, Request};
use super::listen::{Connection, Listener};
use super::timed::Timed;
use crate::failure::Failure;

/// The time for a client to send a request.
const READING: Duration = Duration::from_secs(5);
/// The time for a client to read the answer.
const WRITING: Duration = Duration::from_secs(5);
/// The time and the bytes to drain after an error.
const DRAINING: Duration = Duration::from_millis(500);
const MAX_DRAINED: u64 = 64 << 10;
/// The time for answers in progress when the agent stops.
const GRACE: Duration = Duration::from_secs(2);
/// The pause when the system has no thread or file descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// A running server.
pub(super) struct Running {
    listener: Arc<Listener>,
    connections: Arc<Connections>,
}

/// The answers to requests.
type Routes = dyn Fn(&Request) -> Answer + Send + Sync;

/// Starts the server, whose threads end with the process.
pub(super) fn start(listener: Listener, routes: Arc<Routes>) -> Result<Running, Failure> {
    let running = Running {
        listener: Arc::new(listener),
        connections: Arc::new(Connections::new()),
    };
    let (listener, connections) = (
        Arc::clone(&running.listener),
        Arc::clone(&running.connections),
    );
    spawn(move || {
        loop {
            if accept(&listener, &connections, &routes).is_err() {
                thread::sleep(PAUSE);
            }
        }
    })
    .map_err(|error| Failure::other(format_args!("cannot start a thread: {error}")))?;
    Ok(running)
}

impl Running {
    /// Waits for the answers in progress, and removes the socket.
    pub(super) fn finish(self) {
        self.listener.remove();
        let end = Instant::now() + GRACE;
        while self.connections.busy() > 0 && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .name("agent".to_owned())
        .spawn(work)
        .map(drop)
}

/// Accepts the next connection and serves it in a thread of its own.
fn accept(
    listener: &Listener,
    connections: &Arc<Connections>,
    routes: &Arc<Routes>,
) -> io::Result<()> {
    let connection = listener.accept()?;
    let place = connections.admit(Arc::clone(&connection));
    let routes = Arc::clone(routes);
    spawn(move || serve(&*connection, place, &*routes))
}

/// Serves one request. A client that closes the connection gets no answer, and that is not reported.
fn serve(connection: &dyn Connection, mut place: Place, routes: &Routes) {
    let Some(request) = Request::read(&mut Timed::new(connection, READING)) else {
        return;
    };
    if !place.set_busy() {
        return;
    }
    let has_body = !request.as_ref().is_ok_and(Request::is_head);
    let answer = request.map_or_else(|answer| answer, |request| routes(&request));
    let written = answer.write(&mut Timed::new(connection, WRITING), has_body);
    if written.is_ok() && answer.status != 200 {
        drop(answer);
        place.set_idle();
        let _ = drain(connection);
    }
}

/// Reads what a client still sends after an error: closing before would discard the answer.
fn drain(connection: &dyn Connection) -> io::Result<()> {
    connection.shut_down()?;
    let mut rest = Timed::new(connection, DRAINING).take(MAX_DRAINED);
    io::copy(&mut rest, &mut io::sink())?;
    Ok(())
}
