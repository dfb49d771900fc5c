//! What became of an import, without a single value.

use serde::Serialize;

use super::entry::Entry;
use super::write::Outcome;
use crate::context::Context;
use crate::failure::{Failure, Failures};

pub(super) struct Report<'a> {
    pub(super) file: String,
    pub(super) dry_run: bool,
    pub(super) entries: Vec<(&'a Entry, &'a Outcome)>,
}

/// What `--json` prints; `docs/cli.md` documents it.
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
}

impl Report<'_> {
    /// Results on standard output, failures and a summary on standard error. Fails with the first
    /// failure's status.
    pub(super) fn print(&self, context: &Context) -> Result<(), Failure> {
        if context.json() {
            self.json(context)?;
        } else if self.dry_run {
            self.plan(context)?;
        }
        let budget = context.budget()?;
        let mut failures = Failures::default();
        let mut is_over = false;
        for (_, outcome) in &self.entries {
            match outcome {
                Outcome::Failed(failure) if budget.explains(failure) => is_over = true,
                Outcome::Failed(failure) => failures.add(failure, &context.messages),
                _ => {}
            }
        }
        if is_over {
            let failed =
                |outcome: &Outcome| matches!(outcome, Outcome::Failed(_) | Outcome::NotTried);
            let done = self.entries.iter().filter(|(_, outcome)| !failed(outcome));
            let failure = budget.over(done.count(), self.entries.len(), "done");
            failures.add(&failure, &context.messages);
        }
        context.messages.note(self.summary());
        failures.into_result(&context.messages)
    }

    fn json(&self, context: &Context) -> Result<(), Failure> {
        let secrets = self.entries.iter().map(|&(entry, outcome)| {
            let (action, reason) = outcome.words();
            JsonSecret {
                key: entry.key.as_str(),
                action,
                reason,
            }
        });
        context.output.json(&Json {
            dry_run: self.dry_run,
            secrets: secrets.collect(),
        })
    }

    /// The lines of a dry run.
    fn plan(&self, context: &Context) -> Result<(), Failure> {
        for (entry, outcome) in &self.entries {
            let key = &entry.key;
            let line = match outcome {
                Outcome::Created => format!("create {key}"),
                Outcome::Updated => format!("update {key}"),
                Outcome::Exists => format!("leave {key} (it exists)"),
                Outcome::Same => format!("leave {key} (it is the same)"),
                Outcome::Failed(_) | Outcome::NotTried => continue,
            };
            context.output.line(&line)?;
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let count = |is: fn(&Outcome) -> bool| {
            let outcomes = self.entries.iter().map(|(_, outcome)| outcome);
            outcomes.filter(|outcome| is(outcome)).count()
        };
        let counts = [
            (count(|it| matches!(it, Outcome::Created)), "created"),
            (count(|it| matches!(it, Outcome::Updated)), "updated"),
            (count(|it| matches!(it, Outcome::Same)), "the same already"),
            (
                count(|it| matches!(it, Outcome::Exists)),
                "left alone as existing (--overwrite updates)",
            ),
            (count(|it| matches!(it, Outcome::Failed(_))), "failed"),
            (
                count(|it| matches!(it, Outcome::NotTried)),
                "not tried after that; run it again to finish",
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
    /// What `--json` calls it, and why.
    fn words(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Created => ("created", None),
            Self::Updated => ("updated", None),
            Self::Exists => ("left", Some("exists")),
            Self::Same => ("left", Some("same")),
            Self::Failed(failure) => ("failed", failure.message()),
            Self::NotTried => ("not_tried", None),
        }
    }
}
