//! A process that stops while it holds a lock of the state folder does not block other commands forever.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use crate::world::World;

/// The timeout for the lock of the remembered org keys.
const KNOWN: Duration = Duration::from_secs(10);
/// The timeout for the lock of the cache.
const CACHE: Duration = Duration::from_secs(2);
/// The maximum duration of a command, with some seconds for its other work.
const ENOUGH: Duration = Duration::from_secs(30);

fn hold(file: &Path) -> File {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let lock = File::create(file).unwrap();
    lock.lock().unwrap();
    lock
}

fn start(world: &World, arguments: &[&str]) -> Child {
    let mut command = world.command();
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Returns the output and the messages of a command whose wait for a lock timed out.
fn end(child: Child, begun: Instant, timeout: Duration, lock: &Path) -> (Output, String) {
    let output = child.wait_with_output().unwrap();
    let (elapsed, messages) = (begun.elapsed(), String::from_utf8_lossy(&output.stderr));
    assert!(elapsed >= timeout && elapsed < ENOUGH, "{elapsed:?}");
    let seconds = timeout.as_secs();
    let wanted = format!(
        "another process has locked {} for {seconds} s",
        lock.display()
    );
    assert!(messages.contains(&wanted), "{messages}");
    let messages = messages.into_owned();
    (output, messages)
}

/// The commands run at the same time, since each waits.
#[test]
fn a_lock_that_is_never_released_is_reported() {
    let (first, cached) = (World::new(), World::new());
    let state = |world: &World| world.folder.path().join(".local/state/helvetisafe");
    let offline = ["run", "--prefer-offline", "--env"];
    let offline = |of: &'static str| [&offline[..], &[of, "--", "printenv", "A"]].concat();
    for key in ["KEY", "OTHER"] {
        cached.set(key, key);
    }
    let done = start(&cached, &offline("A=KEY"))
        .wait_with_output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let known = state(&first).join(".known-vaults.lock");
    let cache = lock_in(&state(&cached).join("cache"));
    let _locks = [hold(&known), hold(&cache)];

    let begun = Instant::now();
    let list = start(&first, &["list"]);
    let set = start(&first, &["set", "KEY", "--generate"]);
    let pin = start(&first, &["trust", "pin", &first.fingerprint()]);
    let run = start(&cached, &offline("A=OTHER"));

    // Reading continues.
    let (output, messages) = end(list, begun, KNOWN, &known);
    assert!(
        output.status.success() && messages.contains("warning"),
        "{messages}"
    );
    // Writing fails.
    for (child, status) in [(set, 8), (pin, 1)] {
        let (output, messages) = end(child, begun, KNOWN, &known);
        assert_eq!(output.status.code(), Some(status), "{messages}");
        assert!(!messages.contains("HELVETISAFE_STATE_DIR"), "{messages}");
    }
    let mut get = first.command();
    get.args(["get", "KEY"])
        .env("HELVETISAFE_STATE_DIR", first.folder.path().join("none"));
    assert_eq!(get.output().unwrap().status.code(), Some(5));
    // A program starts despite the lock.
    let (output, messages) = end(run, begun, CACHE, &cache);
    assert!(
        output.status.success() && messages.contains("warning"),
        "{messages}"
    );
    assert_eq!(output.stdout, b"OTHER\n");
}

fn lock_in(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder).unwrap();
    let mut files = files.map(|entry| entry.unwrap().path());
    let lock = files.find(|path| path.extension().is_some_and(|it| it == "lock"));
    lock.unwrap()
}
