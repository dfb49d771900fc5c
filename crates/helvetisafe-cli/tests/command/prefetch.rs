//! The calls of a read that are in flight together: over a network, each one after another is a round trip.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe_test_support::server::{End, Reply, serve};

use crate::world::{World, vault_address};

/// The time in which calls that are in flight together arrive, also on a busy machine.
const TOGETHER: Duration = Duration::from_secs(10);

/// Starts a proxy that answers a call for the org key or a secret after `count` of them have arrived. Returns its
/// URL and the paths of the requests.
fn meeting(count: usize) -> (String, Arc<Mutex<Vec<String>>>) {
    let paths = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&paths);
    let address = serve(move |request| {
        log.lock().unwrap().push(request.path.clone());
        let has_met = || {
            let paths = log.lock().unwrap();
            paths.iter().filter(|path| *path != "/oauth/token").count() >= count
        };
        let begun = Instant::now();
        while request.path != "/oauth/token" && !has_met() {
            assert!(begun.elapsed() < TOGETHER, "{} came alone", request.path);
            thread::sleep(Duration::from_millis(5));
        }
        Reply::new(request.forward(vault_address()), End::KeepOpen)
    });
    (format!("http://{address}"), paths)
}

/// A write that could lose fields reads the secret, without a round trip more.
#[test]
fn a_write_reads_the_secret_together_with_the_org_key() {
    let world = World::new();
    world.set("A", "1");
    for arguments in [
        &["set", "A", "--generate"][..],
        &["update", "A", "--generate"],
        &["import", "a.env", "--overwrite"],
    ] {
        world.write("a.env", "A=3\n", 0o600);
        let (url, paths) = meeting(2);
        let mut command = world.command();
        command.args(arguments).env("HELVETISAFE_BASE_URL", url);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        // The token, the two that met, and the write.
        assert_eq!(paths.lock().unwrap().len(), 4, "{arguments:?}");
    }
}

#[test]
fn a_read_fetches_the_org_key_and_its_secrets_together() {
    let world = World::new();
    for (key, value) in [("A", "1"), ("B", "2")] {
        world.set(key, value);
    }
    let cases: [(&[&str], usize, &str); 4] = [
        (&["get", "A"], 2, "1"),
        (&["get", "A", "B"], 3, "1\n2\n"),
        (
            &["export", "--format", "json", "--key", "A"],
            2,
            "{\"A\":\"1\"}\n",
        ),
        (
            &["run", "--key", "A", "--", "sh", "-c", "printf $A"],
            2,
            "1",
        ),
    ];
    for (arguments, calls, expected) in cases {
        let (url, paths) = meeting(calls);
        let mut command = world.command();
        command.args(arguments).env("HELVETISAFE_BASE_URL", url);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            expected,
            "{arguments:?}"
        );
        assert_eq!(paths.lock().unwrap().len(), calls + 1, "{arguments:?}");
    }
}
