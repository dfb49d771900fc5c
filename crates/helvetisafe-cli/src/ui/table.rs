//! Rows of results: a table on a terminal, and lines with tabs elsewhere.

use helvetisafe::Timestamp;
use serde::Serialize;

use super::Ui;
use super::expiry::in_words;
use super::output::Output;
use super::terminal::escape_line;
use crate::failure::Failure;

/// Prints a list: as JSON with `--json`, otherwise as rows.
pub(crate) fn print_list<T: Serialize, const N: usize>(
    items: &[T],
    heading: [&str; N],
    row: impl Fn(&T) -> [String; N],
    ui: &Ui,
) -> Result<(), Failure> {
    if ui.json {
        return ui.output.json(&items);
    }
    let rows: Vec<_> = items.iter().map(row).collect();
    print(heading, &rows, &ui.output)
}

/// Returns a time for a column: in words on a terminal, and RFC 3339 elsewhere, where `None` is an empty text.
pub(crate) fn time(time: Option<Timestamp>, now: Timestamp, output: &Output) -> String {
    match output.is_terminal() {
        true => in_words(time, now),
        false => time.map(|time| format!("{time:.0}")).unwrap_or_default(),
    }
}

/// Prints rows. A cell is one line without tabs, also if it is a text of the vault.
pub(crate) fn print<const N: usize>(
    heading: [&str; N],
    rows: &[[String; N]],
    output: &Output,
) -> Result<(), Failure> {
    let rows: Vec<_> = rows.iter().map(escaped).collect();
    if !output.is_terminal() {
        return rows.iter().try_for_each(|row| output.line(&row.join("\t")));
    }
    if rows.is_empty() {
        return Ok(());
    }
    let heading = heading.map(str::to_owned);
    let widths = widths(&heading, &rows);
    output.heading(&line(&heading, widths))?;
    rows.iter()
        .try_for_each(|row| output.line(&line(row, widths)))
}

/// Prints the values of one result, each after its name.
pub(crate) fn print_named(values: &[(&str, String)], output: &Output) -> Result<(), Failure> {
    let width = values
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or_default();
    values.iter().try_for_each(|(name, value)| {
        output.line(&format!("{name:width$}  {}", escape_line(value)))
    })
}

fn escaped<const N: usize>(row: &[String; N]) -> [String; N] {
    row.each_ref().map(|cell| escape_line(cell).into_owned())
}

/// Returns the widths of the columns. The last one needs none.
fn widths<const N: usize>(heading: &[String; N], rows: &[[String; N]]) -> [usize; N] {
    std::array::from_fn(|column| {
        let cells = rows.iter().chain([heading]);
        let widths = cells.map(|row| row[column].chars().count());
        match column + 1 == N {
            true => 0,
            false => widths.max().unwrap_or_default(),
        }
    })
}

fn line<const N: usize>(row: &[String; N], widths: [usize; N]) -> String {
    let cells = row.iter().zip(widths);
    let cells: Vec<_> = cells
        .map(|(cell, width)| format!("{cell:width$}"))
        .collect();
    cells.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let heading = ["A", "LONG", "END"].map(str::to_owned);
        let rows = [["one", "2", "x"], ["1", "2", "longer"]].map(|row| row.map(str::to_owned));
        let widths = widths(&heading, &rows);
        assert_eq!(line(&heading, widths), "A    LONG  END");
        assert_eq!(line(&rows[1], widths), "1    2     longer");
    }

    #[test]
    fn a_cell_has_no_tab_and_no_line_end() {
        let row = ["a\tb\nc\u{1b}[2J".to_owned()];
        assert_eq!(escaped(&row), ["a\\u0009b\\u000ac\\u001b[2J"]);
    }
}
