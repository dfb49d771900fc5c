//! Tests of the asynchronous client alone: its transport, tasks in place of threads, and dropped
//! futures. `tests/matrix` covers the behaviour of both clients.

mod adapters;
mod cancel;
mod conversions;
mod operations;
mod runtimes;
mod same_face;
mod shared_reads;
mod store;
mod transport;
mod watch;

use helvetisafe::{AsyncClient, AsyncParts, ClientBuilder, KeySource};
use helvetisafe_test_support::{PEM, World, credentials};

/// The builder of a service account's client on the real clock.
pub(super) fn builder(world: &World) -> ClientBuilder<AsyncParts> {
    let credentials = credentials(&world.account);
    AsyncClient::builder(world.proxy.base_url(), credentials, KeySource::pem(PEM))
}

async fn client(world: &World) -> AsyncClient {
    builder(world).connect().await.unwrap()
}
