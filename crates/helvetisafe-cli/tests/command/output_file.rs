//! Files that results are written to: standard output by other names, devices, pipes, files that cannot be
//! replaced, modes and groups.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Output};

use rustix::process::getegid;

use crate::world::World;

fn world() -> World {
    let world = World::new();
    world.set("A", "value");
    world
}

/// Runs a script with the command in its path.
fn shell(world: &World, wrapper: &[&str], script: &str) -> Output {
    let words: Vec<_> = wrapper
        .iter()
        .copied()
        .chain(["sh", "-c", script])
        .collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    world.prepare(&mut command);
    command.output().unwrap()
}

/// Runs a script that succeeds silently.
fn script(world: &World, script: &str) {
    let output = shell(world, &[], script);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && messages.is_empty(),
        "{script}: {messages}"
    );
}

fn text(world: &World, name: &str) -> String {
    fs::read_to_string(world.folder.path().join(name)).unwrap()
}

#[test]
fn other_names_of_open_files_do_not_replace_them() {
    let world = world();
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "-", "link"] {
        script(&world, "ln -sf /dev/stdout link; echo first > log");
        script(
            &world,
            &format!("(helvetisafe get A -o {name}; echo; echo last) >> log"),
        );
        assert_eq!(text(&world, "log"), "first\nvalue\nlast\n", "{name}");
        script(
            &world,
            &format!("(echo first; helvetisafe get A -o {name}; echo) > log"),
        );
        assert_eq!(text(&world, "log"), "first\nvalue\n", "{name}");
    }
    script(
        &world,
        "(echo first >&2; helvetisafe get A -o /dev/stderr; echo >&2) 2> log",
    );
    assert_eq!(text(&world, "log"), "first\nvalue\n");
    script(
        &world,
        "rm log; (echo first >&3; helvetisafe get A -o /dev/fd/3; echo >&3) 3>> log",
    );
    assert_eq!(text(&world, "log"), "first\nvalue\n");
    assert!(!world.folder.path().join("-").exists());
}

/// The owner of a pipe can read it, whatever its mode.
#[test]
fn the_pipe_of_another_user_gets_no_value() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let world = world();
    script(&world, "mkfifo -m 666 pipe; chown 54321 pipe");
    for command in [
        "get A -o pipe",
        "export --format json -o pipe",
        "inject --env-file pipe",
    ] {
        let command = format!(
            "timeout 20 cat pipe > copy & helvetisafe {command}; status=$?; kill $!; wait; exit $status"
        );
        let output = shell(&world, &[], &command);
        let messages = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{messages}");
        assert!(messages.contains("belongs to the user 54321"), "{messages}");
        assert_eq!(text(&world, "copy"), "");
    }
}

#[test]
fn pipes_and_devices_are_written() {
    let world = world();
    script(
        &world,
        "mkfifo pipe; timeout 20 cat pipe > copy & helvetisafe get A -o pipe; wait",
    );
    assert_eq!(text(&world, "copy"), "value");
    script(&world, "helvetisafe get A -o /dev/null; test -c /dev/null");
    script(&world, "helvetisafe get A -o /dev/stdout | cat > copy");
    assert_eq!(text(&world, "copy"), "value");
    let output = shell(&world, &[], "helvetisafe get A -o /dev/full");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write /dev/full: No space"));
}

/// Linux: a mount point cannot be renamed over.
#[cfg(target_os = "linux")]
#[test]
fn the_target_of_a_bind_mount_is_rewritten_in_place() {
    let mounts = ["unshare", "--map-root-user", "--mount"];
    let is_possible = Command::new(mounts[0])
        .args(&mounts[1..])
        .arg("true")
        .status();
    if !is_possible.is_ok_and(|status| status.success()) {
        return eprintln!("not tested: no namespaces for mounts");
    }
    let world = world();
    for command in ["get A -o target", "inject --output-dir . --env target=A"] {
        script(
            &world,
            "echo old and longer > source; chmod 644 source; touch target",
        );
        let mount = format!("mount --bind source target && helvetisafe {command}");
        // Another user may have it open.
        let output = shell(&world, &mounts, &mount);
        let messages = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{messages}");
        assert!(
            messages.contains("accept that with --mode 644"),
            "{messages}"
        );
        assert_eq!(text(&world, "source"), "old and longer\n");
        let output = shell(&world, &mounts, &format!("{mount} --mode 644"));
        assert!(output.status.success(), "{output:?}");
        assert_eq!(text(&world, "source"), "value");

        script(&world, "echo old and longer > source; chmod 600 source");
        let output = shell(&world, &mounts, &mount);
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{messages}");
        assert!(
            messages.contains("target cannot be replaced as a whole ("),
            "{messages}"
        );
        assert!(messages.contains("rewritten in place"), "{messages}");
        assert_eq!(text(&world, "source"), "value");
        let mode = fs::metadata(world.folder.path().join("source"))
            .unwrap()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let script = "mount --bind source target && mount -o remount,ro,bind target && helvetisafe get A -o target";
    let output = shell(&world, &mounts, script);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{messages}");
    assert!(
        messages.contains("nor rewritten in place (Read-only file system"),
        "{messages}"
    );
    assert!(
        messages.contains("write another file, or - for standard output"),
        "{messages}"
    );
}

#[test]
fn a_folder_without_write_access_keeps_its_file_private() {
    let world = world();
    let (folder, file) = (
        world.folder.path().join("ro"),
        world.folder.path().join("ro/file"),
    );
    fs::create_dir(&folder).unwrap();
    fs::write(&file, "old").unwrap();
    let mode = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(&file, 0o600);
    mode(&folder, 0o500);
    // Root without its rights to override modes.
    let wrapper: &[&str] = match rustix::process::geteuid().is_root() {
        true => &[
            "setpriv",
            "--bounding-set",
            "-dac_override,-dac_read_search",
        ],
        false => &[],
    };
    let output = shell(&world, wrapper, "helvetisafe get A --output ro/file");
    mode(&folder, 0o700);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{messages}");
    assert!(
        messages.contains("ro/file cannot be replaced as a whole (Permission denied"),
        "{messages}"
    );
    assert_eq!(text(&world, "ro/file"), "value");
    assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
}

#[test]
fn modes_and_groups_are_as_asked_whatever_the_umask() {
    let world = world();
    let group = getegid().as_raw();
    for umask in ["000", "022", "027", "077"] {
        for (command, paths) in [
            ("get A -o a --mode 640", "a 640"),
            ("get A -o a", "a 600"),
            ("export --format json -o a --mode 0444", "a 444"),
            ("inject - -o a --mode 604 < /dev/null", "a 604"),
            ("inject --env-file a --mode 660", "a 660"),
            (
                "inject --output-dir d/e --mode 640",
                "d 750, d/e 750, d/e/A 640",
            ),
            ("inject --output-dir d/e", "d 700, d/e 700, d/e/A 600"),
            ("inject --output-dir . --mode 644", "A 644"),
        ] {
            script(
                &world,
                &format!("umask {umask}; helvetisafe {command} --group {group}"),
            );
            for path in paths.split(", ") {
                let (path, mode) = path.split_once(' ').unwrap();
                let metadata = fs::metadata(world.folder.path().join(path)).unwrap();
                assert_eq!(
                    format!("{:o}", metadata.mode() & 0o777),
                    mode,
                    "{umask}: {command}"
                );
                assert_eq!(metadata.gid(), group);
            }
            script(&world, "rm -rf a d A");
        }
    }
}

#[test]
fn a_group_of_other_users_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let world = world();
    script(
        &world,
        "chmod 777 .; chmod 644 key.pem; mkdir -m 700 state; chown 54321 state",
    );
    let wrapper = [
        "setpriv",
        "--reuid",
        "54321",
        "--regid",
        "54321",
        "--clear-groups",
    ];
    let get = "HELVETISAFE_STATE_DIR=$PWD/state HELVETISAFE_INSECURE_PERMISSIONS=true helvetisafe get A -o a";
    for _ in 0..2 {
        let output = shell(&world, &wrapper, &format!("{get} --group 54322"));
        let messages = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{messages}");
        assert!(
            messages.contains("a: it cannot get the group 54322: Operation not permitted"),
            "{messages}"
        );
        let output = shell(&world, &wrapper, get);
        assert!(output.status.success());
    }
}

#[test]
fn a_folder_that_gives_its_group_to_files_continues_to() {
    let world = world();
    script(&world, "mkdir shared; chmod 2770 shared");
    script(
        &world,
        "helvetisafe inject --output-dir shared/new --mode 640",
    );
    let mode = fs::metadata(world.folder.path().join("shared/new"))
        .unwrap()
        .mode();
    assert_eq!(mode & 0o7777, 0o2750);
}
