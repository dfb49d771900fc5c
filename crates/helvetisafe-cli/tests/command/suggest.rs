//! "Did you mean" is a courtesy: it holds nothing up.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::proxy::{Deed, Proxy};
use crate::world::{World, vault_address};

const ALL: &str = "/api/v1/secrets";

#[test]
fn a_list_that_takes_long_is_not_waited_for() {
    let world = World::new();
    let proxy = Proxy::start(vault_address(), |seen, _| match seen.is("GET", ALL) {
        true => Deed::Stall(Duration::from_secs(20)),
        false => Deed::Forward,
    });
    let mut command = world.command();
    command.env("HELVETISAFE_BASE_URL", proxy.base_url());
    command.args(["get", "MISSING"]).stdin(Stdio::null());
    let begun = Instant::now();
    let output = command.output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert_eq!(proxy.count("GET", ALL), 1);
}

#[test]
fn names_are_asked_for_once() {
    let world = World::new();
    world.set("DATABASE", "value");
    let proxy = Proxy::start(vault_address(), |_, _| Deed::Forward);
    let mut command = world.command();
    command.env("HELVETISAFE_BASE_URL", proxy.base_url());
    command.args(["get", "DATABAS", "DATABASES"]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        told.matches("did you mean `DATABASE`?").count(),
        2,
        "{told}"
    );
    assert_eq!(proxy.count("GET", ALL), 1);
}
