//! Watches secrets for changes, by polling.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use helvetisafe_proto::KeyName;
use jiff::Timestamp;

use super::{Operations, parse};
use crate::call_options::CallOptions;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind};
use crate::runtime::{Boxed, Runtime};
use crate::vault::Vault;

/// A change of a watched secret. It does not hold the value.
///
/// ```no_run
/// use std::time::Duration;
///
/// use helvetisafe::ChangeKind;
///
/// # let client = helvetisafe::Client::from_env()?;
/// for change in client.secrets().watch(&["db_password"], Duration::from_secs(30))? {
///     let change = change?;
///     if change.kind() == ChangeKind::Changed {
///         println!("{} has a new value", change.key());
///     }
/// }
/// # Ok::<(), helvetisafe::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    key: KeyName,
    kind: ChangeKind,
}

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// The secret was created.
    Appeared,
    /// The secret was updated.
    Changed,
    /// The secret was deleted, or it expired.
    Gone,
}

impl Change {
    /// Returns the name of the secret.
    #[must_use]
    pub fn key(&self) -> &KeyName {
        &self.key
    }

    /// Returns the kind of the change.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }
}

/// Identifies a version of a secret. A poll finds one of the two parts; the other part comes from earlier
/// polls of the same version, since the next poll may find that one.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// The time of the last write, from the list.
    written: Option<Timestamp>,
    /// The nonce of the envelope, which differs for each write.
    nonce: Option<String>,
}

/// The shortest interval. A shorter one would only load the vault.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// The polls that read each secret after the list was forbidden, before the list is requested again.
const POLLS_WITHOUT_LIST: usize = 9;

/// The versions of the watched secrets that exist.
pub(crate) type Versions = HashMap<KeyName, Version>;

/// The result of a poll.
pub(crate) type Poll = Result<Versions, Error>;

/// Polls the watched secrets.
pub(crate) struct Poller<R: Runtime> {
    vault: Arc<Vault<R>>,
    /// Sorted.
    keys: Vec<KeyName>,
    interval: Duration,
    /// The timeout of a whole poll; without it, each of its operations has its own.
    timeout: Option<Duration>,
    options: CallOptions,
    cancel: Option<CancelToken>,
    /// The number of further polls that read each secret, since the account may not list.
    without_list: AtomicUsize,
}

/// Compares each poll with the one before.
pub(crate) struct Watcher<R: Runtime> {
    poller: Arc<Poller<R>>,
    /// The result of the last successful poll, if there was one.
    seen: Option<Versions>,
    /// True after the first poll, even if it failed.
    has_polled: bool,
    is_failing: bool,
    changes: VecDeque<Change>,
}

impl<R: Runtime> Operations<'_, R> {
    pub(crate) fn watcher(&self, keys: &[&str], interval: Duration) -> Result<Watcher<R>, Error> {
        let keys: Result<BTreeSet<_>, _> = keys.iter().map(|key| parse(key)).collect();
        let poller = Poller {
            vault: Arc::clone(self.vault),
            timeout: self.limit.map(|limit| limit.timeout),
            options: self.options,
            cancel: self.cancel.cloned(),
            keys: keys?.into_iter().collect(),
            interval: interval.max(SHORTEST_INTERVAL),
            without_list: AtomicUsize::new(0),
        };
        Ok(Watcher {
            poller: Arc::new(poller),
            seen: None,
            has_polled: false,
            is_failing: false,
            changes: VecDeque::new(),
        })
    }
}

impl<R: Runtime> Watcher<R> {
    /// Polls at once, for [`begin_with`](Self::begin_with) or [`compare`](Self::compare). A future that is dropped
    /// changes nothing.
    pub(crate) fn poll(&self) -> Boxed<'static, Poll> {
        let poller = Arc::clone(&self.poller);
        Box::pin(async move { poller.poll().await })
    }

    /// Starts to watch with this poll. Cached values may be older, so they are dropped.
    pub(crate) fn begin_with(&mut self, poll: Poll) -> Result<(), Error> {
        self.seen = Some(poll?);
        self.has_polled = true;
        self.is_failing = false;
        self.changes.clear();
        self.poller.keys.iter().for_each(|key| self.forget(key));
        Ok(())
    }

    /// Drops the cached value, so that a read after a reported change gets the new one.
    fn forget(&self, key: &KeyName) {
        Operations::new(&self.poller.vault).invalidate(key.as_str());
    }

    /// Returns true if the last poll failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.is_failing
    }

    /// Takes the next change that is already known.
    pub(crate) fn take_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// Returns the pause before the next poll for [`compare`](Self::compare): the interval, a tenth more or less,
    /// so that many watchers do not poll at once. `None` for the first poll.
    pub(crate) fn take_pause(&mut self) -> Option<Duration> {
        let has_polled = mem::replace(&mut self.has_polled, true);
        has_polled.then(|| self.poller.pause())
    }

    pub(crate) fn runtime(&self) -> &R {
        &self.poller.vault.api.runtime
    }

    /// Finds the changes since the last poll.
    pub(crate) fn compare(&mut self, poll: Poll) -> Result<(), Error> {
        self.is_failing = poll.is_err();
        let mut now = poll?;
        if self.seen.is_none() {
            return self.begin_with(Ok(now));
        }
        if let Some(before) = &self.seen {
            self.changes = differences(&self.poller.keys, before, &now);
            self.changes
                .iter()
                .for_each(|change| self.forget(&change.key));
            now.iter_mut()
                .filter_map(|(key, version)| Some((version, before.get(key)?)))
                .for_each(|(version, old)| version.complete(old));
        }
        self.seen = Some(now);
        Ok(())
    }
}

impl<R: Runtime> Poller<R> {
    fn pause(&self) -> Duration {
        let tenth = self.interval / 10;
        let jitter = self.vault.api.runtime.clock().jitter();
        (self.interval - tenth).saturating_add((tenth * 2).mul_f64(jitter))
    }

    async fn poll(&self) -> Poll {
        let operations = Operations {
            vault: &self.vault,
            limit: None,
            options: self.options,
            cancel: self.cancel.as_ref(),
        };
        let operations = match self.timeout {
            Some(timeout) => operations.within(timeout),
            None => operations,
        };
        let without_list = self.without_list.load(Ordering::Relaxed);
        if without_list == 0 {
            match self.poll_list(operations).await {
                Err(error) if error.kind() == ErrorKind::Forbidden => {}
                outcome => return outcome,
            }
        }
        let poll = self.read_each(operations).await;
        let without_list = match &poll {
            Ok(_) => without_list.checked_sub(1).unwrap_or(POLLS_WITHOUT_LIST),
            // The account may be allowed to list, and not to read.
            Err(_) => 0,
        };
        self.without_list.store(without_list, Ordering::Relaxed);
        poll
    }

    async fn read_each(&self, operations: Operations<'_, R>) -> Poll {
        let read =
            |at: usize| -> Boxed<'_, _> { Box::pin(read_version(operations, &self.keys[at])) };
        let read = operations.each(self.keys.len(), read, |_| ()).await;
        let mut versions = Versions::new();
        for (key, version) in self.keys.iter().zip(read) {
            versions.extend(version?.map(|version| (key.clone(), version)));
        }
        Ok(versions)
    }

    async fn poll_list(&self, operations: Operations<'_, R>) -> Poll {
        let mut versions = Versions::new();
        for listed in operations.begin().list().await? {
            let is_watched = |key: &&KeyName| self.keys.binary_search(key).is_ok();
            let Some(key) = listed.key().valid().filter(is_watched) else {
                continue;
            };
            let version = match listed.updated_at().or(listed.created_at()) {
                Some(time) => Some(Version::written(time)),
                // The vault lists no times.
                None => read_version(operations, key).await?,
            };
            versions.extend(version.map(|version| (key.clone(), version)));
        }
        Ok(versions)
    }
}

/// Reads the version of a secret, if the secret exists.
async fn read_version<R: Runtime>(
    operations: Operations<'_, R>,
    key: &KeyName,
) -> Result<Option<Version>, Error> {
    match operations.begin().read(key).await {
        Ok(record) => Ok(Some(Version::sealed(record.nonce))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Version {
    fn written(time: Timestamp) -> Self {
        Self {
            written: Some(time),
            nonce: None,
        }
    }

    fn sealed(nonce: String) -> Self {
        Self {
            written: None,
            nonce: Some(nonce),
        }
    }

    /// Returns true if it is known to differ from `old`.
    fn differs_from(&self, old: &Self) -> bool {
        differ(&self.written, &old.written) || differ(&self.nonce, &old.nonce)
    }

    /// Adds the parts of `old` if it is the same version.
    fn complete(&mut self, old: &Self) {
        if !self.differs_from(old) {
            self.written = self.written.or(old.written);
            self.nonce = self.nonce.take().or_else(|| old.nonce.clone());
        }
    }
}

fn differ<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
    one.is_some() && other.is_some() && one != other
}

/// Returns the changes in the order of the keys.
fn differences(keys: &[KeyName], before: &Versions, now: &Versions) -> VecDeque<Change> {
    let kind = |key: &KeyName| match (before.get(key), now.get(key)) {
        (None, Some(_)) => Some(ChangeKind::Appeared),
        (Some(_), None) => Some(ChangeKind::Gone),
        (Some(old), Some(new)) if new.differs_from(old) => Some(ChangeKind::Changed),
        _ => None,
    };
    let change = |key: &KeyName| {
        kind(key).map(|kind| Change {
            key: key.clone(),
            kind,
        })
    };
    keys.iter().filter_map(change).collect()
}
