//! Results that cannot be fetched again, a token and an invitation code: nothing is made for one that cannot be written, and a
//! lost one is taken back with the command in the message.

use std::fs::File;
use std::process::Stdio;

use crate::organization::{Organization, command, fails, json, ok};

/// The commands that make something, that list it, and that take it back.
const MADE: [(&[&str], &[&str], &[&str]); 2] = [
    (
        &["token", "create", "t", "--scopes", "reader"],
        &["token", "list", "--json"],
        &["token", "revoke", "t"],
    ),
    (
        &["org", "invite", "t", "--scopes", "reader"],
        &["org", "pending", "--json"],
        &["org", "withdraw", "t"],
    ),
];

fn count(organization: &Organization, list: &[&str]) -> usize {
    let list = json(&ok(organization.with("ada", list)));
    list.as_array().unwrap().len()
}

#[test]
fn nothing_is_made_for_a_file_that_cannot_be_written() {
    let organization = Organization::new();
    for (make, list, _) in MADE {
        for output in ["missing/file", "ada", "/proc/x"] {
            for dry in [&[][..], &["--dry-run"]] {
                let line = [make, &["--output", output], dry].concat();
                let text = fails(&organization.with("ada", &line), 1);
                let says = format!("cannot write {output}");
                assert!(text.contains(&says), "{line:?}: {text}");
            }
        }
        assert_eq!(count(&organization, list), 0, "{make:?}");
        ok(organization.with("ada", &[make, &["--output", "file"]].concat()));
        assert!(organization.path("file").exists());
    }
}

#[test]
fn a_lost_result_names_the_command_that_takes_it_back() {
    let organization = Organization::new();
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let closed = || std::io::pipe().unwrap().1;
    for (make, list, take_back) in MADE {
        for (option, stdout) in [
            (&["--output", "/dev/full"][..], Stdio::null()),
            (&[], full().into()),
            (&["--json"], full().into()),
            (&[], closed().into()),
        ] {
            let line = [&["--config", "ada/config.toml"], make, option].concat();
            let mut command = command(&organization.world, None, &line, "");
            let child = command.stdout(stdout).spawn().unwrap();
            let text = fails(&child.wait_with_output().unwrap(), 1);
            let says = format!("`helvetisafe {}", take_back.join(" "));
            assert!(text.contains(&says), "{line:?}: {text}");
            assert_eq!(text.lines().count(), 1, "{line:?}: {text}");
            assert_eq!(count(&organization, list), 1, "{line:?}");
            ok(organization.with("ada", &[take_back, &["--yes"]].concat()));
        }
    }
}

/// The head of the chain cannot be remembered, and the code is not lost with it.
#[test]
fn a_code_is_printed_also_if_the_state_folder_cannot_be_written() {
    if rustix::process::geteuid().is_root() {
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    let organization = Organization::new();
    let state = organization.path(".local/state/helvetisafe");
    let mode = |mode| std::fs::set_permissions(&state, PermissionsExt::from_mode(mode)).unwrap();
    mode(0o500);
    let output = organization.with("ada", &["org", "invite", "t", "--scopes", "reader"]);
    mode(0o700);
    assert!(!output.stdout.is_empty(), "{output:?}");
}
