//! The parts of a client of the table.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use helvetisafe::{Client, Credentials, Error, KeySource, OrgKeyRotation, Timeouts};
use helvetisafe_test_support::{AnyClient, ClientKind, DrivenClock, TokioClient};

use crate::detour::{Detour, detour};

pub(crate) struct Parts {
    pub(crate) base_url: String,
    pub(crate) credentials: Credentials,
    pub(crate) key_source: KeySource,
    pub(crate) timeouts: Timeouts,
    pub(crate) clock: DrivenClock,
    /// The transport that simulates failures, if any.
    pub(crate) detour: Option<Arc<Mutex<Detour>>>,
}

impl Parts {
    pub(crate) fn connect(self, kind: ClientKind) -> Result<Arc<dyn AnyClient>, Error> {
        match kind {
            ClientKind::Blocking => self.blocking().map(|client| Arc::new(client) as _),
            ClientKind::Async => self.asynchronous().map(|client| Arc::new(client) as _),
        }
    }

    fn blocking(self) -> Result<Client, Error> {
        let builder = Client::builder(self.base_url, self.credentials, self.key_source)
            // A rotation causes a read of the org key.
            .org_key_rotation(OrgKeyRotation::ask(|_| true))
            .timeouts(self.timeouts)
            // The calls of `connect` are made one after the other.
            .concurrency(NonZeroUsize::MIN)
            .clock(self.clock);
        match self.detour {
            Some(detour_state) => builder.transport(detour(detour_state)).connect(),
            None => builder.connect(),
        }
    }

    fn asynchronous(self) -> Result<TokioClient, Error> {
        use helvetisafe::AsyncClient;
        use tokio::task::spawn_blocking;

        let builder = AsyncClient::builder(self.base_url, self.credentials, self.key_source)
            .org_key_rotation(OrgKeyRotation::ask(|_| true))
            .timeouts(self.timeouts)
            // The calls of `connect` are made one after the other.
            .concurrency(NonZeroUsize::MIN)
            .clock(self.clock);
        let builder = match self.detour {
            Some(detour_state) => {
                let send = Arc::new(detour(detour_state));
                builder.transport(move |request| {
                    let send = Arc::clone(&send);
                    async move { spawn_blocking(move || send(&request)).await.unwrap() }
                })
            }
            None => builder,
        };
        TokioClient::connect(builder)
    }
}
