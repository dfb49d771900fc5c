//! Real readers read the output back, exactly and without additions.
//!
//! Bash, `sh` and node are used if they are installed. The packages of npm and PyPI are in the folder that
//! `HELVETISAFE_TEST_DOTENV_READERS` names, as `.ci/run` creates it. A missing reader is skipped with a
//! message on standard error; with that variable it is a failure.

mod rules;

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use proptest::prelude::*;

use super::super::format::Format;
use super::super::tests::{text, values};
use crate::commands::selection::Variable;

const PACKAGES: &str = "HELVETISAFE_TEST_DOTENV_READERS";

/// The names in a file, and their values.
type Pairs = BTreeMap<String, String>;

/// Reads a file; `None` if the reader is not installed.
type Reader = fn(&Path) -> Option<Pairs>;

const READERS: &[(&str, Reader)] = &[
    ("bash", |file| shell("bash", file)),
    ("sh", |file| shell("sh", file)),
    ("node --env-file", node),
    ("dotenv of npm", |file| npm("{}", file)),
    ("dotenv of npm, fast", |file| npm("{fast: true}", file)),
    ("python-dotenv", python),
    ("dotenvy", dotenvy),
    ("the rules of docker compose", |file| {
        Some(rules::compose(&read(file)))
    }),
    ("the rules of python-dotenv", |file| {
        Some(rules::python(&read(file)))
    }),
];

/// Sources the file, and prints the environment.
fn shell(shell: &str, file: &Path) -> Option<Pairs> {
    let script = "set -a; . \"$1\"; exec env -0";
    let mut command = Command::new(shell);
    let output = output(command.args(["-c", script, shell]).arg(file))?;
    let mut pairs: Pairs = output
        .split_terminator('\0')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    // Shells set these.
    for name in ["_", "OLDPWD", "PWD", "SHLVL"] {
        pairs.remove(name);
    }
    Some(pairs)
}

/// Uses a relative path: node 20.6 treats every path as one.
fn node(file: &Path) -> Option<Pairs> {
    let name = file.file_name()?.to_str()?;
    let mut command = Command::new("node");
    command
        .arg(format!("--env-file={name}"))
        .current_dir(file.parent()?);
    let output = output(command.args(["-e", "console.log(JSON.stringify(process.env))"]))?;
    Some(serde_json::from_str(&output).unwrap())
}

fn npm(options: &str, file: &Path) -> Option<Pairs> {
    let module = packages()?.join("node_modules/dotenv");
    let script = format!(
        "const [module, file] = process.argv.slice(1);
         const text = require('fs').readFileSync(file);
         console.log(JSON.stringify(require(module).parse(text, {options})))"
    );
    let mut command = Command::new("node");
    let output = output(command.args(["-e", &script]).arg(module).arg(file))?;
    Some(serde_json::from_str(&output).unwrap())
}

fn python(file: &Path) -> Option<Pairs> {
    let packages = packages()?.join("python");
    let script = "import sys, json, dotenv; print(json.dumps(dotenv.dotenv_values(sys.argv[1])))";
    let mut command = Command::new("python3");
    command.args(["-c", script]).arg(file);
    command.env("PYTHONPATH", packages).env("PYTHONUTF8", "1");
    let output = output(&mut command)?;
    Some(serde_json::from_str(&output).unwrap())
}

fn dotenvy(file: &Path) -> Option<Pairs> {
    let pairs = dotenvy::from_path_iter(file).unwrap();
    Some(pairs.collect::<Result<_, _>>().unwrap())
}

/// Returns standard output, with an environment of a path and what the command sets; `None` if the program
/// does not exist.
fn output(command: &mut Command) -> Option<String> {
    let set: Vec<_> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    let path = env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).envs(set);
    let output = match command.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        output => output.unwrap(),
    };
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

fn packages() -> Option<PathBuf> {
    env::var_os(PACKAGES).map(PathBuf::from)
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

/// Prints past the capture of the tests, so that it is visible when they pass.
fn report_skipped(names: &[&str]) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut stderr = io::stderr();
        let _ = writeln!(stderr, "skipped, not installed: {}", names.join(", "));
    });
}

/// Reads one file with all values by each reader.
fn assert_read_alike(values: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("values.env");
    let names: Vec<_> = (0..values.len())
        .map(|n| format!("HELVETISAFE_TEST_{n}"))
        .collect();
    let pairs = names.iter().zip(values);
    let variables: Vec<_> = pairs
        .clone()
        .map(|(name, value)| Variable::new(name, value))
        .collect();
    std::fs::write(&file, text(Format::Dotenv, &variables).as_bytes()).unwrap();
    let wanted: Pairs = pairs
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut skipped = Vec::new();
    for (reader, read) in READERS {
        match read(&file) {
            None => skipped.push(*reader),
            Some(mut found) => {
                found.remove("PATH");
                for (name, value) in &found {
                    assert_eq!(wanted.get(name), Some(value), "{name}, by {reader}");
                }
                assert_eq!(found.len(), wanted.len(), "{reader}");
            }
        }
    }
    if !skipped.is_empty() {
        assert_eq!(packages(), None, "not installed: {}", skipped.join(", "));
        report_skipped(&skipped);
    }
}

fn is_refused(value: &str) -> bool {
    Format::Dotenv.refusal("NAME", value).is_some()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_time: 20_000, ..ProptestConfig::default() })]
    #[test]
    fn every_value_that_is_not_refused_is_read_alike(values in prop::collection::vec(values(), 300..500)) {
        let values: Vec<_> = values.into_iter().filter(|value| !is_refused(value)).collect();
        assert_read_alike(&values);
    }
}

/// Each character at each edge, alone, doubled, and around a letter.
#[test]
fn edges_are_read_alike() {
    let edges = (1_u8..128)
        .map(char::from)
        .chain("\u{80}\u{85}\u{a0}é\u{2028}\u{2029}\u{feff}\u{fffe}🔑".chars());
    let values = edges.flat_map(|c| {
        [
            format!("{c}"),
            format!("{c}{c}"),
            format!("{c}a"),
            format!("a{c}"),
            format!("a{c}b"),
            format!("{c}a{c}"),
        ]
    });
    let values: Vec<_> = values.filter(|value| !is_refused(value)).collect();
    assert!(values.len() > 500, "{}", values.len());
    assert_read_alike(&values);
}

#[test]
fn single_quotes_are_preferred() {
    for (value, quoted) in [
        ("", "''"),
        (
            "$HOME `id` $(id) \"#\" = \\n",
            "'$HOME `id` $(id) \"#\" = \\n'",
        ),
        (" \ta ", "' \ta '"),
        ("it's", "\"it's\""),
        ("''#!", "\"''#!\""),
    ] {
        assert!(!is_refused(value), "{value}");
        let file = text(Format::Dotenv, &[Variable::new("NAME", value)]);
        assert_eq!(*file, format!("NAME={quoted}\n"));
    }
}

/// One reader read or ran each of them differently.
#[test]
fn ambiguous_values_are_refused() {
    for value in [
        "\0",
        "\r",
        "a\nb",
        "\n",
        "\u{1b}[2J",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "a\\",
        "a\\\\b",
        "${HOME}",
        "${",
        "'\"",
        "it's `id`",
        "'$",
        "'\\",
        "x'\"\nNODE_OPTIONS=--require=./evil.js\n",
    ] {
        assert!(is_refused(value), "{value}");
    }
}
