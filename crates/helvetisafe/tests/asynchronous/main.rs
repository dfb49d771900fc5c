//! What the asynchronous client adds to the blocking one: its transport, tasks in place of threads,
//! futures that are dropped. What both do is in `tests/matrix`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

mod cancel;
#[path = "../behaviour/extremes.rs"]
mod extremes;
mod operations;
#[allow(dead_code, reason = "shared with the tests of the blocking client")]
#[path = "../behaviour/proxy.rs"]
mod proxy;
mod runtimes;
mod same_face;
mod shared_reads;
#[path = "../behaviour/tls_server.rs"]
mod tls_server;
mod transport;
mod watch;
#[allow(dead_code, reason = "shared with the tests of the blocking client")]
#[path = "../behaviour/world.rs"]
mod world;

use helvetisafe::{AsyncClient, AsyncParts, ClientBuilder, Credentials, KeySource};
use secrecy::ExposeSecret;

use crate::world::{PEM, World};

/// A service account's client of the world, on the real clock.
pub(crate) fn builder(world: &World) -> ClientBuilder<AsyncParts> {
    let secret = world.account.client_secret.expose_secret();
    let credentials = Credentials::service_account(world.account.client_id.as_str(), secret);
    AsyncClient::builder(world.proxy.base_url(), credentials, KeySource::pem(PEM))
}

pub(crate) async fn client(world: &World) -> AsyncClient {
    builder(world).connect().await.unwrap()
}
