//! The suggestion "did you mean" delays no failure for long.

use std::time::{Duration, Instant};

use helvetisafe_test_support::Action;

use crate::world::{World, start_proxy};

const ALL: &str = "/api/v1/secrets";

#[test]
fn a_slow_list_gives_no_suggestions() {
    let world = World::new();
    let proxy = start_proxy(|seen, _| match seen.is("GET", ALL) {
        true => Action::Stall(Duration::from_secs(20)),
        false => Action::Forward,
    });
    let mut command = world.command_through(&proxy);
    command.args(["get", "MISSING"]);
    let begun = Instant::now();
    let output = command.output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert_eq!(proxy.count("GET", ALL), 1);
}

#[test]
fn the_list_for_suggestions_is_requested_once() {
    let world = World::new();
    world.set("DATABASE", "value");
    let proxy = start_proxy(|_, _| Action::Forward);
    let mut command = world.command_through(&proxy);
    command.args(["get", "DATABAS", "DATABASES"]);
    let output = command.output().unwrap();
    let messages = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        messages.matches("did you mean `DATABASE`?").count(),
        2,
        "{messages}"
    );
    assert_eq!(proxy.count("GET", ALL), 1);
}
