//! Many secrets at once.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use helvetisafe::{Client, Error, KeyName, Secret};

use crate::context::Context;
use crate::failure::{Failure, Failures};
use crate::suggest;

/// How many secrets are fetched at the same time, over one client: enough to hide the time on the
/// way, few enough for the vault.
const THREADS: usize = 8;

/// Reads all secrets; fails when one fails, after all were tried and each failure was told.
pub(super) fn all(
    keys: &[KeyName],
    context: &Context,
) -> Result<HashMap<KeyName, Secret>, Failure> {
    let answers = ask(context.client()?, keys);
    let mut failures = Failures::default();
    let mut secrets = HashMap::new();
    for answer in answers {
        match answer {
            Ok(secret) => {
                secrets.insert(secret.key().clone(), secret);
            }
            Err(error) => failures.add(&suggest::failure(error, context), &context.messages),
        }
    }
    failures.into_result()?;
    Ok(secrets)
}

/// The answers in the order of the keys. Each thread takes the next key that none has taken.
fn ask(client: &Client, keys: &[KeyName]) -> Vec<Result<Secret, Error>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut answers = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(key) = keys.get(n) else {
                return answers;
            };
            answers.push((n, client.secrets().get(key)));
        }
    };
    let mut answers = thread::scope(|scope| {
        // This thread works too; where the system gives no more, fewer do.
        let others = 1..THREADS.min(keys.len());
        let start = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let threads: Vec<_> = others.filter_map(start).collect();
        let mut answers = work();
        for thread in threads {
            answers.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        answers
    });
    answers.sort_by_key(|(n, _)| *n);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
