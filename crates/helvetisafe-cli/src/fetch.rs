//! Several secrets at once, from the vault or from what is kept of it.

use helvetisafe::{Error, ErrorKind, KeyName, Secret, SecretMetadata, Secrets};

use crate::context::Context;
use crate::failure::{Failure, Failures};
use crate::progress::Progress;
use crate::suggest;

/// A secret to read, and the fields of it that the user named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretRequest {
    pub(crate) key: KeyName,
    pub(crate) fields: Vec<String>,
}

impl SecretRequest {
    /// A secret as a whole.
    pub(crate) fn of(key: KeyName) -> Self {
        Self {
            key,
            fields: Vec::new(),
        }
    }

    pub(crate) fn read(&self, secrets: Secrets<'_>) -> Result<Secret, Error> {
        let fields: Vec<_> = self.fields.iter().map(String::as_str).collect();
        secrets.get_with_fields(&self.key, &fields)
    }
}

/// Reads all secrets, in the order of the requests, or reports every failure.
pub(crate) fn all(requests: &[SecretRequest], context: &Context) -> Result<Vec<Secret>, Failure> {
    let outcomes = match context.offline() {
        Some(offline) => offline.get(requests, context)?,
        None => ask(requests, context)?,
    };
    let budget = context.budget()?;
    let mut failures = Failures::default();
    let mut found = Vec::with_capacity(requests.len());
    let mut is_over = false;
    for outcome in outcomes {
        match outcome {
            Ok(secret) => found.push(secret),
            Err(failure) if budget.explains(&failure) => is_over = true,
            Err(failure) => failures.add(&failure, &context.messages),
        }
    }
    if is_over {
        let failure = budget.over(found.len(), requests.len(), "read");
        failures.add(&failure, &context.messages);
    }
    failures.into_result(&context.messages).map(|()| found)
}

/// The names and dates of all secrets.
pub(crate) fn list(context: &Context) -> Result<Vec<SecretMetadata>, Failure> {
    match context.offline() {
        Some(offline) => offline.list(context),
        None => ask_for_list(context),
    }
}

/// Asks the vault for secrets: one outcome for each request, in their order.
pub(crate) fn ask(
    requests: &[SecretRequest],
    context: &Context,
) -> Result<Vec<Result<Secret, Failure>>, Failure> {
    // Before the bar, since a person may be asked.
    context.client()?;
    let progress = Progress::new(requests.len(), context);
    let read = |secrets: Secrets<'_>| {
        let read = |request: &SecretRequest| request.read(secrets);
        secrets.each(requests, read, |_| progress.advance())
    };
    let outcomes = context.read(read)?;
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
