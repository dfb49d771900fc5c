//! The steps of a load: the requests for it, and the values from the outcomes.

use std::collections::BTreeMap;

use super::error::{LoadError, Problem};
use super::{Load, decode::Source};
use crate::config_error::ConfigError;
use crate::error::Error;
use crate::secret::Secret;

/// A part of a load. Public in a private module, so that no other crate implements it.
pub trait Plan<T> {
    /// Adds the secrets that the values need.
    fn add_to(&self, requests: &mut Requests);

    /// Reads the values. Returns `None` after it has reported a problem.
    fn read(self, found: &mut Found) -> Option<T>;
}

/// The secrets that a load needs, each with the fields that it names.
#[derive(Default)]
pub struct Requests {
    by_key: BTreeMap<String, Vec<String>>,
}

/// The outcomes of the reads, and the problems so far.
pub struct Found {
    by_key: BTreeMap<String, Outcome>,
    problems: Vec<Problem>,
}

struct Outcome {
    secret: Result<Secret, Error>,
    /// True if the error was reported: once for all values of the secret.
    is_reported: bool,
}

impl Requests {
    pub(crate) fn of(values: &impl Load) -> Self {
        let mut requests = Self::default();
        values.add_to(&mut requests);
        requests
    }

    pub(super) fn add(&mut self, key: &str, field: Option<&str>) {
        let fields = self.by_key.entry(key.to_owned()).or_default();
        fields.extend(field.map(str::to_owned));
    }

    /// Returns each secret with its fields.
    pub(crate) fn list(&self) -> Vec<(&str, Vec<&str>)> {
        self.by_key
            .iter()
            .map(|(key, fields)| (key.as_str(), fields.iter().map(String::as_str).collect()))
            .collect()
    }
}

/// Makes the values from the outcomes of [`Requests::list`], in its order.
pub(crate) fn finish<L: Load>(
    values: L,
    requests: Requests,
    outcomes: Vec<Result<Secret, Error>>,
) -> Result<L::Output, LoadError> {
    let outcomes = outcomes.into_iter().map(|secret| Outcome {
        secret,
        is_reported: false,
    });
    let mut found = Found {
        by_key: requests.by_key.into_keys().zip(outcomes).collect(),
        problems: Vec::new(),
    };
    let values = values.read(&mut found);
    values.ok_or_else(|| LoadError::new(found.problems))
}

impl Found {
    /// Returns a secret or one of its fields. Both are `NotFound` if they do not exist.
    pub(super) fn source(&self, key: &str, field: Option<&str>) -> Result<Source<'_>, Error> {
        let secret = match self.by_key.get(key).map(|outcome| &outcome.secret) {
            Some(Ok(secret)) => secret,
            Some(Err(error)) => return Err(error.clone()),
            // Does not happen: every value has added its key.
            None => return Err(Error::config(ConfigError::Empty("the name of the secret"))),
        };
        let Some(name) = field else {
            return Ok(Source::Secret(secret));
        };
        secret.expect_field(name).map(Source::Field)
    }

    /// Reports a problem; the error of a secret only once. Returns no value.
    pub(super) fn report<T>(&mut self, problem: Problem) -> Option<T> {
        let outcome = self.by_key.get_mut(problem.key());
        let is_repeated = outcome.is_some_and(|outcome| {
            outcome.secret.is_err() && std::mem::replace(&mut outcome.is_reported, true)
        });
        if !is_repeated {
            self.problems.push(problem);
        }
        None
    }
}
