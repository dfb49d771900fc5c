//! The vault's thread: starts, serves and stops.

use std::future::Ready;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use axum::Router;
use axum::serve::{Listener, ListenerExt};
use prometheus_client::metrics::counter::Counter;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot::Receiver;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::front::Admitting;
use super::{Front, Protection, VaultBuilder};
use crate::budget::Budget;
use crate::connections;
use crate::http::Calls;
use crate::limits::Limits;
use crate::observed_calls::ObservedCalls;
use crate::read_log::{self, ReadLog};
use crate::settings::Bounds;
use crate::shared::{LIST_READS, Shared};
use crate::store::{Database, Store};
use crate::telemetry::{self, ConnectionCounts};
use crate::{Error, log};

/// The longest time for requests in flight to finish when the vault stops, and then for the database.
const GRACE: Duration = Duration::from_secs(5);

/// The longest time to seal the audit record when the vault stops. What it does not seal then, the next start does.
const LAST_SEAL: Duration = Duration::from_secs(2);

/// The parts of a started vault that its handle needs.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) metrics_address: Option<SocketAddr>,
    pub(super) shared: Arc<Shared>,
    pub(super) runtime: Handle,
}

/// Runs until the sender of `stopped` is dropped.
pub(super) fn run(
    builder: VaultBuilder,
    ready: &SyncSender<Running>,
    stopped: Receiver<()>,
) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(worker_count())
        .thread_name("helvetisafe-vault")
        .enable_all()
        .build()
        .map_err(Error::Thread)?;
    runtime.block_on(async {
        // Binds first, so that no file is made if the port is in use.
        let (listener, address) = bind(builder.listen, &builder.front.protection).await?;
        let metrics = match builder.front.metrics_listen {
            Some(listen) => Some(listen_on(listen).await?),
            None => None,
        };
        let shared = Arc::new(open(&builder).await?);
        let running = Running {
            address,
            metrics_address: metrics.as_ref().map(|(_, address)| *address),
            shared: Arc::clone(&shared),
            runtime: Handle::current(),
        };
        if ready.send(running).is_ok() {
            observe(
                &builder.front,
                &shared,
                metrics.map(|(listener, _)| listener),
            );
            serve(listener, Arc::clone(&shared), builder, stopped).await;
        }
        // After a timeout the write-ahead log remains, and the next start reads it.
        let _ = timeout(GRACE, shared.store.close()).await;
        Ok(())
    })
}

/// Opens the database, and migrates it.
async fn open(builder: &VaultBuilder) -> Result<Shared, Error> {
    let database = builder.database.clone().unwrap_or(Database::in_memory());
    let store = match &builder.front.telemetry {
        Some(it) => Store::open_counted(&database, it.metrics.store.clone()).await?,
        None => Store::open(&database).await?,
    };
    let migrated = store.migrate().await?;
    // Only `serve` logs it.
    if builder.front.telemetry.is_some() && !migrated.applied.is_empty() {
        log::info(&format_args!("{database}: {migrated}"));
    }
    let telemetry = builder.front.telemetry.as_ref();
    let lost_reads = telemetry.map_or_else(Counter::default, |it| it.metrics.lost_reads.clone());
    let settings = builder.settings.clone();
    Ok(Shared {
        store,
        lists: Default::default(),
        limits: Limits::new(settings.rate_limits, settings.limit_clock.clone()),
        bodies: Budget::new(settings.body_budget.max(settings.body_limit)),
        answers: Budget::new(settings.answer_budget),
        list_reads: Arc::new(Semaphore::new(LIST_READS)),
        reads: settings.audit_reads.then(|| ReadLog::new(lost_reads)),
        settings,
        readiness: Default::default(),
        #[cfg(test)]
        hold: Default::default(),
    })
}

/// Starts to record the state of the vault, and to serve metrics.
fn observe(front: &Front, shared: &Arc<Shared>, metrics: Option<TcpListener>) {
    let Some(telemetry) = &front.telemetry else {
        return;
    };
    tokio::spawn(telemetry.clone().watch(Arc::clone(shared)));
    if let Some(listener) = metrics {
        let calls = telemetry::router(&telemetry.metrics);
        tokio::spawn(serve_metrics(listener, calls));
    }
}

/// Returns half the number of cores. The database has its own threads, and waking another worker for a
/// request takes longer than letting the first one answer it. In unit tests there is one on every machine, so that work which
/// blocks it is noticed.
fn worker_count() -> usize {
    if cfg!(test) {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))
}

/// Returns a listener and its address, unless clients would send credentials to it over a network in plain text.
pub(crate) async fn bind(
    address: SocketAddr,
    protection: &Protection,
) -> Result<(TcpListener, SocketAddr), Error> {
    if matches!(protection, Protection::Loopback) && !address.ip().is_loopback() {
        return Err(Error::NotLoopback { address });
    }
    listen_on(address).await
}

/// Returns a listener and its address, with the actual port.
async fn listen_on(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let actual = listener.local_addr()?;
        Ok((listener, actual))
    };
    bound.await.map_err(|error| cannot_listen(address, error))
}

fn cannot_listen(address: SocketAddr, reason: io::Error) -> Error {
    match reason.kind() {
        ErrorKind::AddrInUse => Error::AddressInUse { address },
        _ => Error::Listen { address, reason },
    }
}

async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    builder: VaultBuilder,
    stopped: Receiver<()>,
) {
    // Without this a small answer would wait for the acknowledgement of the previous one.
    let listener = listener.tap_io(|socket| {
        let _ = socket.set_nodelay(true);
    });
    let sweeper = tokio::spawn(sweep(Arc::clone(&shared)));
    let recording_ends = Arc::new(Notify::new());
    let recorder = tokio::spawn(record_reads(
        Arc::clone(&shared),
        Arc::clone(&recording_ends),
    ));
    let (draining, deadline) = tokio::sync::oneshot::channel::<()>();
    let stop = async move {
        // An error means that the sender was dropped, which stops the vault too.
        let _ = stopped.await;
        drop(draining);
    };
    let (calls, served) = (Calls::new(Arc::clone(&shared)), Arc::clone(&shared));
    let server = async move {
        #[cfg(feature = "faults")]
        if let Some(faults) = builder.faults {
            return crate::faults::serve(faults, shared, calls, listener, stop).await;
        }
        serve_front(listener, calls, shared, builder.front, stop).await;
    };
    let timed_out = async {
        let _ = deadline.await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        () = server => {}
        () = timed_out => {}
    }
    sweeper.abort();
    recording_ends.notify_one();
    let _ = timeout(GRACE, recorder).await;
    seal(&served.store).await;
}

/// Seals the last acts of the audit record, also the reads that were recorded at the end.
async fn seal(store: &Store) {
    if let Ok(Err(error)) = timeout(LAST_SEAL, store.seal_audit()).await {
        error.log();
    }
}

async fn serve_front(
    listener: impl Listener<Io = TcpStream, Addr = SocketAddr>,
    calls: Calls,
    shared: Arc<Shared>,
    front: Front,
    stop: impl Future<Output = ()>,
) {
    let bounds = shared.settings.bounds;
    let telemetry = front.telemetry.as_ref();
    let counts = telemetry.map_or_else(ConnectionCounts::default, |telemetry| {
        telemetry.metrics.connections.clone()
    });
    let calls = ObservedCalls::new(calls, front.telemetry, shared);
    let listener = Admitting {
        listener,
        protection: front.protection.clone(),
        counts: counts.clone(),
        last_message: None,
    };
    serve_protected(listener, front.protection, calls, bounds, counts, stop).await;
}

/// Serves until `stop` is ready, over TLS if that protects the credentials.
pub(crate) async fn serve_protected(
    listener: impl Listener<Io = TcpStream, Addr = SocketAddr>,
    protection: Protection,
    calls: impl connections::Calls,
    bounds: Bounds,
    counts: ConnectionCounts,
    stop: impl Future<Output = ()>,
) {
    match protection {
        Protection::Tls(tls) => {
            let open = move |socket: TcpStream| {
                let (accept, calls) = (tls.accept(socket), calls.clone());
                async move { Ok((accept.await?, calls)) }
            };
            connections::serve(listener, open, bounds, counts, stop).await;
        }
        Protection::Loopback | Protection::Proxies(_) => {
            connections::serve(listener, plain(calls), bounds, counts, stop).await;
        }
    }
}

/// Returns the function that opens connections without a handshake.
fn plain<S, C: Clone>(calls: C) -> impl Fn(S) -> Ready<io::Result<(S, C)>> {
    move |socket| std::future::ready(Ok((socket, calls.clone())))
}

/// Serves the metrics until the runtime ends, for a few scrapers.
async fn serve_metrics(listener: TcpListener, calls: Router) {
    let bounds = Bounds {
        client_timeout: Duration::from_secs(10),
        max_connections: 16,
    };
    let counts = ConnectionCounts::default();
    connections::serve(
        listener,
        plain(calls),
        bounds,
        counts,
        std::future::pending(),
    )
    .await;
}

/// Removes expired secrets and tokens at intervals.
async fn sweep(shared: Arc<Shared>) {
    let mut ticks = interval(shared.settings.sweep_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = shared.store.sweep().await {
            error.log();
        }
    }
}

/// Writes the reads that are to be recorded, at intervals and at the end. A write is not interrupted, which would lose its reads.
async fn record_reads(shared: Arc<Shared>, ends: Arc<Notify>) {
    let Some(reads) = &shared.reads else {
        return;
    };
    loop {
        let is_last = timeout(read_log::INTERVAL, ends.notified()).await.is_ok();
        reads.write(&shared.store).await;
        if is_last {
            return;
        }
    }
}
