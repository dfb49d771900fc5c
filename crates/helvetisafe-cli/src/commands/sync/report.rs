//! The report of a sync: names, never values.

use serde::Serialize;

use super::api::Api;
use super::plan::Plan;
use super::target::Target;
use crate::failure::Failure;
use crate::ui::Ui;

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    target: Names,
    action: Action,
    dry_run: bool,
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
    unchanged: Vec<String>,
    /// Entries of others, which stay.
    foreign: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Names {
    namespace: String,
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Created,
    Updated,
    Unchanged,
}

impl Report {
    pub(super) fn new(api: &Api, exists: bool, plan: &Plan, prune: bool) -> Self {
        let mut sections = plan.sections().into_iter();
        let data = &plan.data;
        let mut removed = data.removed.clone();
        let mut foreign = data.foreign.clone();
        if prune {
            removed.append(&mut foreign);
            removed.sort();
        }
        let changes = sections.any(|it| it.changes_values()) || !removed.is_empty();
        let action = match (exists, changes) {
            (false, _) => Action::Created,
            (true, true) => Action::Updated,
            (true, false) => Action::Unchanged,
        };
        let Target {
            namespace, name, ..
        } = api.target.clone();
        Self {
            target: Names { namespace, name },
            action,
            dry_run: api.dry_run,
            added: data.added.clone(),
            changed: data.changed.clone(),
            removed,
            unchanged: data.unchanged.clone(),
            foreign,
        }
    }

    pub(super) fn is_unchanged(&self) -> bool {
        self.action == Action::Unchanged
    }

    /// Prints the changed names as a diff, and a summary as a note.
    pub(super) fn print(&self, ui: &Ui) -> Result<(), Failure> {
        if ui.json {
            ui.output.json(self)?;
        } else {
            let signs = [
                ("+", &self.added),
                ("~", &self.changed),
                ("-", &self.removed),
            ];
            for (sign, names) in signs {
                for name in names {
                    ui.output.line(&format!("{sign} {name}"))?;
                }
            }
        }
        ui.messages.note(self.summary());
        if !self.foreign.is_empty() {
            ui.messages.note(format_args!(
                "entries of other managers stay: {}; --prune removes them",
                self.foreign.join(", ")
            ));
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let Names { namespace, name } = &self.target;
        let done = match (self.action, self.dry_run) {
            (Action::Unchanged, _) => "unchanged",
            (Action::Created, false) => "created",
            (Action::Updated, false) => "updated",
            (Action::Created, true) => "would be created",
            (Action::Updated, true) => "would be updated",
        };
        let [added, changed, removed, unchanged] =
            [&self.added, &self.changed, &self.removed, &self.unchanged].map(Vec::len);
        format!(
            "the Secret `{namespace}/{name}`: {done}; {added} added, {changed} changed, {removed} \
             removed, {unchanged} unchanged"
        )
    }
}

/// Returns names for a message.
pub(super) fn names<'a>(lists: impl IntoIterator<Item = &'a Vec<String>>) -> String {
    let names: Vec<_> = lists.into_iter().flatten().map(String::as_str).collect();
    names.join(", ")
}
