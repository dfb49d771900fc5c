//! Changes of secrets, noticed by looking now and then.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use helvetisafe_proto::KeyName;
use jiff::Timestamp;

use super::{Operations, parse};
use crate::connection::Connection;
use crate::driver::{Boxed, Driver};
use crate::error::{Error, ErrorKind};

/// What happened to a secret that is watched. It holds no value: read it when it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    key: KeyName,
    kind: ChangeKind,
}

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It was not there before.
    Appeared,
    /// It was written again.
    Changed,
    /// It was deleted, or it expired.
    Gone,
}

impl Change {
    /// The secret.
    #[must_use]
    pub fn key(&self) -> &KeyName {
        &self.key
    }

    /// What happened to it.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }
}

/// What tells one version of a secret from another. A look tells one of the two; what an earlier look
/// told of the same version is kept, since the next one may tell the other again.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// When it was written, as the list says.
    written: Option<Timestamp>,
    /// The nonce it was sealed with, which is another one for each write.
    nonce: Option<String>,
}

/// What is shorter would only load the vault.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// How many looks read each secret before the list, which was forbidden, is asked for again.
const LOOKS_WITHOUT_LIST: usize = 9;

/// The versions of the watched secrets that are there.
pub(crate) type Versions = HashMap<KeyName, Version>;

/// What a look saw.
pub(crate) type Look = Result<Versions, Error>;

/// What is watched and how to look at it, for every driver.
pub(crate) struct Looker<D: Driver> {
    connection: Arc<Connection<D>>,
    /// Sorted.
    keys: Vec<KeyName>,
    interval: Duration,
    /// The timeout of a whole poll; without it, each of its operations has its own.
    time: Option<Duration>,
    /// How many more looks read each secret, since the account may not list.
    without_list: AtomicUsize,
}

/// Tells changes from one look to the next.
pub(crate) struct Watcher<D: Driver> {
    looker: Arc<Looker<D>>,
    /// What was seen last; nothing before the first look that succeeded.
    seen: Option<Versions>,
    /// There was a look, be it one that failed.
    has_looked: bool,
    changes: VecDeque<Change>,
}

impl<D: Driver> Operations<'_, D> {
    pub(crate) fn watcher(&self, keys: &[&str], interval: Duration) -> Result<Watcher<D>, Error> {
        let keys: Result<BTreeSet<_>, _> = keys.iter().map(|key| parse(key)).collect();
        let looker = Looker {
            connection: Arc::clone(self.0),
            time: self.time(),
            keys: keys?.into_iter().collect(),
            interval: interval.max(SHORTEST_INTERVAL),
            without_list: AtomicUsize::new(0),
        };
        Ok(Watcher {
            looker: Arc::new(looker),
            seen: None,
            has_looked: false,
            changes: VecDeque::new(),
        })
    }
}

impl<D: Driver> Watcher<D> {
    /// A look at once, after which [`begin_with`](Self::begin_with) makes changes seen. It owns what
    /// it needs: dropped, it has changed nothing.
    pub(crate) fn first_look(&self) -> Boxed<'static, Look> {
        let looker = Arc::clone(&self.looker);
        Box::pin(async move { looker.look().await })
    }

    /// From this look on changes are seen. What the cache has is from before, and is forgotten.
    pub(crate) fn begin_with(&mut self, look: Look) -> Result<(), Error> {
        self.seen = Some(look?);
        self.has_looked = true;
        self.changes.clear();
        self.looker.keys.iter().for_each(|key| self.forget(key));
        Ok(())
    }

    /// Whoever reads it after a change was told gets the new value, not the one in the cache.
    fn forget(&self, key: &KeyName) {
        Operations::new(&self.looker.connection).invalidate(key.as_str());
    }

    /// The next change that was seen already.
    pub(crate) fn take_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// The next look, for [`compare`](Self::compare), after a rest unless it is the first.
    pub(crate) fn next_look(&mut self) -> Boxed<'static, Look> {
        let looker = Arc::clone(&self.looker);
        let rests = mem::replace(&mut self.has_looked, true);
        Box::pin(async move {
            if rests {
                looker.rest().await;
            }
            looker.look().await
        })
    }

    /// Notes what is different since the last look.
    pub(crate) fn compare(&mut self, look: Look) -> Result<(), Error> {
        let mut now = look?;
        if self.seen.is_none() {
            return self.begin_with(Ok(now));
        }
        if let Some(before) = &self.seen {
            self.changes = differences(&self.looker.keys, before, &now);
            self.changes
                .iter()
                .for_each(|change| self.forget(&change.key));
            now.iter_mut()
                .filter_map(|(key, version)| Some((version, before.get(key)?)))
                .for_each(|(version, old)| version.recall(old));
        }
        self.seen = Some(now);
        Ok(())
    }
}

impl<D: Driver> Looker<D> {
    /// Waits for the interval, a tenth more or less, so that many watchers do not ask at once.
    async fn rest(&self) {
        let driver = &self.connection.session.driver;
        let tenth = self.interval / 10;
        let more = (tenth * 2).mul_f64(driver.jitter());
        driver
            .sleep((self.interval - tenth).saturating_add(more))
            .await;
    }

    async fn look(&self) -> Look {
        let operations = Operations::new(&self.connection);
        let operations = match self.time {
            Some(time) => operations.within(time),
            None => operations,
        };
        let without_list = self.without_list.load(Ordering::Relaxed);
        if without_list == 0 {
            match self.look_at_the_list(operations).await {
                Err(error) if error.kind() == ErrorKind::Forbidden => {}
                outcome => return outcome,
            }
        }
        let look = self.read_each(operations).await;
        let without_list = match &look {
            Ok(_) => without_list.checked_sub(1).unwrap_or(LOOKS_WITHOUT_LIST),
            // The account may be allowed to list, and not to read.
            Err(_) => 0,
        };
        self.without_list.store(without_list, Ordering::Relaxed);
        look
    }

    async fn read_each(&self, operations: Operations<'_, D>) -> Look {
        let read =
            |at: usize| -> Boxed<'_, _> { Box::pin(read_version(operations, &self.keys[at])) };
        let read = operations.each(self.keys.len(), read, |_| ()).await;
        let mut versions = Versions::new();
        for (key, version) in self.keys.iter().zip(read) {
            versions.extend(version?.map(|version| (key.clone(), version)));
        }
        Ok(versions)
    }

    async fn look_at_the_list(&self, operations: Operations<'_, D>) -> Look {
        let mut versions = Versions::new();
        for listed in operations.list().await? {
            let is_watched = |key: &&KeyName| self.keys.binary_search(key).is_ok();
            let Some(key) = listed.key().valid().filter(is_watched) else {
                continue;
            };
            let version = match listed.updated_at().or(listed.created_at()) {
                Some(time) => Some(Version::written(time)),
                // A vault that tells no times.
                None => read_version(operations, key).await?,
            };
            versions.extend(version.map(|version| (key.clone(), version)));
        }
        Ok(versions)
    }
}

/// The version of a secret, if there is one.
async fn read_version<D: Driver>(
    operations: Operations<'_, D>,
    key: &KeyName,
) -> Result<Option<Version>, Error> {
    match operations.read(key, operations.deadline()).await {
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

    /// Whether it is known to be another than `old`.
    fn is_not(&self, old: &Self) -> bool {
        differ(&self.written, &old.written) || differ(&self.nonce, &old.nonce)
    }

    /// Adds what is known of `old`, unless that is another.
    fn recall(&mut self, old: &Self) {
        if !self.is_not(old) {
            self.written = self.written.or(old.written);
            self.nonce = self.nonce.take().or_else(|| old.nonce.clone());
        }
    }
}

fn differ<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
    one.is_some() && other.is_some() && one != other
}

/// In the order of the keys.
fn differences(keys: &[KeyName], before: &Versions, now: &Versions) -> VecDeque<Change> {
    let kind = |key: &KeyName| match (before.get(key), now.get(key)) {
        (None, Some(_)) => Some(ChangeKind::Appeared),
        (Some(_), None) => Some(ChangeKind::Gone),
        (Some(old), Some(new)) if new.is_not(old) => Some(ChangeKind::Changed),
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
