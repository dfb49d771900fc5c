//! The memory of the command is closed to other processes of the same user while it holds credentials.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::world::World;

const CANARY: &str = "canary-d0b1e5";
/// A user without privileges. Root can read everything, so root runs the commands as this user.
const USER: u32 = 65534;

/// A world of a user without privileges.
pub(crate) struct Stage {
    pub(crate) world: World,
    binary: PathBuf,
    user: u32,
}

impl Stage {
    /// Creates a world whose folder and command belong to that user.
    pub(crate) fn new() -> Self {
        let world = World::new();
        world.set("KEY", CANARY);
        let binary = world.folder.path().join("helvetisafe");
        fs::copy(env!("CARGO_BIN_EXE_helvetisafe"), &binary).unwrap();
        fs::set_permissions(&binary, Permissions::from_mode(0o755)).unwrap();
        let mut user = geteuid().as_raw();
        if user == 0 {
            user = USER;
            let status = Command::new("chown")
                .args(["-R", &format!("{USER}:{USER}")])
                .arg(world.folder.path())
                .status();
            assert!(status.unwrap().success());
            chown(world.folder.path(), Some(USER), Some(USER)).unwrap();
        }
        Self {
            world,
            binary,
            user,
        }
    }

    fn run_as_user(&self, command: &mut Command) {
        if geteuid().is_root() {
            command.uid(USER).gid(USER);
        }
    }

    /// The command with the owner's environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        self.world.prepare(&mut command);
        self.run_as_user(&mut command);
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Returns true if another process of the user can read a file of `/proc/PID`.
    fn can_read(&self, pid: u32, file: &str) -> bool {
        let mut head = Command::new("head");
        self.run_as_user(&mut head);
        let path = format!("/proc/{pid}/{file}");
        let head = head.args(["-c", "1", &path]).output().unwrap();
        let error = String::from_utf8_lossy(&head.stderr);
        assert!(head.status.success() || error.contains("denied"), "{error}");
        head.status.success()
    }

    fn assert_hidden(&self, pid: u32, what: &str) {
        for file in ["environ", "auxv"] {
            assert!(!self.can_read(pid, file), "{file} of {what}");
        }
        // Root owns all its files, except those that every process shows.
        let owner = fs::metadata(format!("/proc/{pid}/mem")).unwrap().uid();
        assert_eq!(owner, 0, "{what}");
    }

    fn assert_open(&self, pid: u32, what: &str) {
        for file in ["environ", "auxv"] {
            assert!(self.can_read(pid, file), "{file} of {what}");
        }
        let owner = fs::metadata(format!("/proc/{pid}/mem")).unwrap().uid();
        assert_eq!(owner, self.user, "{what}");
    }
}

/// The first line on a stream.
fn line(stream: impl std::io::Read) -> String {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// A child process that is killed on drop, also if the test fails.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

#[test]
fn a_parent_is_closed_to_others_and_its_program_is_not() {
    let stage = Stage::new();
    for how in [&["--no-exec"][..], &["--watch", "1h"]] {
        let script = "echo $$; exec sleep 60";
        let program = [&["run", "--key", "KEY"], how, &["--", "sh", "-c", script]].concat();
        let mut command = stage.command(&program);
        let mut child = Ended(command.stdout(Stdio::piped()).spawn().unwrap());
        let program: u32 = line(child.0.stdout.take().unwrap()).parse().unwrap();
        assert_ne!(program, child.0.id());
        stage.assert_hidden(child.0.id(), how[0]);
        stage.assert_open(program, "the program");
    }
}

/// Without a parent, the program replaces the command and is as dumpable as any other program.
#[test]
fn a_program_that_replaces_the_command_is_not_protected() {
    let stage = Stage::new();
    let script = "echo $$; exec sleep 60";
    let mut command = stage.command(&["run", "--key", "KEY", "--", "sh", "-c", script]);
    let mut child = Ended(command.stdout(Stdio::piped()).spawn().unwrap());
    assert_eq!(
        line(child.0.stdout.take().unwrap()),
        child.0.id().to_string()
    );
    stage.assert_open(child.0.id(), "the program");
}

#[test]
fn an_agent_is_closed_to_others() {
    let stage = Stage::new();
    let mut command = stage.command(&["agent", "--listen", "127.0.0.1:0", "--no-token"]);
    let mut child = Ended(command.stderr(Stdio::piped()).spawn().unwrap());
    assert!(line(child.0.stderr.take().unwrap()).contains("serving on"));
    stage.assert_hidden(child.0.id(), "the agent");
}

/// The command is not dumpable even before it reads a credential, such as while a helper asks for a password.
#[test]
fn the_command_is_closed_while_a_helper_runs_and_the_helper_is_not() {
    let stage = Stage::new();
    let profile = "[profiles.default]\nclient_secret_command = [\"sh\", \"-c\", \
                   \"echo $$ $PPID >&2; exec sleep 60\"]\n";
    let file = stage.world.folder.path().join("config.toml");
    stage.world.write("config.toml", profile, 0o600);
    chown(&file, Some(stage.user), None).unwrap();
    let url = stage.world.name("URL");
    let arguments = ["list", "--config", "config.toml", "--base-url", &url];
    let mut command = stage.command(&arguments);
    command.env_remove("HELVETISAFE_CLIENT_SECRET");
    let mut child = Ended(command.stderr(Stdio::piped()).spawn().unwrap());
    let pids = line(child.0.stderr.take().unwrap());
    let (helper, parent) = pids.split_once(' ').unwrap();
    assert_eq!(parent, child.0.id().to_string());
    stage.assert_hidden(child.0.id(), "the command");
    let helper = helper.parse().unwrap();
    stage.assert_open(helper, "the helper");
    let _ = kill_process(Pid::from_raw(helper as i32).unwrap(), Signal::KILL);
}

/// A pipe of the shell is `/dev/fd/63`, a link into `/proc/self/fd`.
#[test]
fn credentials_from_a_pipe_of_the_shell_still_work() {
    let stage = Stage::new();
    let script = "./helvetisafe get KEY --private-key-path <(cat key.pem) \
                  --base-url \"$HELVETISAFE_BASE_URL\" --client-secret-file <(printf %s \"$SECRET\")";
    let mut command = Command::new("bash");
    stage.world.prepare(&mut command);
    stage.run_as_user(&mut command);
    command
        .args(["-c", script])
        .env("SECRET", stage.world.name("CLIENT_SECRET"))
        .env_remove("HELVETISAFE_CLIENT_SECRET")
        .env_remove("HELVETISAFE_PRIVATE_KEY_PATH");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, CANARY.as_bytes());
}
