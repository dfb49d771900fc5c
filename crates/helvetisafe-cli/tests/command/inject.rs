//! Files that are filled with secrets.

use std::collections::HashMap;
use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use helvetisafe_test_support::Action;

use crate::world::{World, start_proxy};

#[test]
fn a_kill_leaves_the_old_file_or_the_new_one() {
    let world = World::new();
    let (old, new) = ("o".repeat(200_000), "n".repeat(200_000));
    world.set("BIG", &new);
    world.write("template", "{{ secret \"BIG\" }}", 0o600);
    let folder = world.folder.path();
    for (arguments, file) in [
        (["inject", "template", "-o", "out"], "out"),
        (
            ["inject", "--output-dir", "files", "--key=BIG"],
            "files/BIG",
        ),
    ] {
        let file = folder.join(file);
        fs::create_dir_all(folder.join("files")).unwrap();
        fs::write(&file, &old).unwrap();
        // Each round kills later, until one has written before.
        let mut replaced = 0;
        for delay in (0..1000).map(|n| Duration::from_millis(n * 12)) {
            let mut command = world.command();
            let mut child = command
                .args(arguments)
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            thread::sleep(delay);
            let _ = child.kill();
            child.wait().unwrap();
            let text = fs::read_to_string(&file).unwrap();
            assert!(text == old || text == new, "{} bytes", text.len());
            if text == new {
                replaced += 1;
                fs::write(&file, &old).unwrap();
            }
            if replaced == 5 {
                break;
            }
        }
        assert_eq!(replaced, 5, "every run was killed before it wrote");
    }
}

#[test]
fn each_secret_is_fetched_once() {
    let world = World::new();
    let mut template = String::new();
    for n in 0..20 {
        world.set(&format!("KEY_{n}"), "value");
        template += &format!("{{{{ secret \"KEY_{n}\" }}}} {{{{ secret \"KEY_{n}\" }}}}\n");
    }
    world.write("template", &template, 0o600);
    let proxy = start_proxy(|_, _| Action::Forward);
    let mut command = world.command_through(&proxy);
    let output = command.args(["inject", "template"]).output().unwrap();
    assert_eq!(output.stdout, "value value\n".repeat(20).as_bytes());
    let mut counts = HashMap::new();
    for seen in proxy.log() {
        *counts.entry(seen.path).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 22, "{counts:?}");
    assert!(counts.values().all(|&count| count == 1), "{counts:?}");
}
