//! The two clients behind one face, so that what holds for one is tested of both.

use helvetisafe::{Client, Error, Expiry, Secret, SecretMetadata};

/// Which client plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Blocking,
    #[cfg(feature = "async")]
    Async,
}

impl Kind {
    pub(crate) const ALL: &[Self] = &[
        Self::Blocking,
        #[cfg(feature = "async")]
        Self::Async,
    ];
}

/// What a client can do.
pub(crate) trait Drive: Send + Sync {
    fn get(&self, key: &str) -> Result<Secret, Error>;
    fn list(&self) -> Result<Vec<SecretMetadata>, Error>;
    fn create(&self, key: &str, value: &str) -> Result<SecretMetadata, Error>;
    fn update(&self, key: &str, value: &str) -> Result<SecretMetadata, Error>;
    fn put(&self, key: &str, value: &str) -> Result<SecretMetadata, Error>;
    fn delete(&self, key: &str) -> Result<(), Error>;
}

impl Drive for Client {
    fn get(&self, key: &str) -> Result<Secret, Error> {
        self.secrets().get(key)
    }

    fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        self.secrets().list()
    }

    fn create(&self, key: &str, value: &str) -> Result<SecretMetadata, Error> {
        self.secrets().create(key, value, None)
    }

    fn update(&self, key: &str, value: &str) -> Result<SecretMetadata, Error> {
        self.secrets().update(key, value, Expiry::Keep)
    }

    fn put(&self, key: &str, value: &str) -> Result<SecretMetadata, Error> {
        self.secrets().put(key, value, None)
    }

    fn delete(&self, key: &str) -> Result<(), Error> {
        self.secrets().delete(key)
    }
}

#[cfg(feature = "async")]
mod asynchronous {
    use helvetisafe::{
        AsyncClient, AsyncParts, ClientBuilder, Error, Expiry, Secret, SecretMetadata,
    };
    use tokio::runtime::{Builder, Runtime};

    use super::Drive;

    /// A client and what it runs on.
    pub(crate) struct OnTokio {
        client: AsyncClient,
        runtime: Runtime,
    }

    impl OnTokio {
        pub(crate) fn connect(builder: ClientBuilder<AsyncParts>) -> Result<Self, Error> {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let client = runtime.block_on(builder.connect())?;
            Ok(Self { client, runtime })
        }

        fn wait<T>(&self, work: impl Future<Output = T>) -> T {
            self.runtime.block_on(work)
        }
    }

    impl Drive for OnTokio {
        fn get(&self, key: &str) -> Result<Secret, Error> {
            self.wait(self.client.secrets().get(key))
        }

        fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
            self.wait(self.client.secrets().list())
        }

        fn create(&self, key: &str, value: &str) -> Result<SecretMetadata, Error> {
            self.wait(self.client.secrets().create(key, value, None))
        }

        fn update(&self, key: &str, value: &str) -> Result<SecretMetadata, Error> {
            self.wait(self.client.secrets().update(key, value, Expiry::Keep))
        }

        fn put(&self, key: &str, value: &str) -> Result<SecretMetadata, Error> {
            self.wait(self.client.secrets().put(key, value, None))
        }

        fn delete(&self, key: &str) -> Result<(), Error> {
            self.wait(self.client.secrets().delete(key))
        }
    }
}

#[cfg(feature = "async")]
pub(crate) use asynchronous::OnTokio;
