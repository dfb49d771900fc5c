use std::fmt;

use serde::Serialize;

/// A setting or a file that is wrong, and its remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// The setting with its place, or the file: `--listen`, `server.toml, line 3: listen`.
    pub subject: String,
    /// The fault.
    pub problem: String,
    /// The remedy.
    pub remedy: String,
}

impl Problem {
    pub(crate) fn new(
        subject: impl fmt::Display,
        problem: impl fmt::Display,
        remedy: impl fmt::Display,
    ) -> Self {
        Self {
            subject: subject.to_string(),
            problem: problem.to_string(),
            remedy: remedy.to_string(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.subject, self.problem, self.remedy)
    }
}
