//! Creating a secret once, also where the answer is lost: what reading the secret back finds decides.

use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::{CreateSecret, NewSecret, SecretRecord};
use helvetisafe_proto::retry::BackOff;
use jiff::Timestamp;

use super::{Operations, Sealed};
use crate::driver::Driver;
use crate::error::{Action, Cause, Error, ErrorKind};
use crate::secret::SecretMetadata;
use crate::session::{Attempts, Deadline};

/// What reading a secret back tells about a create that brought no success.
enum ReadBack {
    /// It holds the very nonce that was sent.
    Created(SecretRecord),
    /// Somebody else's secret has the name.
    Foreign,
    /// There is none.
    Absent,
    /// It could not be read.
    Unknown,
}

impl<D: Driver> Operations<'_, D> {
    pub(super) async fn create_within(
        &self,
        key: KeyName,
        plaintext: &[u8],
        expires_at: Option<Timestamp>,
        deadline: Deadline,
    ) -> Result<SecretMetadata, Error> {
        let sent = self.send_create(key.clone(), plaintext, expires_at, deadline);
        self.write(&key, plaintext, expires_at, sent).await
    }

    async fn send_create(
        &self,
        key: KeyName,
        plaintext: &[u8],
        expires_at: Option<Timestamp>,
        deadline: Deadline,
    ) -> Result<SecretMetadata, Error> {
        let action = Action::Create(key.clone());
        let Sealed { value, nonce } = self.seal(&action, plaintext)?;
        let call = CreateSecret {
            secret: NewSecret {
                key: key.clone(),
                value,
                nonce,
                expires_at,
            },
        };
        let session = &self.0.session;
        let mut attempts = session.attempts();
        loop {
            let outcome = session
                .call_with(&call, action.clone(), deadline, &mut attempts)
                .await;
            let error = match outcome {
                Ok(answer) => {
                    let (created_at, expires_at) = (answer.created_at, answer.expires_at);
                    return Ok(SecretMetadata::written(key, created_at, None, expires_at));
                }
                Err(error) => error,
            };
            let settled = self.settle(&call.secret, error, deadline, &mut attempts);
            if let Some(record) = settled.await? {
                return Ok(SecretMetadata::written(key, None, None, record.expires_at));
            }
        }
    }

    /// What comes of a create after an attempt that brought no success: the secret, where it was
    /// created nevertheless; `None`, after a wait, where it may be sent again.
    async fn settle(
        &self,
        sent: &NewSecret,
        error: Error,
        deadline: Deadline,
        attempts: &mut Attempts,
    ) -> Result<Option<SecretRecord>, Error> {
        let is_unknown = attempts.asks_to_read_back();
        let may_be_its_own = error.kind() == ErrorKind::Conflict && attempts.may_have_acted();
        if !is_unknown && !may_be_its_own {
            return Err(error);
        }
        let action = Action::Create(sent.key.clone());
        match self.read_back(sent, deadline).await {
            ReadBack::Created(record) => return Ok(Some(record)),
            ReadBack::Foreign if may_be_its_own => return Err(error),
            ReadBack::Foreign => return Err(Error::new(action, Cause::Exists)),
            ReadBack::Unknown => return Err(error.into_ambiguous(action)),
            ReadBack::Absent => {}
        }
        let session = &self.0.session;
        let again = is_unknown
            && session
                .pause(BackOff::Normal, None, deadline, attempts)
                .await;
        if again { Ok(None) } else { Err(error) }
    }

    async fn read_back(&self, sent: &NewSecret, deadline: Deadline) -> ReadBack {
        match self.read(&sent.key, deadline).await {
            Ok(record) if record.nonce == sent.nonce => ReadBack::Created(record),
            Ok(_) => ReadBack::Foreign,
            Err(error) if error.kind() == ErrorKind::NotFound => ReadBack::Absent,
            Err(_) => ReadBack::Unknown,
        }
    }
}
