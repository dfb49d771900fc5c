use std::fmt;

use super::decode::Refusal;
use crate::error::{Error, ErrorKind};
#[cfg(feature = "config")]
use crate::secret::Secret;

/// The problems of a load: all of them, in the order of the values. It shows names, and no values.
///
/// ```no_run
/// use helvetisafe::load;
///
/// # let client = helvetisafe::Client::from_env()?;
/// let wanted = (load::text("db_host"), load::parse::<u16>("db_port"));
/// match client.secrets().load(wanted) {
///     Ok((host, port)) => println!("{host}:{port}"),
///     Err(error) if error.is_retryable() => eprintln!("try again later: {error}"),
///     Err(error) => {
///         for problem in error.problems() {
///             eprintln!("{}, field {:?}: {problem}", problem.key(), problem.field());
///             eprintln!("{:?}", problem.error().map(helvetisafe::Error::kind));
///         }
///     }
/// }
/// # Ok::<(), helvetisafe::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LoadError {
    problems: Vec<Problem>,
}

/// A value that cannot be loaded.
#[derive(Clone, Debug)]
pub struct Problem {
    key: String,
    field: Option<String>,
    cause: Cause,
}

#[derive(Clone, Debug)]
enum Cause {
    Failed(Error),
    Refused(String),
}

impl LoadError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// Returns all secrets, or the problems of those that cannot be read.
    #[cfg(feature = "config")]
    pub(crate) fn or_all(
        keys: &[impl AsRef<str>],
        outcomes: Vec<Result<Secret, Error>>,
    ) -> Result<Vec<Secret>, Self> {
        let (mut secrets, mut problems) = (Vec::new(), Vec::new());
        for (key, outcome) in keys.iter().zip(outcomes) {
            match outcome {
                Ok(secret) => secrets.push(secret),
                Err(error) => problems.push(Problem::failed(key.as_ref(), None, error)),
            }
        }
        if problems.is_empty() {
            Ok(secrets)
        } else {
            Err(Self { problems })
        }
    }

    /// Returns the problems. The error of a secret is one problem, also if several values need the secret.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns true if the same load may succeed later, without any change: if [`Error::is_retryable`] is true for
    /// each problem.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let is_retryable = |problem: &Problem| problem.error().is_some_and(Error::is_retryable);
        self.problems.iter().all(is_retryable)
    }
}

impl Problem {
    pub(super) fn failed(key: &str, field: Option<&str>, error: Error) -> Self {
        Self::new(key, field, Cause::Failed(error))
    }

    pub(super) fn refused(key: &str, field: Option<&str>, refusal: Refusal) -> Self {
        let text = match refusal {
            Refusal::Not(expected) => format!("{} is not {expected}", described(key, field)),
            #[cfg(feature = "serde")]
            Refusal::Because(text) => text,
        };
        Self::new(key, field, Cause::Refused(text))
    }

    fn new(key: &str, field: Option<&str>, cause: Cause) -> Self {
        Self {
            key: key.to_owned(),
            field: field.map(str::to_owned),
            cause,
        }
    }

    /// Returns the name of the secret, as the application wrote it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the name of the field, if the value is one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Returns the error of the read, or `None` if the secret was read and the value is not of the requested type.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        match &self.cause {
            Cause::Failed(error) => Some(error),
            Cause::Refused(_) => None,
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        self.error()
            .is_some_and(|error| error.kind() == ErrorKind::NotFound)
    }
}

/// Names a secret, or one of its fields.
fn described(key: &str, field: Option<&str>) -> String {
    let key = key.escape_debug();
    match field {
        Some(field) => format!("the field `{}` of the secret `{key}`", field.escape_debug()),
        None => format!("the secret `{key}`"),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Failed(error) if error.key().is_none() => {
                write!(f, "{}: {error}", described(&self.key, None))
            }
            Cause::Failed(error) => error.fmt(f),
            Cause::Refused(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot load these values from secrets:")?;
        for problem in &self.problems {
            write!(f, "\n- {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}
