mod copy;
mod fields;

use helvetisafe_crypto::{Envelope, OrgKey, Payload};
use helvetisafe_proto::endpoint::{
    CreateSecret, DeleteSecret, Expiry, GetSecret, ListSecrets, NewSecret, SecretRecord,
    SecretUpdate, UpdateSecret,
};
use helvetisafe_proto::retry::BackOff;
use helvetisafe_proto::{ApiError, KeyName};
use http::{Response, StatusCode};
use jiff::Timestamp;

use crate::client::Inner;
use crate::error::{Action, Cause, Error, ErrorKind};
use crate::secret::{Secret, SecretMetadata};
use crate::session::Deadline;

/// What an answer with a secret holds besides its ciphertext, generously.
const RECORD_OVERHEAD: usize = 1024;

/// The operations on secrets; from [`Client::secrets`](crate::Client::secrets).
///
/// Every operation has one deadline for all it does: its access token, its waits and its
/// repetitions. Names are 1 to 255 ASCII letters, digits and underscores; any other is refused
/// before anything is sent, with [`ErrorKind::Config`].
///
/// Besides the errors that each operation names, all can fail with [`ErrorKind::Auth`],
/// [`ErrorKind::Forbidden`], [`ErrorKind::RateLimited`], [`ErrorKind::Api`] and
/// [`ErrorKind::Transport`].
#[derive(Clone, Copy)]
pub struct Secrets<'a>(&'a Inner);

/// What reading a secret back tells about a create whose answer was lost.
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

impl<'a> Secrets<'a> {
    pub(crate) fn new(inner: &'a Inner) -> Self {
        Self(inner)
    }

    /// Reads and decrypts a secret. Needs the scope `secrets:read`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none of that name; [`ErrorKind::Crypto`] when it does
    /// not open, also not under an org key that was rotated meanwhile, when what is inside is no
    /// text, or when it has to name its key and does not.
    pub fn get(&self, key: impl AsRef<str>) -> Result<Secret, Error> {
        self.get_within(parse(key)?, self.0.session.deadline())
    }

    /// Encrypts and stores a new secret, which is gone after `expires_at`, if given. Needs the
    /// scope `secrets:write`.
    ///
    /// It happens once: when the answer is lost, the secret is read back, and its nonce tells
    /// whether it is the one that was sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when the name exists; [`ErrorKind::Ambiguous`] when the answer was
    /// lost and the secret cannot be read back; [`ErrorKind::Config`] when the value is too large
    /// to be read again.
    pub fn create(
        &self,
        key: impl AsRef<str>,
        value: &str,
        expires_at: impl Into<Option<Timestamp>>,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        let plaintext = Payload::encode(key.as_str(), value);
        self.create_within(
            key,
            &plaintext,
            expires_at.into(),
            self.0.session.deadline(),
        )
    }

    /// Encrypts and stores a new value for a secret that exists. Needs the scope `secrets:write`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none of that name; [`ErrorKind::Ambiguous`] when the
    /// answer was lost every time; [`ErrorKind::Config`] when the value is too large to be read
    /// again.
    pub fn update(
        &self,
        key: impl AsRef<str>,
        value: &str,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        let plaintext = Payload::encode(key.as_str(), value);
        self.update_within(key, &plaintext, expiry.into(), self.0.session.deadline())
    }

    /// Creates the secret, or updates it if it exists. Without `expires_at` a secret that exists
    /// keeps its expiry. Needs the scope `secrets:write`.
    ///
    /// # Errors
    ///
    /// As [`Self::create`] and [`Self::update`]; [`ErrorKind::Conflict`] only when others create
    /// and delete the same name meanwhile.
    pub fn put(
        &self,
        key: impl AsRef<str>,
        value: &str,
        expires_at: impl Into<Option<Timestamp>>,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        let expiry = expires_at.into().map_or(Expiry::Keep, Expiry::At);
        let plaintext = Payload::encode(key.as_str(), value);
        self.put_within(&key, &plaintext, expiry, self.0.session.deadline())
    }

    /// Deletes a secret. Needs the scope `secrets:delete`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none of that name; [`ErrorKind::Ambiguous`] when the
    /// answer was lost every time.
    pub fn delete(&self, key: impl AsRef<str>) -> Result<(), Error> {
        let key = parse(key)?;
        let session = &self.0.session;
        let mut attempts = session.attempts();
        let call = DeleteSecret { key: key.clone() };
        match session.call_with(
            &call,
            Action::Delete(key),
            session.deadline(),
            &mut attempts,
        ) {
            // It was there, and an earlier attempt deleted it.
            Err(error) if error.kind() == ErrorKind::NotFound && attempts.may_have_acted() => {
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// The names and dates of all secrets, in the vault's order. Needs the scope `secrets:list`.
    ///
    /// # Errors
    ///
    /// Those that all operations have.
    pub fn list(&self) -> Result<Vec<SecretMetadata>, Error> {
        let session = &self.0.session;
        let listed = session.call(&ListSecrets, Action::List, session.deadline())?;
        Ok(listed.into_iter().map(SecretMetadata::from).collect())
    }

    /// Whether there is a secret of that name. Needs the scope `secrets:read`; decrypts nothing.
    ///
    /// # Errors
    ///
    /// Those that all operations have.
    pub fn exists(&self, key: impl AsRef<str>) -> Result<bool, Error> {
        match self.read(&parse(key)?, self.0.session.deadline()) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn get_within(&self, key: KeyName, deadline: Deadline) -> Result<Secret, Error> {
        let record = self.read(&key, deadline)?;
        let payload = self.open(&key, &record, deadline)?;
        let secret = Secret::new(key.clone(), payload, record.expires_at);
        if self.0.require_binding && !secret.is_bound() {
            return Err(Error::new(Action::Get(key), Cause::NotBound));
        }
        Ok(secret)
    }

    fn read(&self, key: &KeyName, deadline: Deadline) -> Result<SecretRecord, Error> {
        let call = GetSecret { key: key.clone() };
        self.0
            .session
            .call(&call, Action::Get(key.clone()), deadline)
    }

    /// Decrypts a record; where it does not open, once more under the org key as it is now.
    fn open(
        &self,
        key: &KeyName,
        record: &SecretRecord,
        deadline: Deadline,
    ) -> Result<Payload, Error> {
        let failed = |error| Error::new(Action::Get(key.clone()), Cause::Crypto(error));
        let org_key = self.0.org_key();
        match open_with(&org_key, key, record) {
            Err(helvetisafe_crypto::Error::Decryption) => {}
            outcome => return outcome.map_err(failed),
        }
        match self.0.rotated_org_key(&org_key, deadline)? {
            Some(new) => {
                let payload = open_with(&new, key, record).map_err(failed)?;
                self.0.keep_org_key(new);
                Ok(payload)
            }
            None => Err(failed(helvetisafe_crypto::Error::Decryption)),
        }
    }

    /// Encrypts a payload; refuses one that could be written but not read back.
    fn seal(&self, action: &Action, plaintext: &[u8]) -> Result<Sealed, Error> {
        let envelope = self.0.org_key().seal(plaintext);
        let envelope = envelope.map_err(|error| Error::new(action.clone(), error))?;
        let sealed = Sealed {
            value: envelope.encode_value(),
            nonce: envelope.encode_nonce(),
        };
        let (length, limit) = (sealed.value.len(), self.0.session.limits.secret);
        if length + RECORD_OVERHEAD > limit {
            return Err(Error::new(
                action.clone(),
                Cause::TooLarge { length, limit },
            ));
        }
        Ok(sealed)
    }

    fn update_within(
        &self,
        key: KeyName,
        plaintext: &[u8],
        expires_at: Expiry,
        deadline: Deadline,
    ) -> Result<SecretMetadata, Error> {
        let action = Action::Update(key.clone());
        let Sealed { value, nonce } = self.seal(&action, plaintext)?;
        let update = SecretUpdate {
            value,
            nonce,
            expires_at,
        };
        let call = UpdateSecret {
            key: key.clone(),
            update,
        };
        let answer = self.0.session.call(&call, action, deadline)?;
        Ok(SecretMetadata::written(
            key,
            None,
            answer.updated_at,
            answer.expires_at,
        ))
    }

    fn put_within(
        &self,
        key: &KeyName,
        plaintext: &[u8],
        expiry: Expiry,
        deadline: Deadline,
    ) -> Result<SecretMetadata, Error> {
        let update = || self.update_within(key.clone(), plaintext, expiry, deadline);
        match update() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            outcome => return outcome,
        }
        let expires_at = match expiry {
            Expiry::At(at) => Some(at),
            Expiry::Keep | Expiry::Never => None,
        };
        match self.create_within(key.clone(), plaintext, expires_at, deadline) {
            // Somebody created it between the two.
            Err(error) if error.kind() == ErrorKind::Conflict => update(),
            outcome => outcome,
        }
    }

    fn create_within(
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
            let outcome = session.call_with(&call, action.clone(), deadline, &mut attempts);
            let error = match outcome {
                Ok(answer) => {
                    let (created_at, expires_at) = (answer.created_at, answer.expires_at);
                    return Ok(SecretMetadata::written(key, created_at, None, expires_at));
                }
                Err(error) => error,
            };
            let lost = attempts.asks_to_read_back();
            let own_conflict = error.kind() == ErrorKind::Conflict && attempts.may_have_acted();
            if !lost && !own_conflict {
                return Err(error);
            }
            match self.read_back(&call.secret, deadline) {
                ReadBack::Created(record) => {
                    return Ok(SecretMetadata::written(key, None, None, record.expires_at));
                }
                ReadBack::Foreign => return Err(conflict(action)),
                ReadBack::Unknown => return Err(error.into_ambiguous(action)),
                ReadBack::Absent => {
                    if !lost || !session.pause(BackOff::Normal, None, deadline, &mut attempts) {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn read_back(&self, sent: &NewSecret, deadline: Deadline) -> ReadBack {
        match self.read(&sent.key, deadline) {
            Ok(record) if record.nonce == sent.nonce => ReadBack::Created(record),
            Ok(_) => ReadBack::Foreign,
            Err(error) if error.kind() == ErrorKind::NotFound => ReadBack::Absent,
            Err(_) => ReadBack::Unknown,
        }
    }
}

/// The two base64 texts of an envelope.
struct Sealed {
    value: String,
    nonce: String,
}

fn parse(key: impl AsRef<str>) -> Result<KeyName, Error> {
    KeyName::parse(key.as_ref()).map_err(Error::config)
}

fn open_with(
    org_key: &OrgKey,
    key: &KeyName,
    record: &SecretRecord,
) -> Result<Payload, helvetisafe_crypto::Error> {
    let envelope = Envelope::decode(&record.value, &record.nonce)?;
    Payload::parse(org_key.open(envelope)?, key.as_str())
}

fn conflict(action: Action) -> Error {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::CONFLICT;
    Error::new(action, ApiError::from_response(&response))
}
