//! `backup` and `restore` when the disk becomes full, or a file reaches the limit on sizes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::contents::{client, rows};
use crate::interruptions::{is_whole, large};
use crate::process::Serve;
use crate::state::State;

fn run(program: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = output;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// Returns the names of the files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// Runs a command whose files have at most `$0` blocks of 512 bytes. A write beyond that is an error, and no signal.
const LIMITED: &str = "trap '' XFSZ; ulimit -f \"$0\" && exec \"$@\"";

#[track_caller]
fn backup_fails(state: &State, bytes: u64) {
    let (database, output) = (state.database(), state.folder.path().join("b.db"));
    let output = output.to_str().unwrap();
    let program = env!("CARGO_BIN_EXE_helvetisafe-server");
    let (code, stdout, stderr) = run(
        "sh",
        &[
            "-c",
            LIMITED,
            &(bytes / 512).to_string(),
            program,
            "backup",
            "--database",
            &database,
            "--output",
            output,
        ],
    );
    assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
    let start = format!("helvetisafe-server: ERROR: {output}: cannot be used: ");
    assert!(stderr.starts_with(&start), "{stderr}");
    assert!(stderr.contains("has free space"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn a_backup_over_the_limit_leaves_no_file_and_the_source_as_it_was() {
    let state = large();
    let folder = state.folder.path();
    let before = (names(folder), fs::read(state.path()).unwrap());
    let size = before.1.len() as u64;
    for bytes in [64 << 10, size / 2, size - 4096] {
        backup_fails(&state, bytes);
        assert!(
            (names(folder), fs::read(state.path()).unwrap()) == before,
            "{bytes}"
        );
    }
    is_whole(&state.path());

    // A vault that serves meanwhile goes on.
    let serve = Serve::start(&state, &[]);
    backup_fails(&state, size / 2);
    assert!(!names(folder).iter().any(|name| name.starts_with("b.db")));
    let client = client(&serve.base_url, &state.account);
    client.secrets().create("later", "1", None).unwrap();
    serve.stop();
    is_whole(&state.path());
}

/// Makes a disk of 1 MiB with an old database, runs a command, and writes the names of the files on the disk.
const ON_SMALL_DISK: &str = "mount -t tmpfs -o size=1m none \"$1\" && cp -p \"$0\" \"$1/old.db\" && disk=$1 && old=$0 \
    && shift && { \"$@\"; status=$?; cmp \"$old\" \"$disk/old.db\"; ls -A \"$disk\"; exit \"$status\"; }";

/// Linux: a disk of memory.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_old_file_and_no_partial_one() {
    let unshare = ["--map-root-user", "--mount"];
    let is_possible = Command::new("unshare").args(unshare).arg("true").status();
    if !is_possible.is_ok_and(|status| status.success()) {
        return eprintln!("not tested: no namespaces for mounts");
    }
    let (state, old) = (large(), State::new());
    let folder = state.folder.path();
    let disk = folder.join("disk");
    fs::create_dir(&disk).unwrap();
    let [disk, old] = [&disk, &old.path()].map(|path| path.to_str().unwrap().to_owned());
    let source = state.path().to_str().unwrap().to_owned();
    let (before, expected) = (fs::read(&source).unwrap(), rows(&state.path()));
    let from = format!("sqlite:{source}");
    let [old_file, new_file] = ["old.db", "new.db"].map(|name| format!("{disk}/{name}"));
    let [to_old, to_new] = [&old_file, &new_file].map(|file| format!("sqlite:{file}"));
    for (arguments, file, left) in [
        (
            &["backup", "--database", &from, "--output", &new_file][..],
            &new_file,
            "old.db\n",
        ),
        (
            &[
                "backup",
                "--database",
                &from,
                "--output",
                &old_file,
                "--replace",
            ],
            &old_file,
            "old.db\n",
        ),
        (
            &["restore", "--input", &source, "--database", &to_new],
            &new_file,
            "new.db.lock\nold.db\n",
        ),
        (
            &[
                "restore",
                "--input",
                &source,
                "--database",
                &to_old,
                "--replace",
            ],
            &old_file,
            "old.db\nold.db.lock\n",
        ),
        (
            &["copy", "--from", &from, "--to", &to_new],
            &new_file,
            "new.db.lock\nold.db\n",
        ),
    ] {
        let program = env!("CARGO_BIN_EXE_helvetisafe-server");
        let shell = ["sh", "-c", ON_SMALL_DISK, &old, &disk, program];
        let all = [&unshare[..], &shell, arguments].concat();
        let (code, stdout, stderr) = run("unshare", &all);
        assert_eq!((code, &*stdout), (Some(1), left), "{arguments:?} {stderr}");
        assert_eq!(
            stderr,
            format!(
                "helvetisafe-server: ERROR: {file}: cannot be written: the disk is full; free space, or choose a \
                 folder on another disk\n"
            ),
            "{arguments:?}"
        );
        assert!(fs::read(&source).unwrap() == before, "{arguments:?}");
    }
    assert_eq!(rows(&state.path()), expected);
}
