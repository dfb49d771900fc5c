//! A process that was stopped while it held a lock of the state folder holds nobody up for good.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use crate::world::World;

/// How long a command waits for the remembered org keys, and for what is kept, which it can do without.
const KNOWN: Duration = Duration::from_secs(10);
const KEPT: Duration = Duration::from_secs(2);
/// With some seconds for what else it does.
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

/// Its status and what it told, of a command that gave up waiting.
fn end(child: Child, begun: Instant, patience: Duration, lock: &Path) -> (Output, String) {
    let output = child.wait_with_output().unwrap();
    let (elapsed, told) = (begun.elapsed(), String::from_utf8_lossy(&output.stderr));
    assert!(elapsed >= patience && elapsed < ENOUGH, "{elapsed:?}");
    let seconds = patience.as_secs();
    let wanted = format!(
        "another process has locked {} for {seconds} s",
        lock.display()
    );
    assert!(told.contains(&wanted), "{told}");
    let told = told.into_owned();
    (output, told)
}

/// All at the same time, since each waits.
#[test]
fn a_lock_that_is_never_released_is_reported() {
    let (first, kept) = (World::new(), World::new());
    let state = |world: &World| world.folder.path().join(".local/state/helvetisafe");
    let offline = ["run", "--prefer-offline", "--env"];
    let offline = |of: &'static str| [&offline[..], &[of, "--", "printenv", "A"]].concat();
    for key in ["KEY", "OTHER"] {
        kept.set(key, key);
    }
    let done = start(&kept, &offline("A=KEY")).wait_with_output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let known = state(&first).join(".known-vaults.lock");
    let cache = lock_in(&state(&kept).join("cache"));
    let _locks = [hold(&known), hold(&cache)];

    let begun = Instant::now();
    let list = start(&first, &["list"]);
    let set = start(&first, &["set", "KEY", "--generate"]);
    let pin = start(&first, &["trust", "pin", &first.fingerprint()]);
    let run = start(&kept, &offline("A=OTHER"));

    // What reads goes on.
    let (output, told) = end(list, begun, KNOWN, &known);
    assert!(
        output.status.success() && told.contains("warning"),
        "{told}"
    );
    // What writes does not.
    for (child, status) in [(set, 8), (pin, 1)] {
        let (output, told) = end(child, begun, KNOWN, &known);
        assert_eq!(output.status.code(), Some(status), "{told}");
        assert!(!told.contains("HELVETISAFE_STATE_DIR"), "{told}");
    }
    let mut get = first.command();
    get.args(["get", "KEY"])
        .env("HELVETISAFE_STATE_DIR", "none");
    assert_eq!(get.output().unwrap().status.code(), Some(5));
    // A program starts all the same.
    let (output, told) = end(run, begun, KEPT, &cache);
    assert!(
        output.status.success() && told.contains("warning"),
        "{told}"
    );
    assert_eq!(output.stdout, b"OTHER\n");
}

fn lock_in(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder).unwrap();
    let mut files = files.map(|entry| entry.unwrap().path());
    let lock = files.find(|path| path.extension().is_some_and(|it| it == "lock"));
    lock.unwrap()
}
