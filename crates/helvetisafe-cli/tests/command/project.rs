//! The project file and env files: files that come with a project, from authors who are not trusted.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::world::World;

const PROJECT: &str = "[variables]\nNAME = \"KEY\"\n";

fn run(world: &World, named: bool) -> Output {
    let mut command = world.command();
    if named {
        command.env("HELVETISAFE_PROJECT", "helvetisafe.toml");
    }
    let command = command.args(["run", "--", "printenv", "NAME"]);
    command.stdin(Stdio::null()).output().unwrap()
}

/// Checks that the file is refused where it was found, with a remedy that works.
fn refused(world: &World, why: &str) {
    let output = run(world, false);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(why), "{stderr}");
    let remedy = format!(
        "set HELVETISAFE_PROJECT={}",
        world.folder.path().join("helvetisafe.toml").display()
    );
    assert!(stderr.contains(&remedy), "{stderr}");
    assert_eq!(output.status.code(), Some(125));
    assert_eq!(run(world, true).stdout, b"value\n");
}

#[test]
fn a_file_that_another_user_may_have_written_is_not_found() {
    let world = World::new();
    world.set("KEY", "value");
    world.write("helvetisafe.toml", PROJECT, 0o644);
    assert_eq!(run(&world, false).stdout, b"value\n");
    let file = world.folder.path().join("helvetisafe.toml");
    for mode in [0o666, 0o664, 0o646] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        refused(&world, "can be written by other users");
    }
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    // Only root can give a file away.
    if geteuid().is_root() {
        chown(&file, Some(54_321), None).unwrap();
        refused(&world, "belongs to another user");
        // Their link to a file that this user wrote for another project.
        chown(&file, Some(0), None).unwrap();
        fs::rename(&file, world.folder.path().join("elsewhere.toml")).unwrap();
        symlink("elsewhere.toml", &file).unwrap();
        assert_eq!(run(&world, false).stdout, b"value\n");
        lchown(&file, Some(54_321), None).unwrap();
        refused(&world, "belongs to another user");
    }
}

/// The author of the file could send a program with its password to another host.
#[test]
fn a_default_of_a_found_file_cannot_select_the_peer() {
    let world = World::new();
    world.set("PASSWORD", "value");
    let file = "[variables]\nPGPASSWORD = \"PASSWORD\"\n\
                PGHOST = { secret = \"NONE\", default = \"db.example\" }\n\
                LEVEL = { secret = \"NONE\", default = \"info\" }\n";
    world.write("helvetisafe.toml", file, 0o644);
    let outcome = |arguments: &[&str], named: bool| {
        let mut command = world.command();
        if named {
            command.env("HELVETISAFE_PROJECT", "helvetisafe.toml");
        }
        let output = command
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout) + &text(output.stderr),
        )
    };
    let run = ["run", "--", "sh", "-c", "echo $PGPASSWORD $PGHOST $LEVEL"];
    for (arguments, status) in [
        (&run[..], 125),
        (&["export", "--format", "shell"], 2),
        (&["check"], 2),
    ] {
        let (found, text) = outcome(arguments, false);
        assert_eq!(found, Some(status), "{text}");
        assert!(text.contains("`PGHOST`"), "{text}");
        assert!(
            text.contains("give --allow-name PGHOST, or name the file with --project"),
            "{text}"
        );
        assert!(!text.contains("`LEVEL`"), "{text}");
    }
    let mut allowed = run.to_vec();
    allowed.splice(1..1, ["--allow-name", "PGHOST"]);
    let mut project = run.to_vec();
    project.splice(1..1, ["--project", "helvetisafe.toml"]);
    for (arguments, named) in [(&run[..], true), (&allowed, false), (&project, false)] {
        let (status, text) = outcome(arguments, named);
        assert_eq!(status, Some(0), "{text}");
        assert!(text.contains("value db.example info"), "{text}");
    }
    world.set("NONE", "own.example");
    assert_eq!(
        outcome(&run, false).0,
        Some(125),
        "the secret can be removed later"
    );
}

#[test]
fn only_a_file_is_found_and_the_search_goes_on_above_a_folder() {
    let world = World::new();
    world.set("KEY", "value");
    world.write("helvetisafe.toml", PROJECT, 0o644);
    let below = world.folder.path().join("below");
    fs::create_dir_all(below.join("helvetisafe.toml")).unwrap();
    let output = world
        .command()
        .current_dir(&below)
        .envs(world.credentials())
        .args(["run", "--", "printenv", "NAME"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"value\n", "{output:?}");
}

/// An env file can be a pipe, such as `<(sops -d .env)`. It is read once, also for restarts.
#[test]
fn a_watched_program_gets_the_new_value_of_a_reference() {
    let world = World::new();
    world.set("KEY", "one");
    let script = "trap 'exit 7' TERM; echo $NAME $PLAIN; for n in $(seq 3000); do sleep 0.02; done";
    let mut command = world.command();
    command.args(["run", "--watch", "1s", "--env-file", "-", "--", "sh", "-c"]);
    let mut child = command
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"NAME=hs://KEY\nPLAIN=x\n").unwrap();
    drop(stdin);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "one x");
    world.set("KEY", "two");
    assert_eq!(lines.next().unwrap().unwrap(), "two x");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(7));
}
