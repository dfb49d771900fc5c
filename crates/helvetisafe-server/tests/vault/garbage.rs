//! Five thousand malformed requests: no 5xx, no undocumented answer, no data of another organization, and
//! the vault works afterwards.
//!
//! The same seed gives the same requests. Each failure message has the number of its request.

mod bodies;
mod draft;
mod mutations;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use helvetisafe_server::{RateLimits, StoredSecret, Vault};
use serde_json::{Value, json};

use crate::document::Document;
use crate::random::Random;
use crate::raw::{answer_to, exchange};
use crate::support::{NONCE, VALUE, send};
use crate::tenant::Tenant;
use draft::{Draft, Known};

const REQUESTS: usize = 5000;
const SEED: u64 = 20_261_123;
const THREADS: usize = 8;

/// Small, so that a larger body is quickly sent.
const BODY_LIMIT: usize = 64 * 1024;

/// The time that an incomplete request takes.
const TIMEOUT: Duration = Duration::from_millis(300);

struct World {
    vault: Vault,
    ours: Tenant,
    theirs: Tenant,
    known: Known,
    canaries: Vec<String>,
    their_rows: Vec<StoredSecret>,
    their_keys: [Value; 2],
}

impl World {
    fn new() -> Self {
        // Throttled requests would not get far enough to do harm.
        let vault = crate::support::builder()
            .rate_limits(RateLimits::off())
            .body_limit(BODY_LIMIT)
            .client_timeout(TIMEOUT)
            .start()
            .unwrap();
        let (ours, theirs) = (Tenant::new(&vault), Tenant::new(&vault));
        ours.reset(&["ours", "both"], 50);
        let mut canaries = theirs.reset(&["theirs", "both", "never_asked_for"], 100);
        canaries.extend(theirs.canaries());
        canaries.push("never_asked_for".to_owned());
        let known = Known {
            api_token: ours.api_token.clone(),
            access_token: ours.access_token(),
            client_id: ours.account.client_id.clone(),
            client_secret: ours.client_secret().to_owned(),
            names: vec!["ours", "both", "theirs", "absent"],
        };
        Self {
            their_rows: theirs.rows(&vault),
            their_keys: theirs.keys(),
            canaries,
            known,
            ours,
            theirs,
            vault,
        }
    }

    /// Sends the request with this number. Returns the status, or 0 if the vault closed without an answer.
    fn try_one(&self, document: &Document, number: usize) -> u16 {
        let mut random = Random::new(SEED.wrapping_mul(1 << 20).wrapping_add(number as u64));
        let operations = document.operations();
        let operation = operations[random.below(operations.len())];
        let mut draft = Draft::valid(operation, &self.known, &mut random);
        for _ in 0..random.below(4) {
            mutations::apply(&mut draft, &self.known, &mut random);
        }
        let is_http = !random.once_in(100);
        let bytes = if is_http {
            draft.bytes(&mut random)
        } else {
            mutations::no_http(&mut random)
        };
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(600)]).into_owned();
        let is_owed = is_http && draft.is_whole();
        let send = if is_owed { answer_to } else { exchange };
        let Some(answer) = send(self.vault.address(), &bytes) else {
            assert!(!is_owed, "request {number}: no answer\n{shown}");
            return 0;
        };
        let what = format!("request {number}\n{shown}\n{answer:?}");
        assert!(answer.status < 500, "{what}");
        let text = format!("{:?}{}", answer.headers, answer.body);
        for canary in &self.canaries {
            assert!(!text.contains(canary), "{canary} leaks: {what}");
        }
        // A request that is not HTTP gets a special answer without a body.
        let is_judged = !([400, 414, 431].contains(&answer.status) && answer.body.is_null());
        if is_http && draft.is_call() && is_judged {
            document.check(operation, &answer);
        }
        answer.status
    }

    /// Checks that the vault still works, and that the other organization is unchanged.
    fn check(&self) {
        send(self.vault.base_url(), "GET", "/health", &[], None).success(200);
        assert_eq!(self.theirs.rows(&self.vault), self.their_rows);
        assert_eq!(self.theirs.keys(), self.their_keys);
        self.ours.reset(&["ours"], 50);
        self.ours.access_token();
        let path = "/api/v1/secrets/afterwards";
        let body = json!({ "value": VALUE, "nonce": NONCE });
        self.ours.call("POST", path, Some(body)).success(201);
        self.ours.call("GET", path, None).success(200);
        assert_eq!(self.ours.rows(&self.vault).len(), 2);
    }
}

#[test]
fn five_thousand_requests_of_garbage_do_no_harm() {
    let (world, next) = (World::new(), AtomicUsize::new(0));
    let statuses: Vec<BTreeMap<u16, usize>> = std::thread::scope(|scope| {
        let work = || {
            let (document, mut statuses) = (Document::new(), BTreeMap::new());
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= REQUESTS {
                    return statuses;
                }
                *statuses
                    .entry(world.try_one(&document, number))
                    .or_default() += 1;
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let mut total = BTreeMap::new();
    for (status, count) in statuses.into_iter().flatten() {
        *total.entry(status).or_insert(0) += count;
    }
    println!("{total:?}");
    assert_eq!(total.values().sum::<usize>(), REQUESTS);
    // The requests cause every kind of answer.
    for status in [
        200, 201, 204, 400, 401, 404, 405, 408, 409, 413, 415, 422, 431,
    ] {
        assert!(total.contains_key(&status), "no {status} in {total:?}");
    }
    world.check();
}
