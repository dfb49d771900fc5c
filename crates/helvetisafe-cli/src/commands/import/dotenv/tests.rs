use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use helvetisafe::KeyName;

use super::*;

/// The names in a file, and their values; python-dotenv has names without one.
type Pairs = BTreeMap<String, Option<String>>;

fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let (pairs, problems) = read(text);
    let pair = |pair: Pair| match pair.value {
        Value::Text(text) => (pair.name, text.to_string()),
        _ => unreachable!(),
    };
    problems
        .is_empty()
        .then(|| pairs.into_iter().map(pair).collect())
}

#[test]
fn values_are_what_readers_agree_on() {
    for (text, value) in [
        ("A=plain", "plain"),
        ("  A = plain text  ", "plain text"),
        ("export A=x", "x"),
        ("A=", ""),
        ("A=word # comment", "word"),
        ("A=$HOME $B", "$HOME $B"),
        ("A=b=c==", "b=c=="),
        (
            "A='it is # \"literal\" $X \\n C:\\x'",
            "it is # \"literal\" $X \\n C:\\x",
        ),
        ("A='two\nlines' # comment", "two\nlines"),
        ("A=\"\\$x \\n \\q 'x' `id`\"", "\\$x \n \\q 'x' `id`"),
        (
            "A=\"-----BEGIN\nB=\n-----END\n\"\r\n",
            "-----BEGIN\nB=\n-----END\n",
        ),
        ("\n# x\n \t\nA=x\r\n", "x"),
        ("A=''", ""),
        ("A=é🔑", "é🔑"),
    ] {
        let wanted = [("A".to_owned(), value.to_owned())];
        assert_eq!(pairs(text).as_deref(), Some(&wanted[..]), "{text}");
    }
}

#[test]
fn values_that_readers_take_differently_are_refused() {
    for (text, why) in [
        ("A='C:\\\\x'", LITERAL),
        ("A='C:\\'", LITERAL),
        ("A='it\\'s'", LITERAL),
        ("A=\"C:\\\\x\"", ESCAPE),
        ("A=\"say \\\"hi\\\"\"", ESCAPE),
        ("A=\"\\t\"", ESCAPE),
        ("A=\"\\r\"", ESCAPE),
        ("A=\"it\\'s\"", ESCAPE),
        ("A=${B}", VARIABLE),
        ("A=\"two\\t\nlines\"", ESCAPE),
        ("A='two\\\\\nlines'", LITERAL),
        ("A='${B}'", VARIABLE),
        ("A=\"${B}\"", VARIABLE),
        ("A=pass#word", COMMENT),
        ("A=#word", COMMENT),
        ("A= # word", COMMENT),
        ("A=x\u{a0}# comment", NO_BREAK_SPACE),
        ("A=\"x\"\u{a0}# comment", NO_BREAK_SPACE),
        ("A=x\t# comment", COMMENT),
        ("A=x\u{a0} # comment", NO_BREAK_SPACE),
        ("A=x\u{a0}", NO_BREAK_SPACE),
        ("A=\u{a0}x", NO_BREAK_SPACE),
        ("A=x\t", UNQUOTED),
        ("A=\tx", UNQUOTED),
        ("A=x\u{2028}", UNQUOTED),
        ("A=it's", UNQUOTED),
        ("A=C:\\x", UNQUOTED),
        ("A=`id`", UNQUOTED),
        ("A=x\ry", UNQUOTED),
        ("A='x\r\ny'", CARRIAGE_RETURN),
        ("A=\"x\r\ny\"", CARRIAGE_RETURN),
        ("A='x", "its value has no closing quote"),
        ("A=\"x\\", "its value has no closing quote"),
    ] {
        let (_, problems) = read(text);
        assert_eq!(problems, [Problem::at(1, why)], "{text:?}");
    }
}

#[test]
fn names_are_taken_as_they_are() {
    let names: Vec<_> =
        pairs("export=1\nexported=2\nmy-key=3\n=4\na b=5\nexport  A=6\nA='7'\n\tB=8")
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
    let wanted = ["export", "exported", "my-key", "", "a b", " A", "A", "\tB"];
    assert_eq!(names, wanted);
}

#[test]
fn all_invalid_lines_are_named_and_not_quoted() {
    let text = "A=ok\ncanary\nB='two\nlines'\nC=it's\nD=C:\\canary\nE='a'canary\nF=\"\\t\"\nI=#x\nK=''#\nG=\"canary\nH=1";
    let (pairs, problems) = read(text);
    let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [2, 5, 6, 7, 8, 9, 10, 11].map(Some));
    assert!(!format!("{problems:?}").contains("canary"));
    let lines: Vec<_> = pairs.iter().map(|pair| pair.line).collect();
    assert_eq!(lines, [1, 3, 5, 6, 7, 8, 9, 10, 11, 12]);
}

/// Lines of all kinds, most of them made of characters that some reader interprets.
fn texts() -> impl Strategy<Value = String> {
    let name = proptest::sample::select(&["A", "B", "export A", " B ", "A_b"][..]);
    let piece = proptest::sample::select(
        &[
            "a", "b", "n", "t", " ", "  ", "#", " #", "'", "\"", "\\", "$", "${A}", "${", "}", "=",
            "\t", "\n", "\r\n", "\u{a0}", "\u{3000}", "`", "é", ";", "&", ":", "\u{b}", "\u{feff}",
            "\\n", "\\\"", "\\'",
        ][..],
    );
    let value = prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat());
    let value = (proptest::sample::select(&["", "'", "\""][..]), value)
        .prop_map(|(quote, value)| format!("{quote}{value}{quote}"));
    let line = (name, value).prop_map(|(name, value)| format!("{name}={value}"));
    let line = prop_oneof![9 => line, 1 => Just("# x".to_owned()), 1 => Just(String::new())];
    prop::collection::vec(line, 1..4).prop_map(|lines| lines.join("\n") + "\n")
}

/// Returns true if a text has a blank line or a comment after white space: node takes it for a part of the next
/// name.
fn is_misread_by_node(text: &str) -> bool {
    let mut lines = text.lines();
    lines.any(|line| is_blank(line) && line.starts_with(char::is_whitespace))
}

/// Returns texts that this reader accepts, and the pairs in them.
fn accepted() -> (Vec<String>, Vec<Pairs>) {
    let mut runner = TestRunner::deterministic();
    let texts = texts();
    let made = (0..20_000).map(|_| texts.new_tree(&mut runner).unwrap().current());
    let read = made.filter(|text| !is_misread_by_node(text));
    let read = read.filter_map(|text| {
        let pairs = pairs(&text)?.into_iter();
        let pairs: Pairs = pairs.map(|(name, value)| (name, Some(value))).collect();
        has_valid_names(pairs.keys()).then_some((text, pairs))
    });
    read.unzip()
}

/// Returns true if secrets can have these names. Readers differ in others.
fn has_valid_names<'a>(mut names: impl Iterator<Item = &'a String>) -> bool {
    names.all(|name| KeyName::parse(name.as_str()).is_ok())
}

/// Gives texts as JSON to a program that prints what it read; `None` if it is not installed.
fn read_by(command: &mut Command, texts: &[String]) -> Option<Vec<Pairs>> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        child => child.unwrap(),
    };
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(&serde_json::to_vec(texts).unwrap())
        .unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    /// `dotenvy` also reads escapes, so there are no backslashes.
    #[test]
    fn dotenvy_reads_the_same(
        lines in prop::collection::vec("[AB](=| = )[ab=#'\" ntr\t\n\r]{0,9}", 1..4),
    ) {
        let text = lines.join("\n");
        let theirs: Result<Vec<_>, _> = dotenvy::from_read_iter(text.as_bytes()).collect();
        let ours = pairs(&text).filter(|pairs| has_valid_names(pairs.iter().map(|(name, _)| name)));
        if let (Some(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert_eq!(ours, theirs, "{:?}", text);
        }
    }
}

/// Node since 20.12 has its parser as a function.
#[test]
fn node_reads_the_same() {
    let script = "const {parseEnv} = require('util');
        const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'));
        console.log(JSON.stringify(texts.map(text => parseEnv(text))))";
    assert_read_alike(Command::new("node").args(["-e", script]));
}

#[test]
fn python_dotenv_reads_the_same() {
    let Some(packages) = env::var_os("HELVETISAFE_TEST_DOTENV_READERS") else {
        return eprintln!("skipped, not installed: python-dotenv");
    };
    let script = "import io, json, sys, dotenv
texts = json.load(sys.stdin)
print(json.dumps([dotenv.dotenv_values(stream=io.StringIO(text, newline='')) for text in texts]))";
    let mut command = Command::new("python3");
    command.args(["-c", script]);
    command.env("PYTHONPATH", Path::new(&packages).join("python"));
    assert_read_alike(command.env("PYTHONUTF8", "1"));
}

fn assert_read_alike(command: &mut Command) {
    let (texts, wanted) = accepted();
    assert!(texts.len() > 2_000, "{} accepted", texts.len());
    let Some(read) = read_by(command, &texts) else {
        return eprintln!("skipped, not installed: {command:?}");
    };
    let all = texts.iter().zip(&wanted).zip(&read);
    let others: Vec<_> = all.filter(|((_, wanted), read)| wanted != read).collect();
    assert!(
        others.is_empty(),
        "{}: {:?}",
        others.len(),
        &others[..others.len().min(20)]
    );
}
