//! The file of `docker run --env-file`: `NAME=value` to the end of the line, without quotes and escapes.
//!
//! Its reader accepts lines of less than 64 KiB and drops a carriage return at their end.

/// The longest line, by Go's `bufio.MaxScanTokenSize`.
const LONGEST_LINE: usize = 64 * 1024;

pub(super) fn refusal(name: &str, value: &str) -> Option<&'static str> {
    if value.contains(['\n', '\r']) {
        Some(
            "contains a line end, which this format cannot hold; encode it, for example with base64",
        )
    } else if name.len() + value.len() + 2 > LONGEST_LINE {
        Some("is longer than the 64 KiB that this format can hold; pass it in a file")
    } else {
        None
    }
}

pub(super) fn line(out: &mut String, name: &str, value: &str) {
    out.extend([name, "=", value, "\n"]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::Format;
    use super::super::tests::{text, values};
    use super::*;
    use crate::commands::selection::Variable;

    /// Reads by the rules of docker's command line.
    fn read(file: &str) -> Vec<(&str, &str)> {
        let lines = file.split_terminator('\n');
        let lines = lines.map(|line| line.strip_suffix('\r').unwrap_or(line).trim_start());
        let used = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        used.map(|line| line.split_once('=').unwrap()).collect()
    }

    proptest! {
        #[test]
        fn every_value_that_is_not_refused_is_read_back(value in values()) {
            let is_refused = Format::Docker.refusal("NAME", &value).is_some();
            prop_assert_eq!(is_refused, value.contains(['\n', '\r', '\0']));
            prop_assume!(!is_refused);
            let file = text(Format::Docker, &[Variable::new("NAME", &value), Variable::new("LAST", "!")]);
            prop_assert_eq!(read(&file), [("NAME", value.as_str()), ("LAST", "!")]);
        }
    }

    #[test]
    fn a_line_is_short_enough_for_the_reader() {
        let longest = "x".repeat(LONGEST_LINE - 6);
        assert_eq!(refusal("NAME", &longest), None);
        assert!(refusal("NAMES", &longest).is_some());
    }
}
