//! The file $GITHUB_ENV of a workflow: each value between two lines with a random delimiter.
//!
//! Before anything is written, each line of each value is masked: the runner then hides it in all
//! logs. The runner reads its file after the step, and other tools append to it too: so do we.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::format::{buffer, push_replacing};
use crate::command::selection::Variable;
use crate::context::Context;
use crate::failure::Failure;

/// The runner lets no step set these.
pub(super) fn refusal(name: &str) -> Option<&'static str> {
    let is_kept = name == "CI"
        || name.eq_ignore_ascii_case("NODE_OPTIONS")
        || name.starts_with("GITHUB_")
        || name.starts_with("RUNNER_");
    is_kept.then_some(
        "is a variable that the runner lets nobody set; name it otherwise with --env NAME=KEY",
    )
}

pub(super) fn text(variables: &[Variable]) -> Result<Zeroizing<String>, Failure> {
    let delimiter = delimiter()?;
    let mut out = buffer(variables);
    for variable in variables {
        let value = variable.value.expose_secret();
        for part in [
            &variable.name,
            "<<",
            &delimiter,
            "\n",
            value,
            "\n",
            &delimiter,
            "\n",
        ] {
            out.push_str(part);
        }
    }
    Ok(out)
}

/// 128 random bits, so that no value holds it.
fn delimiter() -> Result<String, Failure> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| {
        Failure::other(format_args!(
            "the operating system gives no randomness: {error}"
        ))
    })?;
    Ok(format!("helvetisafe_{:032x}", u128::from_be_bytes(random)))
}

/// Masks on standard output, then appends to the file.
pub(super) fn append(
    path: &Path,
    text: &str,
    variables: &[Variable],
    context: &Context,
) -> Result<(), Failure> {
    for variable in variables {
        for line in lines(variable.value.expose_secret()) {
            context.output.line(&mask(line))?;
        }
    }
    if context.output.is_closed() {
        return Err(Failure::other(
            "standard output is closed, so no value could be masked; nothing was written",
        ));
    }
    write(path, text)
        .map_err(|error| Failure::other(format_args!("cannot write {}: {error}", path.display())))
}

/// The lines that a log can show; the runner refuses masks of nothing but space.
fn lines(value: &str) -> impl Iterator<Item = &str> {
    value
        .split(['\n', '\r'])
        .filter(|line| !line.trim().is_empty())
}

/// The command of the runner; `%` begins its escapes.
fn mask(line: &str) -> Zeroizing<String> {
    let mut command = Zeroizing::new(String::with_capacity(16 + 3 * line.len()));
    command.push_str("::add-mask::");
    push_replacing(&mut command, line, |c| (c == '%').then_some("%25"));
    command
}

/// In one write: a part of it, which the runner refuses, is only seen after a kill.
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

    /// By the rules of the runner's `EnvFileKeyValuePairs`.
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

        #[test]
        fn every_line_is_masked(value in values()) {
            let masks: Vec<_> = lines(&value).map(mask).collect();
            for line in value.lines().filter(|line| !line.trim().is_empty() && !line.contains('\r')) {
                let wanted = format!("::add-mask::{}", line.replace('%', "%25"));
                prop_assert!(masks.iter().any(|mask| **mask == wanted));
            }
            for mask in masks {
                prop_assert!(!mask.contains(['\n', '\r']));
            }
        }
    }

    #[test]
    fn names_of_the_runner_are_refused() {
        for name in ["CI", "GITHUB_TOKEN", "RUNNER_TEMP", "node_options"] {
            assert!(refusal(name).is_some(), "{name}");
        }
        assert_eq!(refusal("TOKEN"), None);
    }
}
