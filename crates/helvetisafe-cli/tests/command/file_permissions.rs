//! Key files that other users can read, as volumes of containers have them.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::process::Command;

use rustix::process::geteuid;

use crate::world::World;

/// A group that this process is not in.
const OTHER_GROUP: u32 = 54_321;

/// A world with the owner's key in `mounted/key.pem`, with a mode.
fn world(mode: u32) -> World {
    let world = World::new();
    fs::create_dir(world.folder.path().join("mounted")).unwrap();
    world.write("mounted/key.pem", &world.owner.private_key_pem, mode);
    world
}

/// Returns the status and the messages of a command that reads the key.
fn list(
    world: &World,
    wrapper: &[&str],
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (Option<i32>, String) {
    let mut words: Vec<_> = wrapper.to_vec();
    words.push("helvetisafe");
    words.extend(arguments);
    words.push("list");
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    world.prepare(&mut command);
    command.env("HELVETISAFE_PRIVATE_KEY_PATH", "mounted/key.pem");
    command.envs(variables.iter().copied());
    let output = command.output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// A group such as `users` may have all users of the machine.
#[test]
fn no_group_may_read_the_own_key() {
    for (mode, is_accepted) in [
        (0o400, true),
        (0o440, false),
        (0o640, false),
        (0o660, false),
        (0o644, false),
        (0o604, false),
        (0o650, false),
    ] {
        let world = world(mode);
        let (status, messages) = list(&world, &[], &[], &[]);
        let wanted = if is_accepted { Some(0) } else { Some(2) };
        assert_eq!(status, wanted, "{mode:o}: {messages}");
        if !is_accepted {
            assert!(
                messages.contains("run `chmod 600 mounted/key.pem`"),
                "{messages}"
            );
        }
    }
}

/// With access control lists, a copy that systemd makes by `LoadCredential=` shows the right of its user as one of the
/// group.
#[test]
fn a_credential_of_systemd_may_have_a_group() {
    if !geteuid().is_root() {
        return;
    }
    let world = world(0o440);
    let mounted = world.folder.path().join("mounted");
    let mounted = mounted.to_str().unwrap();
    for (folder, status) in [(mounted, 0), ("/", 2), ("", 2), ("missing", 2)] {
        let variables = [("CREDENTIALS_DIRECTORY", folder)];
        let outcome = list(&world, &[], &[], &variables);
        assert_eq!(outcome.0, Some(status), "{folder}: {}", outcome.1);
    }
    world.write("mounted/key.pem", &world.owner.private_key_pem, 0o444);
    let variables = [("CREDENTIALS_DIRECTORY", mounted)];
    assert_eq!(list(&world, &[], &[], &variables).0, Some(2));
}

/// As in a volume of Kubernetes: the file belongs to root and to the group of the pod.
#[test]
fn a_group_of_the_process_may_read_the_key_of_another_user() {
    if !geteuid().is_root() {
        return;
    }
    let id = OTHER_GROUP.to_string();
    let wrapper = |groups| ["setpriv", "--reuid", &id, "--regid", &id, groups];
    let own_group = format!("--groups={OTHER_GROUP}");
    for (mode, group, groups, is_accepted) in [
        (0o440, OTHER_GROUP, "--clear-groups", true),
        (0o640, OTHER_GROUP, "--clear-groups", true),
        (0o640, OTHER_GROUP + 1, "--groups=54322", true),
        (0o660, OTHER_GROUP, "--clear-groups", false),
        (0o444, OTHER_GROUP + 1, own_group.as_str(), false),
    ] {
        let world = world(mode);
        chown(world.folder.path(), Some(OTHER_GROUP), None).unwrap();
        chown(
            world.folder.path().join("mounted/key.pem"),
            None,
            Some(group),
        )
        .unwrap();
        let (status, messages) = list(&world, &wrapper(groups), &[], &[]);
        let wanted = if is_accepted { Some(0) } else { Some(2) };
        assert_eq!(status, wanted, "{mode:o} {group} {groups}: {messages}");
    }
}

#[test]
fn a_variable_and_a_profile_allow_what_the_flag_allows() {
    let world = world(0o644);
    let allowed = "HELVETISAFE_INSECURE_PERMISSIONS";
    assert_eq!(
        list(&world, &[], &["--insecure-permissions"], &[]).0,
        Some(0)
    );
    assert_eq!(list(&world, &[], &[], &[(allowed, "true")]).0, Some(0));
    assert_eq!(list(&world, &[], &[], &[(allowed, "false")]).0, Some(2));
    let (status, messages) = list(&world, &[], &[], &[(allowed, "yes")]);
    assert_eq!(status, Some(2));
    assert!(
        messages.contains("INSECURE_PERMISSIONS is neither true nor false"),
        "{messages}"
    );

    let profile = "[profiles.default]\ninsecure_permissions = true\n";
    world.write("config.toml", profile, 0o600);
    let config = ["--config", "config.toml"];
    assert_eq!(list(&world, &[], &config, &[]).0, Some(0));
    assert_eq!(list(&world, &[], &config, &[(allowed, "false")]).0, Some(2));
    // The file itself needs the flag or the variable.
    world.write("config.toml", profile, 0o644);
    let (status, messages) = list(&world, &[], &config, &[]);
    assert_eq!(status, Some(2));
    assert!(
        messages.contains("the configuration file config.toml"),
        "{messages}"
    );
    assert_eq!(list(&world, &[], &config, &[(allowed, "true")]).0, Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn the_advice_for_a_read_only_mount_can_be_followed() {
    let script = "mount --bind mounted mounted && mount -o remount,ro,bind mounted && exec \"$@\"";
    let mount = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        script,
        "sh",
    ];
    let is_possible = Command::new(mount[0])
        .args(&mount[1..3])
        .arg("true")
        .status();
    if !is_possible.is_ok_and(|status| status.success()) {
        return eprintln!("not tested: no namespaces for mounts");
    }
    let (status, messages) = list(&world(0o440), &mount, &[], &[]);
    assert_eq!(status, Some(0), "{messages}");
    let world = world(0o644);
    let (status, messages) = list(&world, &mount, &[], &[]);
    assert_eq!(status, Some(2), "{messages}");
    for part in [
        "the private key mounted/key.pem, which is on a read-only mount; ",
        "`defaultMode: 0400`",
        "or set HELVETISAFE_INSECURE_PERMISSIONS=true",
    ] {
        assert!(messages.contains(part), "{messages}");
    }
    assert!(!messages.contains("chmod"), "{messages}");
    let allowed = [("HELVETISAFE_INSECURE_PERMISSIONS", "true")];
    assert_eq!(list(&world, &mount, &[], &allowed).0, Some(0));
}

#[test]
fn the_advice_for_the_key_of_another_user_can_be_followed() {
    if !geteuid().is_root() {
        return;
    }
    let world = world(0o644);
    chown(world.folder.path(), Some(OTHER_GROUP), Some(OTHER_GROUP)).unwrap();
    let id = OTHER_GROUP.to_string();
    let wrapper = ["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"];
    let (status, messages) = list(&world, &wrapper, &[], &[]);
    assert_eq!(status, Some(2), "{messages}");
    assert!(
        messages.contains("mounted/key.pem, which belongs to another user; let its owner"),
        "{messages}"
    );
}

/// `chmod` would take the file from its owner.
#[test]
fn root_is_not_advised_to_change_the_file_of_another_user() {
    if !geteuid().is_root() {
        return;
    }
    let world = world(0o644);
    let key = world.folder.path().join("mounted/key.pem");
    chown(key, Some(OTHER_GROUP), None).unwrap();
    let (status, messages) = list(&world, &[], &[], &[]);
    assert_eq!(status, Some(2), "{messages}");
    assert!(
        messages.contains("which belongs to another user") && !messages.contains("chmod"),
        "{messages}"
    );
}

#[test]
fn a_group_is_named_or_numbered() {
    let world = World::new();
    world.set("KEY", "value");
    let name = Command::new("id").arg("-gn").output().unwrap().stdout;
    let name = String::from_utf8(name).unwrap();
    let own = rustix::process::getegid().as_raw();
    for group in [name.trim(), &own.to_string()] {
        let mut command = world.command();
        command.args([
            "get", "KEY", "--mode", "640", "--output", "out", "--group", group,
        ]);
        assert!(command.status().unwrap().success(), "{group}");
        let metadata = fs::metadata(world.folder.path().join("out")).unwrap();
        assert_eq!((metadata.gid(), metadata.mode() & 0o777), (own, 0o640));
        fs::remove_file(world.folder.path().join("out")).unwrap();
    }
}
