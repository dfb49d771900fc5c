//! Accepts connections and serves them, within bounds that a slow client cannot stretch.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

/// What one client, or all together, may take of the vault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How long a client may take for the head of a request, for its body, or to read on in an
    /// answer; and how long a connection may rest between two requests.
    pub(crate) patience: Duration,
    /// How many connections are served; the others wait to be accepted.
    pub(crate) connections: usize,
}

/// Serves until `stopped` is done, then waits for the requests under way. `router_for` tells who
/// answers on a connection.
///
/// `axum::serve` has none of these bounds.
pub(crate) async fn serve<L: Listener>(
    mut listener: L,
    router_for: impl Fn(&L::Io) -> Router,
    bounds: Bounds,
    stopped: impl Future<Output = ()>,
) {
    let (http, open) = (protocol(bounds.patience), GracefulShutdown::new());
    let slots = Arc::new(Semaphore::new(bounds.connections));
    let mut stopped = std::pin::pin!(stopped);
    loop {
        let accepted = async {
            // It is never closed, so there is always a slot in the end.
            let slot = Arc::clone(&slots).acquire_owned().await;
            (listener.accept().await.0, slot)
        };
        let (socket, slot) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stopped => break,
        };
        let service = TowerToHyperService::new(router_for(&socket));
        let mut socket = TimeoutStream::new(socket);
        socket.set_write_timeout(Some(bounds.patience));
        let connection = http.serve_connection(TokioIo::new(Box::pin(socket)), service);
        let connection = open.watch(connection);
        tokio::spawn(async move {
            // An error on one connection ends that one; whoever made it sees it.
            let _ = connection.await;
            drop(slot);
        });
    }
    drop(listener);
    open.shutdown().await;
}

fn protocol(patience: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    // Between two requests the vault waits for the head of the next, so this is for idle
    // connections too.
    http.timer(TokioTimer::new()).header_read_timeout(patience);
    http
}
