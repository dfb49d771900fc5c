//! One trait for both clients, so that one test covers both.

use helvetisafe::{Client, Error, Expiry, Secret, SecretMetadata, Written};

/// The blocking client or the asynchronous one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// `Client`.
    Blocking,
    /// `AsyncClient`.
    #[cfg(feature = "async")]
    Async,
}

impl ClientKind {
    /// Both kinds.
    pub const ALL: &[Self] = &[
        Self::Blocking,
        #[cfg(feature = "async")]
        Self::Async,
    ];
}

/// The operations of a client. A created secret never expires, and an updated one keeps its expiry.
#[expect(missing_docs, reason = "the methods of `Secrets`")]
pub trait AnyClient: Send + Sync {
    fn get(&self, key: &str) -> Result<Secret, Error>;
    fn list(&self) -> Result<Vec<SecretMetadata>, Error>;
    fn create(&self, key: &str, value: &str) -> Result<SecretMetadata, Error>;
    fn update(&self, key: &str, value: &str) -> Result<SecretMetadata, Error>;
    fn put(&self, key: &str, value: &str) -> Result<SecretMetadata, Error>;
    fn set_field(&self, key: &str, field: &str, value: &str) -> Result<(), Error>;
    fn delete(&self, key: &str) -> Result<(), Error>;
}

impl AnyClient for Client {
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
        self.secrets()
            .put(key, value, None)
            .map(Written::into_metadata)
    }

    fn set_field(&self, key: &str, field: &str, value: &str) -> Result<(), Error> {
        let secrets = self.secrets();
        secrets.set_field(key, field, value, Expiry::Keep).map(drop)
    }

    fn delete(&self, key: &str) -> Result<(), Error> {
        self.secrets().delete(key)
    }
}

#[cfg(feature = "async")]
pub use asynchronous::TokioClient;

#[cfg(feature = "async")]
mod asynchronous {
    use helvetisafe::{
        AsyncClient, AsyncParts, ClientBuilder, Error, Expiry, Secret, SecretMetadata, Written,
    };
    use tokio::runtime::{Builder, Runtime};

    use super::AnyClient;

    /// An asynchronous client with a runtime of its own.
    pub struct TokioClient {
        client: AsyncClient,
        runtime: Runtime,
    }

    impl TokioClient {
        /// Connects on a new runtime.
        pub fn connect(builder: ClientBuilder<AsyncParts>) -> Result<Self, Error> {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let client = runtime.block_on(builder.connect())?;
            Ok(Self { client, runtime })
        }

        fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
            self.runtime.block_on(work)
        }
    }

    impl AnyClient for TokioClient {
        fn get(&self, key: &str) -> Result<Secret, Error> {
            self.block_on(self.client.secrets().get(key))
        }

        fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
            self.block_on(self.client.secrets().list())
        }

        fn create(&self, key: &str, value: &str) -> Result<SecretMetadata, Error> {
            self.block_on(self.client.secrets().create(key, value, None))
        }

        fn update(&self, key: &str, value: &str) -> Result<SecretMetadata, Error> {
            self.block_on(self.client.secrets().update(key, value, Expiry::Keep))
        }

        fn put(&self, key: &str, value: &str) -> Result<SecretMetadata, Error> {
            self.block_on(self.client.secrets().put(key, value, None))
                .map(Written::into_metadata)
        }

        fn set_field(&self, key: &str, field: &str, value: &str) -> Result<(), Error> {
            let secrets = self.client.secrets();
            let set = secrets.set_field(key, field, value, Expiry::Keep);
            self.block_on(set).map(drop)
        }

        fn delete(&self, key: &str) -> Result<(), Error> {
            self.block_on(self.client.secrets().delete(key))
        }
    }
}
