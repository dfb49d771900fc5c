use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// Text that can be written as the value of a secret: `&str`, `String`, [`SecretString`],
/// `Zeroizing<String>`, and references to them.
///
/// An application can implement it for a secret type of its own.
///
/// ```no_run
/// use helvetisafe::{SecretString, SecretText};
///
/// struct Password(SecretString);
///
/// impl SecretText for Password {
///     fn expose_text(&self) -> &str {
///         self.0.expose_text()
///     }
/// }
///
/// # let client = helvetisafe::Client::from_env()?;
/// let password = Password("s3cr3t-v@lue".into());
/// client.secrets().put("database_password", &password, None)?;
/// client.secrets().put("copied_password", &password.0, None)?;
/// # Ok::<(), helvetisafe::Error>(())
/// ```
pub trait SecretText {
    /// Returns the text.
    fn expose_text(&self) -> &str;
}

impl<T: SecretText + ?Sized> SecretText for &T {
    fn expose_text(&self) -> &str {
        (**self).expose_text()
    }
}

impl SecretText for SecretString {
    fn expose_text(&self) -> &str {
        self.expose_secret()
    }
}

macro_rules! plain_text {
    ($($type:ty),+) => {$(
        impl SecretText for $type {
            fn expose_text(&self) -> &str {
                self
            }
        }
    )+};
}

plain_text!(str, String, Box<str>, Cow<'_, str>, Zeroizing<String>);
