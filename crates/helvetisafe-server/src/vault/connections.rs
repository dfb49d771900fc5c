//! Accepts connections and serves them, within bounds that a slow client cannot stretch.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio_io_timeout::TimeoutStream;

use super::slots::{Peer, Slots};

/// What one client, or all together, may take of the vault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How long a client may take for the head of a request, for its body, or to read on in an
    /// answer; and how long a connection may rest between two requests.
    pub(crate) patience: Duration,
    /// The number of connections served; the others wait for a slot.
    pub(crate) connections: usize,
}

/// The most bytes that are read of a head, or that are read of a body before somebody asks for them. Of
/// the answers as much is written ahead.
const BUFFER: usize = 32 * 1024;

/// Serves until `stopped` is done, then waits for the requests in flight. `router_for` returns the calls
/// for a connection.
///
/// `axum::serve` has none of these bounds.
pub(crate) async fn serve<L: Listener>(
    mut listener: L,
    router_for: impl Fn(&L::Io) -> Router,
    bounds: Bounds,
    stopped: impl Future<Output = ()>,
) {
    let (http, open) = (protocol(bounds.patience), GracefulShutdown::new());
    let slots = Slots::new(bounds.connections);
    let mut stopped = std::pin::pin!(stopped);
    loop {
        let accepted = async {
            let (socket, _) = listener.accept().await;
            (socket, slots.take().await)
        };
        let (socket, slot) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stopped => break,
        };
        let service = calls(router_for(&socket), slot.peer().clone());
        let mut socket = TimeoutStream::new(socket);
        socket.set_write_timeout(Some(bounds.patience));
        let connection = http.serve_connection(TokioIo::new(Box::pin(socket)), service);
        let connection = open.watch(connection);
        tokio::spawn(async move {
            // An error on one connection ends that one; its client sees it.
            tokio::select! {
                _ = connection => {}
                () = slot.eviction() => {}
            }
        });
    }
    drop(listener);
    open.shutdown().await;
}

/// The calls of one connection, which learn of their peer, as the peer's slot does of them.
fn calls(
    router: Router,
    peer: Peer,
) -> impl Service<Request<Incoming>, Response = axum::response::Response, Error = Infallible, Future: Send>
{
    let router = TowerToHyperService::new(router);
    service_fn(move |mut request: Request<Incoming>| {
        let answering = peer.begin();
        request.extensions_mut().insert(peer.clone());
        let answer = router.call(request);
        async move {
            let _answering = answering;
            answer.await
        }
    })
}

fn protocol(patience: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    // Between two requests the vault waits for the head of the next, so this is for idle
    // connections too.
    http.timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(BUFFER);
    http
}
