//! The state that all clients share, and the check of their histories.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe_crypto::PrivateKey;
use helvetisafe_server::{Account, ExposeSecret, NewAccount, NewApiToken, Vault};

use super::checker::check;
use super::client::Client;
use super::history::{History, Needs, Operation, Register, Value};

/// The secrets that all clients contend for.
pub(crate) const KEYS: usize = 10;

/// The accounts whose access tokens are revoked.
pub(crate) const ACCOUNTS: usize = 4;

const CLIENTS: u64 = 16;

pub(crate) struct World {
    /// The URL that clients use.
    pub(crate) url: String,
    /// An account with all scopes.
    pub(crate) account: Account,
    /// Its API token, which is never revoked.
    pub(crate) token: String,
    pub(crate) accounts: Vec<Owner>,
    /// The pause of a client between two operations.
    pub(crate) pause: Duration,
    /// A node that the clients do not use.
    vault: Vault,
    begun: Instant,
    /// The last written value.
    values: AtomicU64,
    /// The operations that are left.
    left: AtomicUsize,
}

/// An account with the last of its access tokens.
pub(crate) struct Owner {
    pub(crate) account: Account,
    token: Mutex<Option<(Value, String)>>,
}

impl World {
    /// Makes an organization and its accounts in a database.
    pub(crate) fn new(database: &str, operations: usize) -> Self {
        let vault = Vault::builder().database(database.parse().unwrap());
        let vault = vault.start().unwrap();
        let organization = vault.new_organization().unwrap();
        let new_account = || {
            let key = PrivateKey::from_pem(include_str!("../data/private-key.pem")).unwrap();
            let account = NewAccount::default().private_key(key);
            vault.new_account(&organization, account).unwrap()
        };
        let account = new_account();
        let token = vault.new_api_token(&account, NewApiToken::default());
        let owner = |_| Owner {
            account: new_account(),
            token: Mutex::default(),
        };
        Self {
            url: String::new(),
            accounts: (0..ACCOUNTS).map(owner).collect(),
            token: token.unwrap().expose_secret().to_owned(),
            account,
            pause: Duration::ZERO,
            vault,
            begun: Instant::now(),
            values: AtomicU64::new(0),
            left: AtomicUsize::new(operations),
        }
    }

    /// Runs all clients until no operation is left or the concurrent work has ended. Returns their histories, and the result
    /// of the work.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> (Vec<History>, T) {
        thread::scope(|scope| {
            let working = scope.spawn(|| {
                let _stop = StopOnDrop(self);
                work()
            });
            let clients: Vec<_> = (1..=CLIENTS)
                .map(|seed| {
                    scope.spawn(move || {
                        let mut client = Client::new(self, seed);
                        client.run();
                        client.history
                    })
                })
                .collect();
            let seen = clients.into_iter().map(|client| client.join().unwrap());
            (seen.collect(), working.join().unwrap())
        })
    }

    /// Reads every secret once more, and fails if no order of the operations explains all answers. Returns the number of
    /// refused uses of tokens.
    pub(crate) fn check(&self, mut histories: Vec<History>) -> usize {
        let mut last = Client::new(self, 99);
        last.read_all();
        histories.push(last.history);
        let mut refused = 0;
        for (register, operations) in History::join(histories) {
            if let Err(violation) = check(&operations, None) {
                let number = operations.len();
                panic!("{register:?}, of {number} operations: {violation:?}");
            }
            if matches!(register, Register::Token(_)) {
                let is_refused = |it: &&Operation| it.needs == Needs::Absent;
                refused += operations.iter().filter(is_refused).count();
            }
        }
        refused
    }

    /// Takes one of the operations that are left.
    pub(crate) fn take_one(&self) -> bool {
        let take = |left: usize| left.checked_sub(1);
        let order = Ordering::Relaxed;
        self.left.fetch_update(order, order, take).is_ok()
    }

    pub(crate) fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    pub(crate) fn now(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }

    pub(crate) fn new_value(&self) -> Value {
        self.values.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Revokes all access tokens of an account. Returns true if that is certain.
    pub(crate) fn revoke(&self, account: usize) -> bool {
        self.vault
            .revoke_tokens(&self.accounts[account].account)
            .is_ok()
    }
}

/// Ends the clients, also when the work fails.
struct StopOnDrop<'a>(&'a World);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.left.store(0, Ordering::Relaxed);
    }
}

impl Owner {
    pub(crate) fn token(&self) -> Option<(Value, String)> {
        self.token.lock().unwrap().clone()
    }

    pub(crate) fn set(&self, number: Value, text: &str) {
        *self.token.lock().unwrap() = Some((number, text.to_owned()));
    }

    /// Forgets a token that was refused, unless there is another one by now.
    pub(crate) fn forget(&self, number: Value) {
        let mut token = self.token.lock().unwrap();
        if token.as_ref().is_some_and(|(last, _)| *last == number) {
            *token = None;
        }
    }
}
