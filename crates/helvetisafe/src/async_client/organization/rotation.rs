//! The rotation of the org key.

use helvetisafe_proto::endpoint::organization::{RotationId, RotationState};

use super::AsyncOrganization;
use crate::administration::{Administrator, NewOrgKey, Rotated, RotationCheck, RotationProgress};
use crate::error::Error;

impl AsyncOrganization<'_> {
    /// As [`Organization::rotate`](crate::organization::Organization::rotate). A future that is dropped leaves a rotation that
    /// the same call resumes.
    ///
    /// ```no_run
    /// use helvetisafe::organization::{Administrator, NewOrgKey};
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// # let (signing_key, anchor) = unimplemented!();
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// let new = NewOrgKey::generate()?;
    /// // Store `new` here.
    /// let rotated = client.organization().rotate(&administrator, &new, |progress| {
    ///     eprintln!("{} secrets are left", progress.remaining);
    /// })
    /// .await?;
    /// println!("the org key has the number {}", rotated.key_epoch);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::rotate`](crate::organization::Organization::rotate).
    pub async fn rotate(
        &self,
        administrator: &Administrator<'_>,
        new: &NewOrgKey,
        progress: impl FnMut(RotationProgress) + Send,
    ) -> Result<Rotated, Error> {
        self.0.rotate(administrator, new, progress).await
    }

    /// As [`Organization::wrap_new_key`](crate::organization::Organization::wrap_new_key).
    ///
    /// ```no_run
    /// use helvetisafe::organization::NewOrgKey;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// # let anchor = unimplemented!();
    /// let chain = client.organization().follow(&anchor).await?;
    /// let new = NewOrgKey::generate()?;
    /// let wrapped = client.organization().wrap_new_key(&new)?;
    /// let made_at = Some(chain.head().sequence);
    /// // Store `new.id`, `wrapped` and `made_at`. After an interruption:
    /// let mut same = client.organization().unwrap_new_key(new.id, &wrapped).await?;
    /// same.made_at = made_at;
    /// # drop(same);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::wrap_new_key`](crate::organization::Organization::wrap_new_key).
    pub fn wrap_new_key(&self, new: &NewOrgKey) -> Result<String, Error> {
        self.0.begin().wrap_new_key(new)
    }

    /// As [`Organization::unwrap_new_key`](crate::organization::Organization::unwrap_new_key).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let wrapped = std::fs::read_to_string("new-org-key")?;
    /// let new = client.organization().unwrap_new_key("00000000000000ff".parse()?, &wrapped).await?;
    /// # drop(new);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::unwrap_new_key`](crate::organization::Organization::unwrap_new_key).
    pub async fn unwrap_new_key(&self, id: RotationId, wrapped: &str) -> Result<NewOrgKey, Error> {
        self.0.begin().unwrap_new_key(id, wrapped).await
    }

    /// As [`Organization::check_rotation`](crate::organization::Organization::check_rotation).
    ///
    /// # Errors
    ///
    /// As [`Organization::check_rotation`](crate::organization::Organization::check_rotation).
    pub async fn check_rotation(
        &self,
        administrator: &Administrator<'_>,
    ) -> Result<RotationCheck, Error> {
        self.0.begin().check_rotation(administrator).await
    }

    /// As [`Organization::rotation`](crate::organization::Organization::rotation).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// if let Some(rotation) = client.organization().rotation().await? {
    ///     println!("{} began {}", rotation.started_by, rotation.id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::rotation`](crate::organization::Organization::rotation).
    pub async fn rotation(&self) -> Result<Option<RotationState>, Error> {
        self.0.begin().rotation().await
    }

    /// As [`Organization::remaining_secrets`](crate::organization::Organization::remaining_secrets).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let organization = client.organization();
    /// if let Some(rotation) = organization.rotation().await? {
    ///     println!("{} secrets are left", organization.remaining_secrets(rotation.id).await?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::remaining_secrets`](crate::organization::Organization::remaining_secrets).
    pub async fn remaining_secrets(&self, id: RotationId) -> Result<u64, Error> {
        self.0.begin().remaining_secrets(id).await
    }

    /// As [`Organization::abandon_rotation`](crate::organization::Organization::abandon_rotation).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// if let Some(rotation) = client.organization().rotation().await? {
    ///     client.organization().abandon_rotation(rotation.id).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::abandon_rotation`](crate::organization::Organization::abandon_rotation).
    pub async fn abandon_rotation(&self, id: RotationId) -> Result<(), Error> {
        self.0.begin().abandon_rotation(id).await
    }
}
