//! Lines `NAME=VALUE`, read so that no value can be taken for another one.
//!
//! There is no standard, and readers differ in what quotes, backslashes and `#` mean. This reader accepts
//! what they agree on, and refuses all other lines. The maintained crates are unsuitable: `dotenvy`
//! substitutes variables of this process, and joins a value with the next one after `'…\'`; `dotenvor`
//! cuts `pass#word` at the `#`.
//!
//! - A name may follow `export`. Blank lines and lines that begin with `#` are skipped.
//! - `'…'` is literal, with all its lines.
//! - `"…"` may have lines too, and the escapes `\n \r \t \\ \" \' \$` and a backslash before a
//!   back-tick. A `$` stands for itself: nothing is substituted.
//! - A value without quotes ends with its line, or before white space and a `#`. It has no quotes and
//!   no backslashes.

use zeroize::Zeroizing;

use super::pair::{Pair, Value};

const UNQUOTED: &str = "its value has a quote, a back-tick, a backslash or unusual white space, which \
                        readers take differently outside quotes; put it in quotes";
const COMMENT: &str = "its value begins with `#`, which some readers treat as a comment; put the \
                       value in quotes, or the comment on a line of its own";

/// Reads all pairs in order, or describes every invalid line without quoting it.
pub(in crate::commands) fn read(text: &str) -> Result<Vec<Pair>, Vec<String>> {
    let (mut pairs, mut problems) = (Vec::new(), Vec::new());
    let (mut rest, mut number) = (text, 1);
    while !rest.is_empty() {
        let (line, _) = rest.split_once('\n').unwrap_or((rest, ""));
        let mut length = line.len();
        if let Some((name, value)) = assignment(line) {
            match value_of(&rest[line.len() - value.len()..]) {
                Ok((value, after)) => {
                    length = rest.len() - after.len();
                    pairs.push(Pair {
                        name: name.to_owned(),
                        value: Value::Text(value),
                    });
                }
                Err(problem) => problems.push(format!("line {number}: {problem}")),
            }
        } else if !is_blank(line) {
            problems.push(format!("line {number} is not NAME=VALUE"));
        }
        let (used, after) = rest.split_at(length);
        number += used.matches('\n').count() + 1;
        rest = after.strip_prefix('\n').unwrap_or(after);
    }
    if problems.is_empty() {
        Ok(pairs)
    } else {
        Err(problems)
    }
}

/// Splits a line into the name, and the text from the first character of the value.
fn assignment(line: &str) -> Option<(&str, &str)> {
    if is_blank(line) {
        return None;
    }
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let exported = name.strip_prefix("export");
    let exported = exported.filter(|name| name.starts_with(char::is_whitespace));
    Some((exported.unwrap_or(name).trim_start(), value.trim_start()))
}

/// Returns whether a text has only white space or a comment.
fn is_blank(text: &str) -> bool {
    let text = text.trim_start();
    text.is_empty() || text.starts_with('#')
}

/// Returns the value at the start of `text`, and what follows from the end of its line.
fn value_of(text: &str) -> Result<(Zeroizing<String>, &str), String> {
    let (value, after) = match text.chars().next() {
        Some('\'') => literal(&text[1..])?,
        Some('"') => escaped(&text[1..])?,
        _ => return unquoted(text),
    };
    let (tail, _) = after.split_once('\n').unwrap_or((after, ""));
    let comment = tail.trim_end().trim_start_matches([' ', '\t']);
    if !comment.is_empty() && (!comment.starts_with('#') || tail.starts_with('#')) {
        return Err("there is text after the closing quote".to_owned());
    }
    Ok((value, &after[tail.len()..]))
}

fn literal(text: &str) -> Result<(Zeroizing<String>, &str), String> {
    let (value, after) = text.split_once('\'').ok_or_else(unclosed)?;
    Ok((Zeroizing::new(value.to_owned()), after))
}

fn escaped(text: &str) -> Result<(Zeroizing<String>, &str), String> {
    // An escape is longer than its character, so nothing grows, which would leave a copy.
    let mut value = Zeroizing::new(String::with_capacity(text.len()));
    let mut characters = text.chars();
    loop {
        let character = match characters.next().ok_or_else(unclosed)? {
            '"' => return Ok((value, characters.as_str())),
            '\\' => escape(characters.next().ok_or_else(unclosed)?)?,
            character => character,
        };
        value.push(character);
    }
}

fn escape(character: char) -> Result<char, String> {
    match character {
        'n' => Ok('\n'),
        'r' => Ok('\r'),
        't' => Ok('\t'),
        '\\' | '"' | '\'' | '$' | '`' => Ok(character),
        _ => Err("its value has an escape other than \\n \\r \\t \\\\ \\\" \\' \\$ \\`".to_owned()),
    }
}

fn unquoted(text: &str) -> Result<(Zeroizing<String>, &str), String> {
    let (line, _) = text.split_once('\n').unwrap_or((text, ""));
    if line.starts_with('#') {
        return Err(COMMENT.to_owned());
    }
    let is_comment = |&at: &usize| line[..at].ends_with([' ', '\t']);
    let mut marks = line.match_indices('#').map(|(at, _)| at);
    let value = match marks.find(is_comment) {
        Some(at) => &line[..at],
        None => line.strip_suffix('\r').unwrap_or(line),
    };
    let value = value.trim_end_matches([' ', '\t']);
    if value.contains(['\'', '"', '`', '\\', '\r']) || value.ends_with(char::is_whitespace) {
        return Err(UNQUOTED.to_owned());
    }
    Ok((Zeroizing::new(value.to_owned()), &text[line.len()..]))
}

fn unclosed() -> String {
    "its value has no closing quote".to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let pairs = read(text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
        let pair = |pair: Pair| match pair.value {
            Value::Text(text) => (pair.name, text.to_string()),
            _ => unreachable!(),
        };
        pairs.into_iter().map(pair).collect()
    }

    #[test]
    fn values_are_what_readers_agree_on() {
        for (text, value) in [
            ("A=plain", "plain"),
            ("  A = plain text \t", "plain text"),
            ("export A=x", "x"),
            ("export\tA=x", "x"),
            ("A=", ""),
            ("A=pass#word # comment", "pass#word"),
            ("A=$HOME ${B}", "$HOME ${B}"),
            ("A=b=c==", "b=c=="),
            (
                "A='it is # \"literal\" $X \\n'",
                "it is # \"literal\" $X \\n",
            ),
            ("A='C:\\'", "C:\\"),
            ("A='two\nlines' # comment", "two\nlines"),
            (r#"A="\"\\\n\r\t\'\$\` # $X é🔑""#, "\"\\\n\r\t'$` # $X é🔑"),
            (
                "A=\"-----BEGIN\nB=\n-----END\n\"\r\n",
                "-----BEGIN\nB=\n-----END\n",
            ),
            ("\n# x\n \t\nA=x\r\n", "x"),
            ("A=''", ""),
        ] {
            assert_eq!(pairs(text), [("A".to_owned(), value.to_owned())], "{text}");
        }
    }

    #[test]
    fn names_are_taken_as_they_are() {
        let names: Vec<_> = pairs("export=1\nexported=2\nmy-key=3\n=4\na b=5\nA=6\nA='7'")
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["export", "exported", "my-key", "", "a b", "A", "A"]);
    }

    #[test]
    fn ambiguous_lines_are_refused_by_number() {
        let text = "A=ok\ncanary\nB='two\nlines'\nC=it's\nD=C:\\canary\nE='a'canary\nF=\"\\x\"\nI=#x\nJ= # x\nK=''#\nG=\"canary\nH=1";
        let problems = read(text).err().unwrap();
        let starts = [
            "line 2 is not NAME=VALUE",
            "line 5: its value has a quote",
            "line 6: its value has a quote",
            "line 7: there is text after",
            "line 8: its value has an escape",
            "line 9: its value begins with `#`",
            "line 10: its value begins with `#`",
            "line 11: there is text after",
            "line 12: its value has no closing quote",
        ];
        for (problem, start) in problems.iter().zip(starts) {
            assert!(problem.starts_with(start), "{problem}");
            assert!(!problem.contains("canary"), "{problem}");
        }
        assert_eq!(problems.len(), starts.len(), "{problems:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn another_reader_reads_the_same(
            lines in prop::collection::vec("[AB](=| = )[ab=#'\"\\\\ ntr\t\n\r]{0,9}", 1..4),
        ) {
            let text = lines.join("\n");
            // Here dotenvy joins the value with the next one.
            prop_assume!(!text.contains("\\'"));
            let theirs: Result<Vec<_>, _> = dotenvy::from_read_iter(text.as_bytes()).collect();
            if let (Ok(_), Ok(theirs)) = (read(&text), theirs) {
                prop_assert_eq!(pairs(&text), theirs, "{:?}", text);
            }
        }
    }
}
