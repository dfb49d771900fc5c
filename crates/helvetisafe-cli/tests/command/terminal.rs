//! What a person sees, on a real terminal.

use std::process::Command;
use std::time::Duration;

use rexpect::session::{PtySession, spawn_command};

use crate::proxy::{Deed, Proxy};
use crate::world::{World, vault_address};

fn start(mut command: Command) -> PtySession {
    command.env("TERM", "xterm");
    spawn_command(command, Some(20_000)).unwrap()
}

fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command();
    command.args(arguments);
    command
}

/// All that is shown until the command ends.
pub(crate) fn shown(command: Command) -> String {
    start(command).exp_eof().unwrap()
}

fn set(world: &World, key: &str, value: &str) {
    let mut session = start(command(world, &["set", key]));
    for prompt in ["Value of ", "again: "] {
        session.exp_string(prompt).unwrap();
        session.send_line(value).unwrap();
    }
    let rest = session.exp_eof().unwrap();
    assert!(rest.contains(&format!("created `{key}`")), "{rest}");
}

#[test]
fn a_value_is_asked_for_twice_and_never_shown() {
    let world = World::new();
    let mut session = start(command(&world, &["set", "KEY"]));
    let mut all = session.exp_string("Value of KEY: ").unwrap();
    session.send_line("hunter2").unwrap();
    all += &session.exp_string("Value of KEY, again: ").unwrap();
    session.send_line("hunter3").unwrap();
    all += &session.exp_eof().unwrap();
    assert!(all.contains("the two values differ"), "{all}");
    assert!(!all.contains("hunter"), "{all}");

    set(&world, "KEY", "hunter2");
    let value = shown(command(&world, &["get", "KEY"]));
    assert_eq!(value, "hunter2\r\n");
}

#[test]
fn a_table_has_a_heading_and_expiries_in_words() {
    let world = World::new();
    let empty = shown(command(&world, &["list", "--color", "never"]));
    assert!(empty.ends_with("helvetisafe: no secrets\r\n"), "{empty}");

    shown(command(
        &world,
        &["set", "SHORT", "--generate", "--expires-in", "73h"],
    ));
    shown(command(&world, &["set", "A_LONGER_NAME", "--generate"]));
    let table = shown(command(&world, &["list", "--color", "never"]));
    let lines: Vec<_> = table.lines().collect();
    assert!(
        lines[0].starts_with("KEY            CREATED (UTC)"),
        "{table}"
    );
    assert!(lines[1].starts_with("A_LONGER_NAME  20"), "{table}");
    assert!(lines[1].ends_with("never"), "{table}");
    assert!(lines[2].starts_with("SHORT          20"), "{table}");
    assert!(lines[2].ends_with("in 3 days"), "{table}");
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let world = World::new();
    let failing = || command(&world, &["get", "NOTHING"]);
    assert!(shown(failing()).contains("\u{1b}["));
    let mut plain = failing();
    plain.env("NO_COLOR", "1");
    assert!(!shown(plain).contains('\u{1b}'));
    let never = command(&world, &["get", "NOTHING", "--color", "never"]);
    assert!(!shown(never).contains('\u{1b}'));
}

#[test]
fn a_value_cannot_drive_the_terminal() {
    let world = World::new();
    let folder = world.folder.path();
    std::fs::write(folder.join("value"), "a\u{1b}[2J\tb\nc\u{9b}\u{202e}").unwrap();
    shown(command(&world, &["set", "KEY", "--value-file", "value"]));
    let value = shown(command(&world, &["get", "KEY"]));
    assert_eq!(value, "a\\u001b[2J\tb\r\nc\\u009b\\u202e\r\n");
}

#[test]
fn a_bar_appears_though_nothing_is_done_yet() {
    let world = World::new();
    world.set("KEY", "hunter2");
    let slow_once = || {
        let proxy = Proxy::start(vault_address(), |seen, before| {
            let is_first = before.iter().all(|other| other.path != seen.path);
            match seen.path.ends_with("/KEY") && is_first {
                true => Deed::Stall(Duration::from_millis(1500)),
                false => Deed::Forward,
            }
        });
        proxy.base_url()
    };
    let export = |options: &[&str]| {
        let mut command = command(&world, &["export", "--format", "json", "--key", "KEY"]);
        command
            .args(options)
            .env("HELVETISAFE_BASE_URL", slow_once());
        command
    };
    let all = shown(export(&[]));
    assert!(all.contains("0 of 1"), "{all}");
    let all = shown(export(&["--quiet"]));
    assert!(all.contains("hunter2") && !all.contains(" of 1"), "{all}");
    let piped = export(&[]).output().unwrap();
    assert!(piped.status.success());
    assert_eq!(piped.stderr, b"");
}

#[test]
fn a_delete_asks() {
    let world = World::new();
    shown(command(&world, &["set", "A", "--generate"]));
    for (answer, result) in [("n", "nothing was deleted"), ("y", "deleted `A`")] {
        let mut session = start(command(&world, &["delete", "A"]));
        session.exp_string("delete A? [y/N]").unwrap();
        session.send_line(answer).unwrap();
        let rest = session.exp_eof().unwrap();
        assert!(rest.contains(result), "{rest}");
    }
    let gone = shown(command(&world, &["delete", "A", "--yes"]));
    assert!(gone.contains("there is no secret `A`"), "{gone}");
}
