//! The vault's thread: start, serve, stop.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot::Receiver;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{VaultBuilder, connections};
use crate::Error;
use crate::budget::Budget;
use crate::faults::{self, Faults};
use crate::http;
use crate::limits::Limits;
use crate::shared::Shared;
use crate::store::{Moment, Store};

/// How long requests under way, and then the database, may take to finish when the vault stops.
const GRACE: Duration = Duration::from_secs(5);

/// What the handle needs of a vault that has started.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) shared: Arc<Shared>,
    pub(super) runtime: Handle,
}

/// Runs until the sender of `stopped` is dropped.
pub(super) fn run(
    builder: VaultBuilder,
    ready: &SyncSender<Running>,
    stopped: Receiver<()>,
) -> Result<(), Error> {
    let VaultBuilder {
        listen,
        place,
        settings,
        faults,
    } = builder;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(worker_count())
        .thread_name("helvetisafe-vault")
        .enable_all()
        .build()
        .map_err(Error::Thread)?;
    runtime.block_on(async {
        // The port first: when it is taken, no file is made.
        let listener = bind(listen).await?;
        let address = listener
            .local_addr()
            .map_err(|e| cannot_listen(listen, e))?;
        let store = Store::open(place).await?;
        let shared = Arc::new(Shared {
            store,
            tokens: Default::default(),
            lists: Default::default(),
            secrets: Default::default(),
            limits: Limits::new(settings.rate_limits, settings.limit_clock.clone()),
            bodies: Budget::new(settings.body_budget.max(settings.body_limit)),
            answers: Budget::new(settings.answer_budget),
            settings,
        });
        let running = Running {
            address,
            shared: Arc::clone(&shared),
            runtime: Handle::current(),
        };
        if ready.send(running).is_ok() {
            serve(listener, Arc::clone(&shared), faults, stopped).await;
        }
        // Whatever does not finish in time is in the log, and the next start reads it.
        let _ = timeout(GRACE, shared.store.close()).await;
        Ok(())
    })
}

/// Half the cores: the database has threads of its own, and each further worker is woken for a request
/// that the first could do meanwhile.
fn worker_count() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    if !address.ip().is_loopback() {
        return Err(Error::NotLoopback { address });
    }
    TcpListener::bind(address)
        .await
        .map_err(|error| cannot_listen(address, error))
}

fn cannot_listen(address: SocketAddr, source: std::io::Error) -> Error {
    match source.kind() {
        ErrorKind::AddrInUse => Error::AddressInUse { address },
        _ => Error::Listen { address, source },
    }
}

async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    faults: Option<Faults>,
    stopped: Receiver<()>,
) {
    // An answer is small: without this it would wait for the acknowledgement of the one before.
    let listener = listener.tap_io(|socket| {
        let _ = socket.set_nodelay(true);
    });
    let sweeper = tokio::spawn(sweep(Arc::clone(&shared)));
    let (draining, deadline) = tokio::sync::oneshot::channel::<()>();
    let stop = async move {
        // Either way the vault was told to stop.
        let _ = stopped.await;
        drop(draining);
    };
    let calls = http::router(Arc::clone(&shared));
    let server = async move {
        let bounds = shared.settings.bounds;
        match faults {
            None => connections::serve(listener, |_| calls.clone(), bounds, stop).await,
            Some(faults) => faults::serve(faults, shared, calls, listener, stop).await,
        }
    };
    let out_of_time = async {
        let _ = deadline.await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        () = server => {}
        () = out_of_time => {}
    }
    sweeper.abort();
}

/// Removes what has expired, now and then.
async fn sweep(shared: Arc<Shared>) {
    let mut ticks = interval(shared.settings.sweep_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = Moment::now();
        let swept = match shared.store.sweep_secrets(now).await {
            Ok(number) => {
                if number > 0 {
                    shared.secrets.clear();
                }
                shared.store.sweep_tokens(now).await
            }
            failed => failed,
        };
        if let Err(error) = swept {
            http::report(&error);
        }
    }
}
