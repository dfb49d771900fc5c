//! The reads of secrets that are to be recorded. They are kept in memory, and a task writes them, many at a time, so that no read
//! waits for the record.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use helvetisafe_proto::KeyName;
use prometheus_client::metrics::counter::Counter;

use crate::http;
use crate::log;
use crate::store::{AccountId, AccountReads, OrganizationId, Principal, Store};

/// The time between two writes: what a killed node loses.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// The largest number of different reads in memory. Beyond it, reads are not recorded, with a warning.
const MOST: usize = 100_000;

/// The reads since the last write.
#[derive(Default)]
pub(crate) struct ReadLog {
    pending: Mutex<Pending>,
    /// The number of reads that were not recorded, for a metric.
    lost: Counter,
}

#[derive(Default)]
struct Pending {
    reads: HashMap<OrganizationId, HashMap<AccountId, HashMap<KeyName, u64>>>,
    /// The number of different reads.
    count: usize,
    /// The number of reads that found no room.
    lost: u64,
}

impl ReadLog {
    pub(crate) fn new(lost: Counter) -> Self {
        Self {
            lost,
            ..Self::default()
        }
    }

    /// Adds a read. The same read of the same account is counted.
    pub(crate) fn add(&self, principal: &Principal, key: &KeyName) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let Pending { reads, count, lost } = &mut *pending;
        let accounts = reads.entry(principal.tenant.organization).or_default();
        let names = accounts.entry(principal.account).or_default();
        if let Some(known) = names.get_mut(key) {
            *known += 1;
        } else if *count >= MOST {
            *lost += 1;
            self.lost.inc();
        } else {
            names.insert(key.clone(), 1);
            *count += 1;
        }
    }

    /// Writes the reads. Those that cannot be written now are written with the next ones.
    pub(crate) async fn write(&self, store: &Store) {
        let pending =
            std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if pending.lost > 0 {
            log::warning(&format_args!(
                "{} reads of secrets were not recorded, since the database did not take those before",
                pending.lost
            ));
        }
        for (organization, accounts) in pending.reads {
            let reads: Vec<_> = accounts.into_iter().map(of_account).collect();
            if let Err(error) = store.record_reads(organization, &reads).await {
                http::report_store(&error);
                self.put_back(organization, reads);
            }
        }
    }

    fn put_back(&self, organization: OrganizationId, reads: Vec<AccountReads>) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let Pending {
            reads: known,
            count,
            ..
        } = &mut *pending;
        let accounts = known.entry(organization).or_default();
        for AccountReads { account, names } in reads {
            let known = accounts.entry(account).or_default();
            for (key, times) in names {
                *count += usize::from(!known.contains_key(&key));
                *known.entry(key).or_default() += times;
            }
        }
    }
}

fn of_account((account, names): (AccountId, HashMap<KeyName, u64>)) -> AccountReads {
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort();
    AccountReads { account, names }
}
