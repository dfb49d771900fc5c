use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use super::file;
use super::setting::{Given, SETTINGS};
use crate::problem::Problem;

/// The settings by name, each from its source with the highest precedence, and the problems found.
pub(super) struct Reader {
    values: HashMap<&'static str, Given>,
    problems: Vec<Problem>,
}

impl Reader {
    /// Reads the file. The settings in `given` override those of the file.
    ///
    /// # Errors
    ///
    /// The problem with a file that cannot be read. Its settings are unknown, so other problems could follow from it.
    pub(super) fn new(given: Vec<Given>, file: Option<&Path>) -> Result<Self, Problem> {
        let (from_file, problems) = file.map(file::read).transpose()?.unwrap_or_default();
        let values = from_file.into_iter().chain(given);
        Ok(Self {
            values: values.map(|given| (given.name, given)).collect(),
            problems,
        })
    }

    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    pub(super) fn is_given(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Returns the first value of a setting.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let given = self.values.get(name)?;
        given.values.first().map(String::as_str)
    }

    /// Returns true if a switch is on.
    pub(super) fn switch(&mut self, name: &'static str) -> bool {
        self.one(name, "write true or false", parsed)
            .unwrap_or(false)
    }

    /// Parses a setting with one value; `None` if it is not given or wrong.
    pub(super) fn one<T>(
        &mut self,
        name: &'static str,
        remedy: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.all(name, remedy, parse)?.pop()
    }

    /// Parses every value of a setting; `None` if it is not given or one is wrong.
    pub(super) fn all<T>(
        &mut self,
        name: &'static str,
        remedy: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        debug_assert!(SETTINGS.iter().any(|setting| setting.name == name));
        let values = &self.values.get(name)?.values;
        let parsed = values.iter().map(|text| parse(text).ok_or(text));
        match parsed.collect::<Result<Vec<T>, _>>() {
            Ok(values) => Some(values),
            Err(text) => {
                let problem = format!("{text:?} is not valid");
                self.refuse(name, problem, remedy);
                None
            }
        }
    }

    /// Adds a problem of a setting, with its place or the option that would give it.
    pub(super) fn refuse(&mut self, name: &str, problem: impl Display, remedy: &str) {
        let given = self.values.get(name);
        let subject = given.map_or_else(|| format!("--{name}"), Given::subject);
        self.problems.push(Problem::new(subject, problem, remedy));
    }
}

/// Parses a value by its type.
pub(super) fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}
