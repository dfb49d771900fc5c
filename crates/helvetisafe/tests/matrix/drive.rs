//! The two clients behind one face, so that one table holds for both.

use std::sync::{Arc, Mutex};

use helvetisafe::{Client, Credentials, Error, Expiry, KeySource, Timeouts};

use crate::clock::DrivenClock;
use crate::detour::{Detour, detour};

/// Which client plays.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Blocking,
    #[cfg(feature = "async")]
    Async,
}

/// What a client is made of.
pub(crate) struct Parts {
    pub(crate) base_url: String,
    pub(crate) credentials: Credentials,
    pub(crate) key_source: KeySource,
    pub(crate) timeouts: Timeouts,
    pub(crate) clock: DrivenClock,
    /// A transport that makes failures up, if any.
    pub(crate) detour: Option<Arc<Mutex<Detour>>>,
}

/// The calls of the table.
pub(crate) trait Drive: Send + Sync {
    fn get(&self, key: &str) -> Result<String, Error>;
    fn list(&self) -> Result<(), Error>;
    fn create(&self, key: &str, value: &str) -> Result<(), Error>;
    fn update(&self, key: &str, value: &str) -> Result<(), Error>;
    fn put(&self, key: &str, value: &str) -> Result<(), Error>;
    fn delete(&self, key: &str) -> Result<(), Error>;
}

impl Kind {
    pub(crate) fn connect(self, parts: Parts) -> Result<Arc<dyn Drive>, Error> {
        match self {
            Self::Blocking => parts.connect().map(|client| Arc::new(client) as _),
            #[cfg(feature = "async")]
            Self::Async => asynchronous::connect(parts).map(|client| Arc::new(client) as _),
        }
    }
}

impl Parts {
    fn connect(self) -> Result<Client, Error> {
        let builder = Client::builder(self.base_url, self.credentials, self.key_source)
            .timeouts(self.timeouts)
            .clock(self.clock);
        match self.detour {
            Some(deeds) => builder.transport(detour(deeds)).connect(),
            None => builder.connect(),
        }
    }
}

impl Drive for Client {
    fn get(&self, key: &str) -> Result<String, Error> {
        let secret = self.secrets().get(key)?;
        Ok(secret.expose_secret().to_owned())
    }

    fn list(&self) -> Result<(), Error> {
        self.secrets().list().map(drop)
    }

    fn create(&self, key: &str, value: &str) -> Result<(), Error> {
        self.secrets().create(key, value, None).map(drop)
    }

    fn update(&self, key: &str, value: &str) -> Result<(), Error> {
        self.secrets().update(key, value, Expiry::Keep).map(drop)
    }

    fn put(&self, key: &str, value: &str) -> Result<(), Error> {
        self.secrets().put(key, value, None).map(drop)
    }

    fn delete(&self, key: &str) -> Result<(), Error> {
        self.secrets().delete(key)
    }
}

#[cfg(feature = "async")]
mod asynchronous {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::time::Duration;

    use helvetisafe::{AsyncClient, AsyncClock, Clock, Error, Expiry};
    use tokio::runtime::{Builder, Runtime};
    use tokio::task::spawn_blocking;

    use super::{Drive, Parts};
    use crate::clock::DrivenClock;
    use crate::detour::detour;

    /// A client and what it runs on.
    pub(super) struct Driven {
        client: AsyncClient,
        runtime: Runtime,
    }

    impl AsyncClock for DrivenClock {
        fn sleep_async(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            self.sleep(duration);
            Box::pin(std::future::ready(()))
        }
    }

    pub(super) fn connect(parts: Parts) -> Result<Driven, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let builder = AsyncClient::builder(parts.base_url, parts.credentials, parts.key_source)
            .timeouts(parts.timeouts)
            .clock(parts.clock);
        let builder = match parts.detour {
            Some(deeds) => {
                let send = Arc::new(detour(deeds));
                builder.transport(move |request| {
                    let send = Arc::clone(&send);
                    async move { spawn_blocking(move || send(&request)).await.unwrap() }
                })
            }
            None => builder,
        };
        let client = runtime.block_on(builder.connect())?;
        Ok(Driven { client, runtime })
    }

    impl Drive for Driven {
        fn get(&self, key: &str) -> Result<String, Error> {
            let secret = self.runtime.block_on(self.client.secrets().get(key))?;
            Ok(secret.expose_secret().to_owned())
        }

        fn list(&self) -> Result<(), Error> {
            self.runtime
                .block_on(self.client.secrets().list())
                .map(drop)
        }

        fn create(&self, key: &str, value: &str) -> Result<(), Error> {
            let created = self.client.secrets();
            self.runtime
                .block_on(created.create(key, value, None))
                .map(drop)
        }

        fn update(&self, key: &str, value: &str) -> Result<(), Error> {
            let secrets = self.client.secrets();
            self.runtime
                .block_on(secrets.update(key, value, Expiry::Keep))
                .map(drop)
        }

        fn put(&self, key: &str, value: &str) -> Result<(), Error> {
            let secrets = self.client.secrets();
            self.runtime
                .block_on(secrets.put(key, value, None))
                .map(drop)
        }

        fn delete(&self, key: &str) -> Result<(), Error> {
            self.runtime.block_on(self.client.secrets().delete(key))
        }
    }
}
