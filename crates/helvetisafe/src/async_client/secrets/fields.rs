//! Writes of multi-field secrets.

use helvetisafe_crypto::FieldValue;
use helvetisafe_proto::Version;

use super::AsyncSecrets;
use crate::error::Error;
use crate::expiry::Expiry;
use crate::operations::fields::field_values;
use crate::secret::{SecretMetadata, Written};

impl AsyncSecrets<'_> {
    /// As [`Secrets::create_fields`](crate::Secrets::create_fields).
    ///
    /// ```no_run
    /// use helvetisafe::FieldValue;
    ///
    /// # async fn example(secrets: helvetisafe::AsyncSecrets<'_>) -> Result<(), Box<dyn std::error::Error>> {
    /// secrets.create_fields("api", &[("user", "app"), ("password", "s3cr3t")], None).await?;
    ///
    /// let fields = [
    ///     ("host", FieldValue::from("smtp.example")),
    ///     ("port", 587.into()),
    ///     ("tags", FieldValue::json(r#"["a", "b"]"#)?),
    /// ];
    /// secrets.create_fields("smtp", &fields, None).await?;
    ///
    /// let smtp = secrets.get("smtp").await?;
    /// let copied: Vec<_> = smtp.fields().iter().map(|it| (it.name(), it)).collect();
    /// secrets.create_fields("smtp2", &copied, None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::create_fields`](crate::Secrets::create_fields).
    pub async fn create_fields<'f, V: Clone + Into<FieldValue<'f>> + Sync>(
        &self,
        key: impl AsRef<str> + Send,
        fields: &[(&str, V)],
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .create_fields(key.as_ref(), &field_values(fields), expiry.into())
            .await
    }

    /// As [`Secrets::update_fields`](crate::Secrets::update_fields).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let fields = [("user", "app"), ("password", "n3w-v@lue")];
    /// client.secrets().update_fields("smtp", &fields, None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::update_fields`](crate::Secrets::update_fields).
    pub async fn update_fields<'f, V: Clone + Into<FieldValue<'f>> + Sync>(
        &self,
        key: impl AsRef<str> + Send,
        fields: &[(&str, V)],
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .update_fields(key.as_ref(), &field_values(fields), expiry.into())
            .await
    }

    /// As [`Secrets::update_fields_if_unchanged`](crate::Secrets::update_fields_if_unchanged).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let secrets = client.secrets();
    /// let read = secrets.get("smtp").await?;
    /// let used = read.fields().iter().filter(|it| it.name() != "unused");
    /// let used: Vec<_> = used.map(|it| (it.name(), it)).collect();
    /// secrets.update_fields_if_unchanged("smtp", read.version(), &used, None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::update_fields_if_unchanged`](crate::Secrets::update_fields_if_unchanged).
    pub async fn update_fields_if_unchanged<'f, V: Clone + Into<FieldValue<'f>> + Sync>(
        &self,
        key: impl AsRef<str> + Send,
        version: Option<&Version>,
        fields: &[(&str, V)],
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        let fields = field_values(fields);
        self.0
            .begin()
            .update_fields_if_unchanged(key.as_ref(), version, &fields, expiry.into())
            .await
    }

    /// As [`Secrets::set_field`](crate::Secrets::set_field).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// client.secrets().set_field("SMTP", "port", 587, None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::set_field`](crate::Secrets::set_field).
    pub async fn set_field<'f>(
        &self,
        key: impl AsRef<str> + Send,
        field: &str,
        value: impl Into<FieldValue<'f>> + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<Written, Error> {
        self.0
            .begin()
            .set_field(key.as_ref(), field, value.into(), expiry.into())
            .await
    }

    /// As [`Secrets::update_field`](crate::Secrets::update_field).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// client.secrets().update_field("SMTP", "password", "s3cr3t-v@lue", None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Secrets::update_field`](crate::Secrets::update_field).
    pub async fn update_field<'f>(
        &self,
        key: impl AsRef<str> + Send,
        field: &str,
        value: impl Into<FieldValue<'f>> + Send,
        expiry: impl Into<Expiry> + Send,
    ) -> Result<SecretMetadata, Error> {
        self.0
            .begin()
            .update_field(key.as_ref(), field, value.into(), expiry.into())
            .await
    }
}
