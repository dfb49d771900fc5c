//! The result of an import, without any value.

use helvetisafe::KeyName;
use serde::Serialize;

use super::write::Outcome;
use crate::failure::Failure;
use crate::session::{Budget, Failures};
use crate::ui::Ui;
use crate::ui::output::Output;
use crate::ui::terminal::escape_line;

pub(super) struct Report<'a> {
    pub(super) file: String,
    pub(super) dry_run: bool,
    pub(super) outcomes: Vec<(&'a KeyName, Outcome)>,
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    dry_run: bool,
    secrets: Vec<JsonSecret<'a>>,
}

#[derive(Serialize)]
struct JsonSecret<'a> {
    key: &'a str,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// The fields that an update drops.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    dropped_fields: &'a [String],
}

impl Report<'_> {
    /// Prints results to standard output, failures and a summary to standard error. Fails with the status
    /// of the first failure.
    pub(super) fn print(self, budget: &Budget, ui: &Ui) -> Result<(), Failure> {
        if ui.json {
            self.json(&ui.output)?;
        } else if self.dry_run {
            self.plan(&ui.output)?;
        }
        let (summary, total) = (self.summary(), self.outcomes.len());
        let mut failures = Failures::within(budget, total, ui.messages);
        let mut done = 0;
        for (_, outcome) in self.outcomes {
            match outcome {
                Outcome::Failed(failure) => failures.add(failure),
                Outcome::NotTried => {}
                _ => done += 1,
            }
        }
        let result = failures.finish_counted(done, total, "done");
        ui.messages.note(summary);
        result
    }

    fn json(&self, output: &Output) -> Result<(), Failure> {
        let secrets = self.outcomes.iter().map(|(key, outcome)| {
            let (action, reason) = outcome.words();
            JsonSecret {
                key: key.as_str(),
                action,
                reason,
                dropped_fields: match outcome {
                    Outcome::Updated { dropped } => dropped,
                    _ => &[],
                },
            }
        });
        output.json(&Json {
            dry_run: self.dry_run,
            secrets: secrets.collect(),
        })
    }

    /// Prints the lines of a dry run.
    fn plan(&self, output: &Output) -> Result<(), Failure> {
        for (key, outcome) in &self.outcomes {
            let line = match outcome {
                Outcome::Created => format!("create {key}"),
                Outcome::Updated { dropped } if dropped.is_empty() => format!("update {key}"),
                Outcome::Updated { dropped } => format!(
                    "update {key} (it loses {})",
                    dropped
                        .iter()
                        .map(|name| escape_line(name))
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
                Outcome::Exists => format!("leave {key} (it exists)"),
                Outcome::Same => format!("leave {key} (it is the same)"),
                Outcome::Failed(_) | Outcome::NotTried => continue,
            };
            output.line(&line)?;
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let count = |is: fn(&Outcome) -> bool| {
            let outcomes = self.outcomes.iter();
            outcomes.filter(|(_, outcome)| is(outcome)).count()
        };
        let counts = [
            (count(|it| matches!(it, Outcome::Created)), "created"),
            (count(|it| matches!(it, Outcome::Updated { .. })), "updated"),
            (count(|it| matches!(it, Outcome::Same)), "the same already"),
            (
                count(|it| matches!(it, Outcome::Exists)),
                "left unchanged, since they exist (--overwrite updates)",
            ),
            (count(|it| matches!(it, Outcome::Failed(_))), "failed"),
            (
                count(|it| matches!(it, Outcome::NotTried)),
                "not tried after that; run it again to complete it",
            ),
        ];
        let counts = counts.into_iter().filter(|&(count, _)| count > 0);
        let parts: Vec<_> = counts
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let verb = if self.dry_run {
            "would have imported"
        } else {
            "imported"
        };
        match parts.as_slice() {
            [] => format!("nothing to import in {}", self.file),
            _ => format!("{verb} {}: {}", self.file, parts.join(", ")),
        }
    }
}

impl Outcome {
    /// Returns the action and the reason in the output of `--json`.
    fn words(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Created => ("created", None),
            Self::Updated { .. } => ("updated", None),
            Self::Exists => ("left", Some("exists")),
            Self::Same => ("left", Some("same")),
            Self::Failed(failure) => ("failed", failure.message()),
            Self::NotTried => ("not_tried", None),
        }
    }
}
