//! The file $GITHUB_ENV of a workflow: each value between two lines with a random delimiter.
//!
//! Before anything is written, each line of each value is masked, so that the runner hides it in all logs. A
//! mask of one or two characters, such as the `{` of a JSON text, would hide them everywhere and ruin the
//! logs, so short lines are left out with a warning. The file is appended to, as other tools do, since the
//! runner reads it after the step.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::text::{buffer, push_replacing};
use crate::commands::selection::Variable;
use crate::failure::Failure;
use crate::fs::with_remedy;
use crate::random;
use crate::ui::Ui;
use crate::ui::messages::Messages;

/// The minimum length of a masked line, in characters without white space around it. CircleCI has the same
/// limit, Azure Pipelines and Buildkite have 6, GitLab 8.
const SHORTEST_MASK: usize = 4;

/// Returns the reason if the runner cannot hold a variable: some names are reserved, and on Windows a
/// carriage return at the end counts as part of the line end.
pub(super) fn refusal(name: &str, value: &str) -> Option<&'static str> {
    if value.ends_with('\r') {
        return Some(
            "ends with a carriage return, which the runner drops on Windows; encode it, for example \
             with base64",
        );
    }
    let is_reserved = name == "CI"
        || name.eq_ignore_ascii_case("NODE_OPTIONS")
        || name.starts_with("GITHUB_")
        || name.starts_with("RUNNER_");
    is_reserved.then_some(
        "is reserved by the runner; give it another name with --exclude KEY --env NAME=KEY",
    )
}

pub(super) fn text(variables: &[Variable]) -> Result<Zeroizing<String>, Failure> {
    let delimiter = delimiter()?;
    let mut out = buffer(variables);
    for variable in variables {
        let value = variable.value.expose_secret();
        out.extend([&*variable.name, "<<", &*delimiter, "\n", value, "\n"]);
        out.extend([&*delimiter, "\n"]);
    }
    Ok(out)
}

/// Returns a delimiter with 128 random bits, so that no value contains it.
fn delimiter() -> Result<String, Failure> {
    let random = random::hex(&*random::bytes::<16>()?);
    Ok(format!("helvetisafe_{}", *random))
}

/// Masks on standard output, then appends to the file.
pub(super) fn append(
    path: &Path,
    text: &str,
    variables: &[Variable],
    ui: &Ui,
) -> Result<(), Failure> {
    for variable in variables {
        for line in maskable(variable.value.expose_secret()) {
            ui.output.line(&mask(line))?;
        }
    }
    warn_of_short_lines(variables, ui.messages);
    if ui.output.is_closed() {
        return Err(Failure::other(
            "standard output is closed, so no value could be masked; nothing was written",
        ));
    }
    write(path, text).map_err(|error| {
        let why = with_remedy(&error);
        Failure::other(format_args!("cannot write {}: {why}", path.display()))
    })
}

/// Names the variables with lines that are not masked, without their values.
fn warn_of_short_lines(variables: &[Variable], messages: Messages) {
    let unmasked: Vec<_> = variables.iter().filter_map(unmasked).collect();
    if !unmasked.is_empty() {
        messages.warning(format_args!(
            "logs can show {}: fewer than {SHORTEST_MASK} characters are not masked",
            unmasked.join(", ")
        ));
    }
}

fn unmasked(variable: &Variable) -> Option<String> {
    let value = variable.value.expose_secret();
    let is_short = lines(value).any(|line| !is_long(line));
    is_short.then(|| match maskable(value).next() {
        None => format!("the value of {}", variable.shown()),
        Some(_) => format!("short lines of {}", variable.shown()),
    })
}

fn maskable(value: &str) -> impl Iterator<Item = &str> {
    lines(value).filter(|line| is_long(line))
}

fn is_long(line: &str) -> bool {
    line.chars().nth(SHORTEST_MASK - 1).is_some()
}

/// Returns the lines that a log can show, without white space around them, which programs often drop.
fn lines(value: &str) -> impl Iterator<Item = &str> {
    let lines = value.split(['\n', '\r']).map(str::trim);
    lines.filter(|line| !line.is_empty())
}

/// Returns the command that masks a line; `%` starts its escapes.
fn mask(line: &str) -> Zeroizing<String> {
    let mut command = Zeroizing::new(String::with_capacity(16 + 3 * line.len()));
    command.push_str("::add-mask::");
    push_replacing(&mut command, line, |c| (c == '%').then_some("%25"));
    command
}

/// Appends in one write, so that only a kill leaves a part of it, which the runner refuses.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = File::options();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::Format;
    use super::super::tests::values;
    use super::*;

    /// Reads by the rules of the runner's `EnvFileKeyValuePairs`.
    fn read(mut rest: &str) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        while let Some((line, after)) = rest.split_once('\n') {
            rest = after;
            if line.is_empty() {
                continue;
            }
            let (name, delimiter) = line.split_once("<<").unwrap();
            let mut lines = Vec::new();
            loop {
                let (line, after) = rest.split_once('\n').unwrap();
                rest = after;
                if line == delimiter {
                    break;
                }
                lines.push(line);
            }
            pairs.push((name.to_owned(), lines.join("\n")));
        }
        pairs
    }

    proptest! {
        #[test]
        fn every_value_is_read_back(value in values()) {
            prop_assume!(Format::Github.refusal("NAME", &value).is_none());
            let text = text(&[Variable::new("NAME", &value), Variable::new("LAST", "!")]).unwrap();
            let wanted = [("NAME".to_owned(), value), ("LAST".to_owned(), "!".to_owned())];
            prop_assert_eq!(read(&text), wanted);
        }

        /// A log that has any of the lines, as the runner cuts them, is hidden by one of the masks.
        #[test]
        fn every_line_is_masked_unless_it_is_short(value in values()) {
            let masks: Vec<_> = maskable(&value).map(mask).collect();
            for mask in &masks {
                prop_assert!(!mask.contains(['\n', '\r']));
            }
            let hidden: Vec<_> = masks.iter().map(|mask| unmask(mask)).collect();
            let mut has_short = false;
            for line in value.split(['\n', '\r']).map(str::trim) {
                let is_short = line.chars().count() < 4;
                has_short |= is_short && !line.is_empty();
                prop_assert_eq!(hidden.iter().any(|hidden| hidden == line), !is_short);
            }
            prop_assert_eq!(unmasked(&Variable::new("NAME", &value)).is_some(), has_short);
        }
    }

    /// Decodes the text of the command as the runner does.
    fn unmask(command: &str) -> String {
        let data = command.strip_prefix("::add-mask::").unwrap();
        data.replace("%0D", "\r")
            .replace("%0A", "\n")
            .replace("%25", "%")
    }

    #[test]
    fn a_warning_names_unmasked_variables() {
        for (value, warned) in [
            ("{\n  \"a\": 1\n}\n", Some("short lines of `NAME`")),
            ("1", Some("the value of `NAME`")),
            ("{\n}\n", Some("the value of `NAME`")),
            ("é1🔑", Some("the value of `NAME`")),
            ("  12  ", Some("the value of `NAME`")),
            ("1234", None),
            ("", None),
            (" \n\r\n", None),
        ] {
            let unmasked = unmasked(&Variable::new("NAME", value));
            assert_eq!(unmasked.as_deref(), warned, "{value}");
        }
    }

    #[test]
    fn a_carriage_return_at_the_end_is_refused() {
        assert!(refusal("NAME", "a\r").is_some());
        assert_eq!(refusal("NAME", "a\r\nb\r\n"), None);
    }

    #[test]
    fn names_of_the_runner_are_refused() {
        for name in ["CI", "GITHUB_TOKEN", "RUNNER_TEMP", "node_options"] {
            assert!(refusal(name, "").is_some(), "{name}");
        }
        assert_eq!(refusal("TOKEN", ""), None);
    }
}
