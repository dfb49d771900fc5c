//! Accepts connections and serves them, within bounds on time and number.

mod slots;

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

use crate::settings::Bounds;
use slots::Slots;

pub(crate) use slots::Peer;

/// The largest head, the largest part of a body that is read ahead, and the largest part of an answer that
/// is written ahead, in bytes.
const BUFFER_LEN: usize = 32 * 1024;

/// Serves until `stopped` is ready, then waits for the requests in flight. `router_for` returns the router
/// of a connection.
///
/// `axum::serve` has no such bounds.
pub(crate) async fn serve<L: Listener>(
    mut listener: L,
    router_for: impl Fn(&L::Io) -> Router,
    bounds: Bounds,
    stopped: impl Future<Output = ()>,
) {
    let (http, open) = (
        http1_builder(bounds.client_timeout),
        GracefulShutdown::new(),
    );
    let slots = Slots::new(bounds.max_connections);
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
        let service = service_for(router_for(&socket), slot.peer().clone());
        let mut socket = TimeoutStream::new(socket);
        socket.set_write_timeout(Some(bounds.client_timeout));
        let connection = http.serve_connection(TokioIo::new(Box::pin(socket)), service);
        let connection = open.watch(connection);
        tokio::spawn(async move {
            // An error ends only this connection, and its client notices.
            tokio::select! {
                _ = connection => {}
                () = slot.eviction() => {}
            }
        });
    }
    drop(listener);
    open.shutdown().await;
}

/// Returns the service of one connection. It passes the peer to the calls, and counts their requests.
fn service_for(
    router: Router,
    peer: Peer,
) -> impl Service<Request<Incoming>, Response = axum::response::Response, Error = Infallible, Future: Send>
{
    let router = TowerToHyperService::new(router);
    service_fn(move |mut request: Request<Incoming>| {
        let in_flight = peer.begin_request();
        request.extensions_mut().insert(peer.clone());
        let response = router.call(request);
        async move {
            let _in_flight = in_flight;
            response.await
        }
    })
}

fn http1_builder(client_timeout: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    // An idle connection waits for the next head, so this timeout covers it too.
    http.timer(TokioTimer::new())
        .header_read_timeout(client_timeout)
        .max_buf_size(BUFFER_LEN);
    http
}
