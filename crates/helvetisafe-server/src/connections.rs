//! Accepts connections and serves them, within bounds on time and number.

mod slots;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use axum::serve::Listener;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;

use crate::settings::Bounds;
use crate::telemetry::ConnectionCounts;
use slots::{Slot, Slots};

pub(crate) use slots::Peer;

/// The largest head, the largest part of a body that is read ahead, and the largest part of an answer that
/// is written ahead, in bytes.
const BUFFER_LEN: usize = 32 * 1024;

/// The calls that a connection serves.
pub(crate) trait Calls: Clone + Send + Sync + 'static {
    /// Answers a request of the client at this address.
    fn answer(
        self,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> impl Future<Output = Response> + Send;
}

impl Calls for Router {
    async fn answer(self, request: Request<Incoming>, _: SocketAddr) -> Response {
        let answer = TowerToHyperService::new(self).call(request).await;
        answer.unwrap_or_else(|never| match never {})
    }
}

/// Serves until `stopped` is ready, then waits for the requests in flight. `open` makes the handshake of a
/// connection, if there is one, and returns its stream and its calls.
///
/// `axum::serve` has no such bounds.
pub(crate) async fn serve<L, F, S, C>(
    mut listener: L,
    open: impl Fn(L::Io) -> F,
    bounds: Bounds,
    counts: ConnectionCounts,
    stopped: impl Future<Output = ()>,
) where
    L: Listener<Addr = SocketAddr>,
    F: Future<Output = io::Result<(S, C)>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Send + 'static,
    C: Calls,
{
    let connections = Connections {
        http: http1_builder(bounds.client_timeout),
        client_timeout: bounds.client_timeout,
        counts,
    };
    let graceful = GracefulShutdown::new();
    let (stopping, is_stopping) = watch::channel(());
    let slots = Slots::new(bounds.max_connections);
    let mut stopped = std::pin::pin!(stopped);
    loop {
        let accepted = async {
            let (socket, address) = listener.accept().await;
            (socket, address, slots.take().await)
        };
        let (socket, address, slot) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stopped => break,
        };
        let connection = Connection {
            slot,
            address,
            watcher: graceful.watcher(),
            is_stopping: is_stopping.clone(),
        };
        tokio::spawn(connections.clone().serve(connection, open(socket)));
    }
    drop((listener, stopping));
    graceful.shutdown().await;
}

/// An accepted connection.
struct Connection {
    slot: Slot,
    address: SocketAddr,
    watcher: Watcher,
    is_stopping: watch::Receiver<()>,
}

/// The settings that all connections share.
#[derive(Clone)]
struct Connections {
    http: http1::Builder,
    client_timeout: Duration,
    counts: ConnectionCounts,
}

impl Connections {
    /// Serves a connection until it ends or is evicted.
    async fn serve<S: AsyncRead + AsyncWrite + Send + 'static, C: Calls>(
        self,
        connection: Connection,
        opening: impl Future<Output = io::Result<(S, C)>>,
    ) {
        let _open = self.count();
        let Connection {
            slot,
            address,
            watcher,
            mut is_stopping,
        } = connection;
        let served = async {
            let opened = tokio::select! {
                opened = self.handshake(opening, &slot) => opened,
                // A handshake is no request, so a stop does not wait for it.
                _ = is_stopping.changed() => None,
            };
            if let Some((socket, calls)) = opened {
                let service = service_for(calls, slot.peer().clone(), address);
                // An error ends only this connection, and its client notices.
                let _ = watcher.watch(self.http(socket, service)).await;
            }
        };
        tokio::select! {
            () = served => {}
            () = slot.eviction() => {}
        }
    }

    /// Counts a connection as open until the guard is dropped.
    fn count(&self) -> impl Drop + use<> {
        struct Open(ConnectionCounts);
        impl Drop for Open {
            fn drop(&mut self) {
                self.0.open.dec();
            }
        }
        self.counts.accepted.inc();
        self.counts.open.inc();
        Open(self.counts.clone())
    }

    /// Waits for a handshake, which is evicted as late as a request: it takes round trips.
    async fn handshake<T>(
        &self,
        opening: impl Future<Output = io::Result<T>>,
        slot: &Slot,
    ) -> Option<T> {
        let _in_flight = slot.peer().begin_request();
        let opened = timeout(self.client_timeout, opening).await;
        let opened = opened.ok().and_then(Result::ok);
        if opened.is_none() {
            self.counts.failed_handshakes.inc();
        }
        opened
    }

    /// Returns the connection over a stream.
    fn http<S: AsyncRead + AsyncWrite, V>(&self, socket: S, service: V) -> Http<S, V>
    where
        V: Service<Request<Incoming>, Response = Response, Error = Infallible>,
    {
        let mut socket = TimeoutStream::new(socket);
        socket.set_write_timeout(Some(self.client_timeout));
        self.http
            .serve_connection(TokioIo::new(Box::pin(socket)), service)
    }
}

type Http<S, V> = http1::Connection<TokioIo<Pin<Box<TimeoutStream<S>>>>, V>;

/// Returns the service of one connection. It passes the peer and its address to the calls, and counts their requests.
fn service_for(
    calls: impl Calls,
    peer: Peer,
    client: SocketAddr,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> {
    service_fn(move |mut request: Request<Incoming>| {
        let in_flight = peer.begin_request();
        request.extensions_mut().insert(peer.clone());
        let answer = calls.clone().answer(request, client);
        async move {
            let _in_flight = in_flight;
            Ok(answer.await)
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
