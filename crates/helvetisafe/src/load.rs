//! Loads many secrets into typed values, such as the settings of a service.
//!
//! Each function names a secret and the type to read it as. Tuples of two to twelve of them, and tuples of
//! tuples, are loaded together: all secrets at once, each only once, and every problem is reported in one
//! [`LoadError`]. [`Load::map`] makes a type of the application from a tuple.
//!
//! ```no_run
//! use helvetisafe::load::{self, Load};
//! use helvetisafe::{Client, SecretSlice, SecretString};
//!
//! struct Settings {
//!     database: Database,
//!     debug: bool,
//!     sentry: Option<SecretString>,
//!     keystore: SecretSlice<u8>,
//! }
//!
//! struct Database {
//!     host: String,
//!     port: u16,
//!     password: SecretString,
//! }
//!
//! fn database() -> impl Load<Output = Database> {
//!     (
//!         load::text("db_host"),
//!         load::parse("db_port").or(5432),
//!         // One field of a multi-field secret.
//!         load::secret("DATABASE").field("DB_PASS"),
//!     )
//!         .map(|(host, port, password)| Database { host, port, password })
//! }
//!
//! fn settings() -> impl Load<Output = Settings> {
//!     (
//!         database(),
//!         load::boolean("debug").or(false),
//!         load::secret("sentry_dsn").optional(),
//!         load::bytes("keystore"),
//!     )
//!         .map(|(database, debug, sentry, keystore)| Settings { database, debug, sentry, keystore })
//! }
//!
//! let client = Client::from_env()?;
//! let settings = client.secrets().load(settings())?;
//! println!("{}:{}", settings.database.host, settings.database.port);
//! # let _ = (settings.database.password, settings.debug, settings.sentry, settings.keystore);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decode;
mod error;
mod plan;
mod value;

use std::fmt;

pub use error::{LoadError, Problem};
pub(crate) use plan::{Requests, finish};
#[cfg(feature = "serde")]
pub use value::json;
pub use value::{Optional, Or, Value, boolean, bytes, parse, secret, text};

use plan::{Found, Plan};

#[cfg(feature = "async")]
use crate::store::AsyncSecretStore;
use crate::store::SecretStore;

/// Values to load together: a [`Value`], its variants with [`Value::optional`] and [`Value::or`], a tuple of
/// such values, or what [`Load::map`] makes of one.
///
/// The crate implements it; an application cannot.
pub trait Load: Plan<<Self as Load>::Output> + Sized {
    /// The type of the loaded values.
    type Output;

    /// Makes another type from the values, once all of them are loaded.
    ///
    /// ```
    /// use helvetisafe::load::{self, Load};
    ///
    /// struct Login {
    ///     user: String,
    ///     password: helvetisafe::SecretString,
    /// }
    ///
    /// fn login() -> impl Load<Output = Login> {
    ///     (load::text("smtp_user"), load::secret("smtp_password"))
    ///         .map(|(user, password)| Login { user, password })
    /// }
    /// # let _ = login().map(|login| (login.user, login.password));
    /// ```
    fn map<U, F: FnOnce(Self::Output) -> U>(self, make: F) -> Map<Self, F> {
        Map { values: self, make }
    }

    /// Loads the values from a store, such as the `MemoryStore` of a test.
    ///
    /// ```
    /// use helvetisafe::SecretStore;
    /// use helvetisafe::load::{self, Load, LoadError};
    ///
    /// fn port(store: &dyn SecretStore) -> Result<u16, LoadError> {
    ///     load::parse("db_port").or(5432).load_from(store)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::load`](crate::Secrets::load).
    fn load_from<S: SecretStore + ?Sized>(self, store: &S) -> Result<Self::Output, LoadError> {
        let requests = Requests::of(&self);
        let outcomes = store.get_many_with_fields(&requests.list());
        finish(self, requests, outcomes)
    }

    /// Loads the values from an asynchronous store.
    ///
    /// ```
    /// use helvetisafe::AsyncSecretStore;
    /// use helvetisafe::load::{self, Load, LoadError};
    ///
    /// async fn port(store: &dyn AsyncSecretStore) -> Result<u16, LoadError> {
    ///     load::parse("db_port").or(5432).load_from_async(store).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::load`](crate::Secrets::load).
    #[cfg(feature = "async")]
    fn load_from_async<S: AsyncSecretStore + ?Sized>(
        self,
        store: &S,
    ) -> impl Future<Output = Result<Self::Output, LoadError>> + Send
    where
        Self: Send,
    {
        async move {
            let requests = Requests::of(&self);
            let outcomes = store.get_many_with_fields(&requests.list()).await;
            finish(self, requests, outcomes)
        }
    }
}

/// Values that become another type; from [`Load::map`].
#[must_use = "it is loaded by `Secrets::load`"]
pub struct Map<L, F> {
    values: L,
    make: F,
}

impl<L: fmt::Debug, F> fmt::Debug for Map<L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("values", &self.values)
            .finish_non_exhaustive()
    }
}

impl<U, L: Load, F: FnOnce(L::Output) -> U> Load for Map<L, F> {
    type Output = U;
}

impl<U, L: Load, F: FnOnce(L::Output) -> U> Plan<U> for Map<L, F> {
    fn add_to(&self, requests: &mut Requests) {
        self.values.add_to(requests);
    }

    fn read(self, found: &mut Found) -> Option<U> {
        self.values.read(found).map(self.make)
    }
}

/// Reads all members before it returns, so that every problem is reported.
macro_rules! tuples {
    ($first:ident $($name:ident)+) => {
        impl<$first: Load, $($name: Load),+> Load for ($first, $($name),+) {
            type Output = ($first::Output, $($name::Output),+);
        }

        #[allow(non_snake_case, reason = "a value has the name of its type")]
        impl<$first: Load, $($name: Load),+> Plan<($first::Output, $($name::Output),+)>
            for ($first, $($name),+)
        {
            fn add_to(&self, requests: &mut Requests) {
                let ($first, $($name),+) = self;
                $first.add_to(requests);
                $($name.add_to(requests);)+
            }

            fn read(self, found: &mut Found) -> Option<($first::Output, $($name::Output),+)> {
                let ($first, $($name),+) = self;
                let $first = $first.read(found);
                $(let $name = $name.read(found);)+
                Some(($first?, $($name?),+))
            }
        }
    };
}

tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);
