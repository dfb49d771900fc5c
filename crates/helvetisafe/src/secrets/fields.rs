//! Writes of multi-field secrets.

use helvetisafe_crypto::FieldValue;
use helvetisafe_proto::Version;

use super::Secrets;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::expiry::Expiry;
use crate::operations::fields::field_values;
use crate::runtime::blocking::block;
use crate::secret::{SecretMetadata, Written};

impl Secrets<'_> {
    /// Encrypts and stores a new multi-field secret from names and values, in this order. Without an
    /// `expiry` it never expires. Needs the scope `secrets:write`.
    ///
    /// A value is a text, a number, a boolean, or any JSON: see [`FieldValue`]. A `&Field` of another secret keeps
    /// its type.
    ///
    /// ```
    /// use helvetisafe::FieldValue;
    ///
    /// # fn write(secrets: helvetisafe::Secrets<'_>) -> Result<(), Box<dyn std::error::Error>> {
    /// secrets.create_fields("api", &[("user", "app"), ("password", "s3cr3t")], None)?;
    ///
    /// let fields = [
    ///     ("host", FieldValue::from("smtp.example")),
    ///     ("port", 587.into()),
    ///     ("tags", FieldValue::json(r#"["a", "b"]"#)?),
    /// ];
    /// secrets.create_fields("smtp", &fields, None)?;
    ///
    /// let smtp = secrets.get("smtp")?;
    /// let copied: Vec<_> = smtp.fields().iter().map(|it| (it.name(), it)).collect();
    /// secrets.create_fields("smtp2", &copied, None)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::create`]; [`ErrorKind::Config`] also when a field has the name of the secret,
    /// since it would then be read as a single value.
    pub fn create_fields<'f, V: Clone + Into<FieldValue<'f>>>(
        &self,
        key: impl AsRef<str>,
        fields: &[(&str, V)],
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        block(
            self.0
                .begin()
                .create_fields(key.as_ref(), &field_values(fields), expiry.into()),
        )
    }

    /// Encrypts and stores new fields for an existing secret, in place of its whole content; the values are those
    /// of [`Self::create_fields`]. Needs the scope `secrets:write`.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let fields = [("user", "app"), ("password", "n3w-v@lue")];
    /// client.secrets().update_fields("smtp", &fields, None)?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::update`]; [`ErrorKind::Config`] also when a field has the name of the secret.
    pub fn update_fields<'f, V: Clone + Into<FieldValue<'f>>>(
        &self,
        key: impl AsRef<str>,
        fields: &[(&str, V)],
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        block(
            self.0
                .begin()
                .update_fields(key.as_ref(), &field_values(fields), expiry.into()),
        )
    }

    /// Encrypts and stores new fields like [`Self::update_fields`], but only if the secret still has this version.
    /// The version is as in [`Self::update_if_unchanged`].
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let secrets = client.secrets();
    /// let read = secrets.get("smtp")?;
    /// let used = read.fields().iter().filter(|it| it.name() != "unused");
    /// let used: Vec<_> = used.map(|it| (it.name(), it)).collect();
    /// secrets.update_fields_if_unchanged("smtp", read.version(), &used, None)?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::update_fields`] and [`Self::update_if_unchanged`].
    pub fn update_fields_if_unchanged<'f, V: Clone + Into<FieldValue<'f>>>(
        &self,
        key: impl AsRef<str>,
        version: Option<&Version>,
        fields: &[(&str, V)],
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        let (operation, fields) = (self.0.begin(), field_values(fields));
        block(operation.update_fields_if_unchanged(key.as_ref(), version, &fields, expiry.into()))
    }

    /// Sets one field of a multi-field secret, to a value as in [`Self::create_fields`], and leaves the others
    /// unchanged; creates the secret with this one
    /// field if there is none. Needs the scopes `secrets:read` and `secrets:write`.
    ///
    /// It reads, changes and writes, and does so again if another client wrote in between, up to 16 times and
    /// within the time of the operation. A vault that gives no versions cannot check that: there, of two
    /// concurrent calls, the later one wins, and the field of the other may be lost. A secret whose only field
    /// is another one with the name of a key is refused as by [`Self::get`]: write all fields with
    /// [`Self::update_fields`], or accept it with
    /// [`ClientBuilder::allow_unbound`](crate::ClientBuilder::allow_unbound).
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// client.secrets().set_field("SMTP", "port", 587, None)?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::get`], [`Self::create`] and [`Self::update`]; [`ErrorKind::Changed`] or
    /// [`ErrorKind::Conflict`] when other clients were faster every time; [`ErrorKind::Conflict`] also when the
    /// secret is a single value; [`ErrorKind::Config`] when the field has no name, or that of the secret,
    /// since it would then be read as a single value.
    pub fn set_field<'f>(
        &self,
        key: impl AsRef<str>,
        field: &str,
        value: impl Into<FieldValue<'f>>,
        expiry: impl Into<Expiry>,
    ) -> Result<Written, Error> {
        block(
            self.0
                .begin()
                .set_field(key.as_ref(), field, value.into(), expiry.into()),
        )
    }

    /// Sets one field as [`Self::set_field`], but only of a secret that exists. Needs the scopes `secrets:read` and
    /// `secrets:write`.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// client.secrets().update_field("SMTP", "password", "s3cr3t-v@lue", None)?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::set_field`]; [`ErrorKind::NotFound`] when there is no such secret.
    pub fn update_field<'f>(
        &self,
        key: impl AsRef<str>,
        field: &str,
        value: impl Into<FieldValue<'f>>,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        let operation = self.0.begin();
        block(operation.update_field(key.as_ref(), field, value.into(), expiry.into()))
    }
}
