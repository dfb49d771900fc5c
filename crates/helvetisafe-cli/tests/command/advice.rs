//! The advice in messages works when it is followed literally.

use std::process::{Command, Output, Stdio};

use crate::world::World;

fn run(world: &World, arguments: &[&str], input: &str) -> Output {
    world.write("input", input, 0o600);
    let input = std::fs::File::open(world.folder.path().join("input")).unwrap();
    let mut command: Command = world.command();
    let command = command.args(arguments).stdin(input);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the options that begin with `--exclude` in a message.
fn advised(message: &str) -> Vec<&str> {
    let words = message.split_whitespace();
    let words = words.map(|word| {
        word.trim_start_matches('(')
            .trim_end_matches([',', ';', ')'])
    });
    let mut options = Vec::new();
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        match word {
            "--exclude" | "--env" => {
                options.push(word);
                options.extend(words.next());
            }
            _ if options.contains(&"--env") => break,
            _ => options.clear(),
        }
    }
    options
}

/// Exports all as JSON, with the options that a first refusal advises.
fn export_as_advised(world: &World, advice: &[&str]) -> serde_json::Value {
    let arguments = [&["export", "--format", "json"], advice].concat();
    let output = run(world, &arguments, "");
    assert!(output.status.success(), "{advice:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_advice_about_fields_alone_keeps_all_other_secrets() {
    let world = World::new();
    world.set("OTHER", "o");
    for (fields, wanted) in [
        (
            &[("ONE", "F")][..],
            serde_json::json!({"OTHER": "o", "NAME": "v"}),
        ),
        (
            &[("ONE", "F"), ("TWO", "G")],
            serde_json::json!({"OTHER": "o", "NAME": "v", "NAME2": "v"}),
        ),
    ] {
        for (key, field) in fields {
            run(
                &world,
                &["set", key, "--field", field, "--allow-unbound"],
                "v",
            );
        }
        let refused = run(&world, &["export", "--format", "json"], "");
        assert_eq!(refused.status.code(), Some(8), "{}", stderr(&refused));
        let message = stderr(&refused);
        assert_eq!(
            export_as_advised(&world, &advised(&message)),
            wanted,
            "{message}"
        );
    }
}

#[test]
fn a_write_that_leaves_one_field_of_another_name_warns() {
    let world = World::new();
    world.write("one.json", r#"{"IMPORTED": {"F": "v"}}"#, 0o600);
    for (arguments, input, warns) in [
        (&["set", "A", "--field", "F"][..], "v", true),
        (&["create", "B", "--field", "F"], "v", true),
        (&["set", "C", "--fields"], r#"{"F": "v"}"#, true),
        (&["import", "one.json"], "", true),
        (&["set", "D", "--fields"], r#"{"F": "v", "G": "v"}"#, false),
        (&["set", "D", "--field", "F"], "w", false),
        (&["update", "D", "--field", "F"], "x", false),
        (&["set", "E"], "v", false),
    ] {
        let output = run(&world, arguments, input);
        let message = stderr(&output);
        assert!(output.status.success(), "{arguments:?}: {message}");
        let says = "with the one field `F`, since the vault may exchange such secrets";
        assert_eq!(message.contains(says), warns, "{arguments:?}: {message}");
    }
}

#[test]
fn the_advice_about_a_common_field_keeps_the_other_fields() {
    let world = World::new();
    for (key, fields) in [
        ("A", r#"{"HOST": "a", "USER": "a", "LD_PRELOAD": "a"}"#),
        ("B", r#"{"HOST": "b", "USER": "b", "PASS": "b"}"#),
    ] {
        let written = run(&world, &["set", key, "--fields"], fields);
        assert!(written.status.success(), "{}", stderr(&written));
    }
    let refused = run(&world, &["export", "--format", "json"], "");
    let message = stderr(&refused);
    let first = message
        .lines()
        .find(|line| line.contains("would both be"))
        .unwrap();
    let advice = advised(first);
    let wanted = [
        "--exclude",
        "B",
        "--env",
        "OTHER=B.HOST",
        "--env",
        "OTHER2=B.USER",
        "--env",
        "PASS=B.PASS",
    ];
    assert_eq!(advice, wanted, "{message}");
    let advice = [&advice[..], &["--allow-name", "LD_PRELOAD"]].concat();
    let wanted = serde_json::json!({
        "HOST": "a", "USER": "a", "LD_PRELOAD": "a", "OTHER": "b", "OTHER2": "b", "PASS": "b"
    });
    assert_eq!(export_as_advised(&world, &advice), wanted);
}

#[test]
fn one_variable_from_one_source_is_no_clash() {
    let world = World::new();
    world.set("T", "t");
    world.set("U", "u");
    world.write("ef", "A=hs://T\n", 0o600);
    let printed = |source: &str| {
        let named = format!("A={source}");
        let arguments = [
            "run",
            "--env-file",
            "ef",
            "--env",
            &named,
            "--",
            "sh",
            "-c",
            "echo $A",
        ];
        run(&world, &arguments, "")
    };
    let same = printed("T");
    assert_eq!(same.stdout, b"t\n", "{}", stderr(&same));
    let other = printed("U");
    assert_eq!(other.status.code(), Some(125));
    let says = "the secret `T` (in the file) and the secret `U` would both be `A`";
    let says_reversed = "the secret `U` and the secret `T` (in the file) would both be `A`";
    let message = stderr(&other);
    assert!(
        message.contains(says) || message.contains(says_reversed),
        "{message}"
    );
}

#[test]
fn a_lone_newline_is_an_empty_value() {
    let world = World::new();
    for (input, options, status) in [
        ("\n", &[][..], 2),
        ("\r\n", &[], 2),
        ("\n", &["--base64"], 2),
        ("\n", &["--trim-newline"], 2),
        ("\n", &["--allow-empty"], 0),
        ("\n\n", &[], 0),
        (" \n", &[], 0),
    ] {
        let output = run(&world, &[&["set", "KEY"], options].concat(), input);
        let message = stderr(&output);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{input:?} {options:?}: {message}"
        );
        assert!(
            status == 0 || message.contains("--allow-empty"),
            "{message}"
        );
    }
    world.set("KEY", "v");
}

#[test]
fn an_empty_field_in_an_env_file_is_named() {
    let world = World::new();
    world.set("T", "t");
    world.write("ef", "A=hs://T#\n", 0o600);
    for arguments in [
        &["check", "--env-file", "ef"][..],
        &["run", "--env-file", "ef", "--", "true"],
    ] {
        let output = run(&world, arguments, "");
        let message = stderr(&output);
        assert!(!output.status.success(), "{message}");
        assert!(
            message.contains("A: its reference is malformed: the field after `#` is empty"),
            "{message}"
        );
    }
}
