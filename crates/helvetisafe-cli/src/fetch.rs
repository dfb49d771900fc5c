//! Several secrets at once, from the vault or from what is kept of it.

use helvetisafe::{Error, ErrorKind, KeyName, Secret, SecretMetadata, Secrets};

use crate::context::Context;
use crate::failure::{Failure, Failures};
use crate::progress::Progress;
use crate::suggest;

/// Reads all secrets, in the order of the keys, or tells every failure.
pub(crate) fn all(keys: &[KeyName], context: &Context) -> Result<Vec<Secret>, Failure> {
    let outcomes = match context.offline() {
        Some(offline) => offline.get(keys, context)?,
        None => ask(keys, context)?,
    };
    let budget = context.budget()?;
    let mut failures = Failures::default();
    let mut found = Vec::with_capacity(keys.len());
    let mut is_over = false;
    for outcome in outcomes {
        match outcome {
            Ok(secret) => found.push(secret),
            Err(failure) if budget.explains(&failure) => is_over = true,
            Err(failure) => failures.add(&failure, &context.messages),
        }
    }
    if is_over {
        let failure = budget.over(found.len(), keys.len(), "read");
        failures.add(&failure, &context.messages);
    }
    failures.into_result().map(|()| found)
}

/// The names and dates of all secrets.
pub(crate) fn list(context: &Context) -> Result<Vec<SecretMetadata>, Failure> {
    match context.offline() {
        Some(offline) => offline.list(context),
        None => ask_for_list(context),
    }
}

/// Asks the vault for secrets: one outcome for each key, in their order.
pub(crate) fn ask(
    keys: &[KeyName],
    context: &Context,
) -> Result<Vec<Result<Secret, Failure>>, Failure> {
    // Before the bar, since a person may be asked.
    context.client()?;
    let progress = Progress::new(keys.len(), context);
    let get = |secrets: Secrets<'_>| secrets.get_many_with(keys, |_| progress.advance());
    let outcomes = context.read(get)?;
    drop(progress);
    let outcomes = outcomes.into_iter();
    Ok(outcomes
        .map(|outcome| outcome.map_err(|error| suggest::failure(error, context)))
        .collect())
}

/// Asks the vault for the list.
pub(crate) fn ask_for_list(context: &Context) -> Result<Vec<SecretMetadata>, Failure> {
    context.read(|secrets| secrets.list())?.map_err(cannot_list)
}

fn cannot_list(error: Error) -> Failure {
    let is_forbidden = error.kind() == ErrorKind::Forbidden;
    let failure = Failure::from(error);
    if is_forbidden {
        return failure
            .with_advice("or name the secrets with --key, --env or HELVETISAFE_SECRET_KEYS");
    }
    failure
}
