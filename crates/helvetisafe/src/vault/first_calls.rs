//! The calls of a client that connects, at the same time: they need nothing but the access token.
//!
//! A password unlocks the private key as soon as that key arrives. Unlocking takes longer than a fetch, so the
//! last secret waits for one of the other connections, and needs none of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use helvetisafe_crypto::{EncodedLockedKey, LockedPrivateKey, WrappedOrgKey};
use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::{GetOrgKey, GetPrivateKey, GetSecret, SecretRecord};
use secrecy::SecretString;

use crate::api::Api;
use crate::bounds::Bounds;
use crate::clock::Deadline;
use crate::error::{Action, Error};
use crate::keys::AccountKey;
use crate::runtime::{Boxed, Runtime};

/// A call of a client that connects.
pub(super) enum FirstCall {
    PrivateKey(Unlock),
    OrgKey,
    Secret(KeyName),
}

/// The means to unlock the private key.
#[derive(Clone)]
pub(super) struct Unlock {
    pub(super) password: SecretString,
    /// The unlocked key of a ticket, which serves if the vault still stores the same one.
    pub(super) known: Option<AccountKey>,
}

/// The answers to the calls that were made.
#[derive(Default)]
pub(super) struct FirstAnswers {
    pub(super) private_key: Option<AccountKey>,
    pub(super) org_key: Option<FetchedOrgKey>,
    pub(super) secrets: Vec<(KeyName, Result<SecretRecord, Error>)>,
}

/// The org key that the vault has now.
pub(super) struct FetchedOrgKey {
    pub(super) wrapped: WrappedOrgKey,
    /// Its number, if the vault counts them.
    pub(super) epoch: Option<u64>,
}

enum Answer {
    PrivateKey(AccountKey),
    OrgKey(FetchedOrgKey),
    Secret(KeyName, Result<SecretRecord, Error>),
}

/// Makes all calls, at most `at_once` of them at a time. Fails if a call for a key fails, or the one for the
/// access token; then no further call begins. Boxed, so that the compiler sees that it is `Send`.
pub(super) fn make<'a, R: Runtime>(
    api: &'a Arc<Api<R>>,
    calls: &'a [FirstCall],
    at_once: usize,
    deadline: Deadline,
) -> Boxed<'a, Result<FirstAnswers, Error>> {
    let at_once = at_once.min(connections(calls));
    let has_failed = Arc::new(AtomicBool::new(false));
    let make = move |at: usize| -> Boxed<'a, _> {
        let has_failed = Arc::clone(&has_failed);
        Box::pin(async move {
            if has_failed.load(Ordering::Relaxed) {
                return None;
            }
            let outcome = make_one(api, &calls[at], deadline).await;
            has_failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
            Some(outcome)
        })
    };
    Box::pin(async move {
        // A single call fetches its token itself.
        if calls.len() > 1 {
            prepare(api, at_once, deadline).await?;
        }
        let outcomes: Boxed<'a, Vec<_>> =
            Box::pin(api.runtime.each(calls.len(), at_once, make, |_| ()));
        let mut answers = FirstAnswers::default();
        for outcome in outcomes.await.into_iter().flatten() {
            match outcome? {
                Answer::PrivateKey(key) => answers.private_key = Some(key),
                Answer::OrgKey(key) => answers.org_key = Some(key),
                Answer::Secret(key, record) => answers.secrets.push((key, record)),
            }
        }
        Ok(answers)
    })
}

/// Returns the number of connections that the calls need: one each, but the last secret needs none while the private key
/// is unlocked.
fn connections(calls: &[FirstCall]) -> usize {
    let unlocks = calls
        .iter()
        .any(|call| matches!(call, FirstCall::PrivateKey(_)));
    match calls.len() {
        count @ 3.. if unlocks => count - 1,
        count => count.max(1),
    }
}

/// Fetches the access token, and opens the other connections meanwhile.
fn prepare<'a, R: Runtime>(
    api: &'a Arc<Api<R>>,
    connections: usize,
    deadline: Deadline,
) -> Boxed<'a, Result<(), Error>> {
    let job = move |at: usize| -> Boxed<'a, Result<(), Error>> {
        Box::pin(async move {
            match at {
                0 => api.authorize(deadline).await,
                _ => {
                    api.runtime.open_connection().await;
                    Ok(())
                }
            }
        })
    };
    let jobs = match api.has_credential() {
        true => 0,
        // Without TLS a connection is opened as fast as it is needed.
        false if !api.base.is_https() => 1,
        false => connections,
    };
    let prepared: Boxed<'a, Vec<_>> = Box::pin(api.runtime.each(jobs, connections, job, |_| ()));
    Box::pin(async move { prepared.await.into_iter().collect() })
}

async fn make_one<R: Runtime>(
    api: &Arc<Api<R>>,
    call: &FirstCall,
    deadline: Deadline,
) -> Result<Answer, Error> {
    match call {
        FirstCall::PrivateKey(unlock) => fetch_private_key(api, unlock.clone(), deadline)
            .await
            .map(Answer::PrivateKey),
        FirstCall::OrgKey => fetch_org_key(api, deadline).await.map(Answer::OrgKey),
        FirstCall::Secret(key) => {
            let (call, action) = (GetSecret { key: key.clone() }, Action::Get(key.clone()));
            // The first read of the secret repeats a call that failed, so nothing waits for that now.
            let bounds = Bounds {
                attempts: Some(1),
                ..deadline.into()
            };
            let record = api.call(&call, action, bounds).await;
            Ok(Answer::Secret(call.key, record))
        }
    }
}

/// Fetches the private key, which the vault stores locked, and unlocks it.
pub(super) async fn fetch_private_key<R: Runtime>(
    api: &Arc<Api<R>>,
    unlock: Unlock,
    deadline: Deadline,
) -> Result<AccountKey, Error> {
    let answer = api
        .call(&GetPrivateKey, Action::GetPrivateKey, deadline)
        .await?;
    let locked = LockedPrivateKey::decode(&EncodedLockedKey {
        ciphertext: answer.encrypted_private_key,
        nonce: answer.nonce,
        salt: answer.salt,
        tag: answer.auth_tag,
    })
    .map_err(|error| Error::new(Action::GetPrivateKey, error))?;
    match unlock.known {
        Some(same) if same.locked.as_ref() == Some(&locked) => Ok(same),
        _ => AccountKey::unlock(&api.runtime, locked, unlock.password).await,
    }
}

/// Fetches the org key that the vault has now.
pub(super) async fn fetch_org_key<R: Runtime>(
    api: &Arc<Api<R>>,
    bounds: impl Into<Bounds>,
) -> Result<FetchedOrgKey, Error> {
    let answer = api.call(&GetOrgKey, Action::GetOrgKey, bounds).await?;
    let wrapped = WrappedOrgKey::decode(&answer.encrypted_org_key)
        .map_err(|error| Error::new(Action::GetOrgKey, error))?;
    Ok(FetchedOrgKey {
        wrapped,
        epoch: answer.key_epoch,
    })
}
