//! The two clients of a subject.

use helvetisafe::{AsyncClient, AsyncParts, Client, ClientBuilder, Error, Expiry, Secret};
use tokio::runtime::{Builder, Runtime};

/// The operations of a subject with a client.
pub(super) trait Use: Sync {
    fn create(&self, key: &str, value: &str) -> Result<(), Error>;
    fn update(&self, key: &str, value: &str) -> Result<(), Error>;
    fn get(&self, key: &str) -> Result<Secret, Error>;
    fn list(&self) -> Result<(), Error>;
    fn ticket(&self) -> Option<String>;
}

impl Use for Client {
    fn create(&self, key: &str, value: &str) -> Result<(), Error> {
        self.secrets().create(key, value, None).map(drop)
    }

    fn update(&self, key: &str, value: &str) -> Result<(), Error> {
        self.secrets().update(key, value, Expiry::Keep).map(drop)
    }

    fn get(&self, key: &str) -> Result<Secret, Error> {
        self.secrets().get(key)
    }

    fn list(&self) -> Result<(), Error> {
        self.secrets().list().map(drop)
    }

    fn ticket(&self) -> Option<String> {
        self.resumption_ticket().unwrap()
    }
}

/// The asynchronous client and its runtime.
pub(super) struct OnTokio {
    client: AsyncClient,
    runtime: Runtime,
}

impl OnTokio {
    pub(super) fn connect(builder: ClientBuilder<AsyncParts>) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
        let client = runtime.block_on(builder.connect())?;
        Ok(Self { client, runtime })
    }
}

impl Use for OnTokio {
    fn create(&self, key: &str, value: &str) -> Result<(), Error> {
        let secrets = self.client.secrets();
        let created = self.runtime.block_on(secrets.create(key, value, None));
        created.map(drop)
    }

    fn update(&self, key: &str, value: &str) -> Result<(), Error> {
        let secrets = self.client.secrets();
        let updated = secrets.update(key, value, Expiry::Keep);
        self.runtime.block_on(updated).map(drop)
    }

    fn get(&self, key: &str) -> Result<Secret, Error> {
        self.runtime.block_on(self.client.secrets().get(key))
    }

    fn list(&self) -> Result<(), Error> {
        self.runtime
            .block_on(self.client.secrets().list())
            .map(drop)
    }

    fn ticket(&self) -> Option<String> {
        self.client.resumption_ticket().unwrap()
    }
}
