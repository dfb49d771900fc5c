//! The table of the document. An unknown word in it fails the test, so that neither changes without the
//! other.

use crate::event::Event;

const DOCUMENT: &str = include_str!("../../../../docs/behaviour.md");
const HEADING: &str = "## What is tried again";
const HEADER: [&str; 5] = [
    "what happened",
    "read",
    "token request",
    "update, delete",
    "create",
];

pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
}

pub(crate) struct Row {
    pub(crate) what: String,
    /// One for each [`Column`].
    cells: Vec<String>,
}

/// The calls of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Read,
    Token,
    Write,
    Create,
}

/// The rule of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Retry after a wait, while attempts are left.
    Again,
    /// The same, with the longer base.
    Throttled,
    /// Retry at once, without counting an attempt; the second time, as any lost answer.
    AtOnce,
    /// Read the secret back. If it is missing after the last attempt, nothing was done.
    ReadBack,
    /// Read the secret back. If it is missing after the last attempt, the outcome is unknown.
    ReadBackOrAmbiguous,
    /// Retry once with another credential.
    NewCredential,
    Never,
}

impl Table {
    pub(crate) fn of_the_document() -> Self {
        let (_, section) = DOCUMENT.split_once(HEADING).unwrap();
        let mut lines = section.lines().skip_while(|line| !line.starts_with('|'));
        assert_eq!(cells(lines.next().unwrap()), HEADER);
        assert!(lines.next().unwrap().starts_with("|---"));
        let rows = lines
            .take_while(|line| line.starts_with('|'))
            .map(|line| {
                let mut cells = cells(line);
                assert_eq!(cells.len(), HEADER.len(), "{line}");
                let what = cells.remove(0).to_owned();
                let cells = cells.into_iter().map(str::to_owned).collect();
                Row { what, cells }
            })
            .collect();
        Self { rows }
    }

    pub(crate) fn rule(&self, row: &Row, column: Column, event: &Event) -> Rule {
        match row.cells[column as usize].as_str() {
            "yes" | "yes; a 404 on a repeated delete is success" => Rule::Again,
            "yes, throttled base" => Rule::Throttled,
            "at once, once, uncounted" => Rule::AtOnce,
            "read back; `Ambiguous` if that fails too" => Rule::ReadBackOrAmbiguous,
            "503 with `Retry-After`; else read back" => match event {
                Event::Status {
                    code: 503,
                    asked: Some(_),
                    ..
                } => Rule::Again,
                _ => Rule::ReadBack,
            },
            "service account: one new token, one replay; API token: below" => Rule::NewCredential,
            "never" | "no" | "never followed; an error names the host" | "never; `Ambiguous`" => {
                Rule::Never
            }
            "as read" => self.rule(row, Column::Read, event),
            // Like its left neighbour.
            "same" | "" => self.rule(row, column.left(), event),
            unknown => panic!("the document says {unknown:?}"),
        }
    }

    /// The rule for a lost answer. A second dead connection counts as one.
    pub(crate) fn lost(&self, column: Column) -> Rule {
        let row = self
            .rows
            .iter()
            .find(|row| row.what.starts_with("reset, truncation"));
        self.rule(row.unwrap(), column, &Event::Dead)
    }
}

impl Column {
    fn left(self) -> Self {
        match self {
            Self::Read => panic!("the first cell of a row is empty"),
            Self::Token => Self::Read,
            Self::Write => Self::Token,
            Self::Create => Self::Write,
        }
    }
}

fn cells(line: &str) -> Vec<&str> {
    let line = line.trim().trim_start_matches('|');
    let line = line.strip_suffix('|').unwrap_or(line);
    line.split('|').map(str::trim).collect()
}
