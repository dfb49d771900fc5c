//! Several secrets at once.

use helvetisafe::{KeyName, Secret};

use crate::context::Context;
use crate::failure::{Failure, Failures};
use crate::progress::Progress;
use crate::{parallel, suggest};

/// Reads all secrets, in the order of the keys, or tells every failure.
pub(crate) fn all(keys: &[KeyName], context: &Context) -> Result<Vec<Secret>, Failure> {
    let secrets = context.client()?.secrets();
    let mut progress = Progress::new(keys.len(), context);
    let outcomes = parallel::map(keys, |key| secrets.get(key), || progress.advance());
    drop(progress);
    let mut failures = Failures::default();
    let mut found = Vec::with_capacity(keys.len());
    for outcome in outcomes {
        match outcome {
            Ok(secret) => found.push(secret),
            Err(error) => failures.add(&suggest::failure(error, context), &context.messages),
        }
    }
    failures.into_result().map(|()| found)
}
