//! The form of `eval` that fails when `export` fails, in the shells of this machine.

use std::process::{Command, Output};

use crate::world::World;

/// As it stands in the README, the guide and the help, with other options after `shell`.
const FORM: [&str; 2] = [
    "eval \"$(helvetisafe export --format shell",
    " || echo false)\"",
];

/// Evaluates an export with these options in the form of the documentation, and prints what follows.
fn evaluate(world: &World, shell: &[&str], options: &str, rest: &str) -> Output {
    let [start, end] = FORM;
    let script = format!("{start} {options}{end}{rest}");
    let mut command = Command::new(shell[0]);
    world.prepare(&mut command);
    command.args(&shell[1..]).args(["-c", &script]);
    command.output().unwrap()
}

fn shells() -> Vec<Vec<&'static str>> {
    let all: [&[&str]; 5] = [
        &["sh"],
        &["bash"],
        &["bash", "--posix"],
        &["dash"],
        &["zsh", "-f"],
    ];
    let is_there = |shell: &&&[&str]| {
        let required = matches!(shell[0], "sh" | "bash");
        required || Command::new(shell[0]).args(["-c", ":"]).status().is_ok()
    };
    all.iter().filter(is_there).map(|it| it.to_vec()).collect()
}

#[test]
fn it_sets_the_variables() {
    let world = World::new();
    world.set("KEY", "it's");
    for shell in shells() {
        let output = evaluate(&world, &shell, "--key KEY", " && printf %s \"$KEY\"");
        assert!(output.status.success(), "{shell:?}: {output:?}");
        assert_eq!(output.stdout, b"it's", "{shell:?}");
    }
}

/// Without `|| echo false` the shell evaluates nothing, which succeeds.
#[test]
fn it_fails_if_the_export_fails() {
    let world = World::new();
    world.set("KEY", "value");
    let failures = [
        "--key KEY --key NONE",
        "--key KEY --base-url https://127.0.0.1:1 --timeout 5s",
        "--key KEY --no-such-option",
        "--key KEY > /dev/full",
    ];
    for shell in shells() {
        for failure in failures {
            let output = evaluate(&world, &shell, failure, " || echo failed");
            assert_eq!(
                output.stdout, b"failed\n",
                "{shell:?} {failure}: {output:?}"
            );
            let strict = [shell.as_slice(), &["-e"]].concat();
            let output = evaluate(&world, &strict, failure, "\necho reached");
            assert!(!output.status.success(), "{strict:?} {failure}: {output:?}");
            assert_eq!(output.stdout, b"", "{strict:?} {failure}");
        }
    }
}

#[test]
fn the_documents_have_no_other_form() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let documents = [
        "README.md",
        "docs/cli.md",
        "crates/helvetisafe-cli/src/commands/export.rs",
    ];
    for document in documents {
        let text = std::fs::read_to_string(format!("{root}{document}")).unwrap();
        let text = text.replace("\\\"", "\"");
        let mut uses = text.match_indices("eval \"$(").map(|(at, _)| &text[at..]);
        let mut uses: Vec<_> = uses.by_ref().filter_map(|it| it.lines().next()).collect();
        uses.retain(|line| line.contains("helvetisafe"));
        assert!(!uses.is_empty(), "{document}");
        for line in uses {
            let [start, end] = FORM;
            assert!(
                line.starts_with(start) && line.contains(end),
                "{document}: {line}"
            );
        }
    }
}
