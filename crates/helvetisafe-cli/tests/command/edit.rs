//! `edit`: the text is in a private folder in memory, and nothing of it is left.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use helvetisafe_test_support::{Action, Proxy};
use rexpect::session::PtySession;
use rustix::process::{Pid, Signal, kill_process};

use crate::world::{World, start_proxy};

/// A vault with the secret KEY, and a folder in memory.
struct Stage {
    world: World,
    runtime: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        world.set("KEY", "old text");
        let runtime = world.folder.path().join("runtime");
        fs::create_dir(&runtime).unwrap();
        fs::set_permissions(&runtime, Permissions::from_mode(0o700)).unwrap();
        Self { world, runtime }
    }

    /// Returns `edit KEY` with a script as the editor; `$1` in it is the file.
    fn edit(&self, script: &str) -> Command {
        self.world
            .write("editor", &format!("set -eu\n{script}\n"), 0o700);
        let mut command = self.world.command();
        command
            .args(["edit", "KEY"])
            .env("XDG_RUNTIME_DIR", &self.runtime)
            .env("EDITOR", "sh editor");
        command
    }

    fn run(&self, script: &str) -> Output {
        self.edit(script).stdin(Stdio::null()).output().unwrap()
    }

    fn value(&self) -> String {
        let output = self.world.command().args(["get", "KEY"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn assert_nothing_is_left(&self) {
        let left: Vec<_> = fs::read_dir(&self.runtime).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn the_folder_is_private_and_removed_with_what_the_editor_left() {
    let stage = Stage::new();
    let script = "stat -c '%a' \"$(dirname \"$1\")\" \"$1\" > modes; cat \"$1\" > seen; \
                  cp \"$1\" \"$1~\"; cp \"$1\" \"$(dirname \"$1\")/.KEY.swp\"; \
                  echo 'new text' > \"$1.new\"; mv \"$1.new\" \"$1\"; \
                  env | grep HELVETISAFE > leaked || true";
    let output = stage.run(script);
    assert!(output.status.success(), "{output:?}");
    let read = |name| fs::read_to_string(stage.world.folder.path().join(name)).unwrap();
    assert_eq!(read("modes"), "700\n600\n");
    assert_eq!(read("seen"), "old text");
    assert_eq!(read("leaked"), "");
    // The newline that `echo` added is dropped, since there was none.
    assert_eq!(stage.value(), "new text");
    stage.assert_nothing_is_left();
}

#[test]
fn without_a_runtime_folder_the_text_is_in_shared_memory() {
    let stage = Stage::new();
    let mut command = stage.edit("echo \"$1\" > path");
    let output = command.env_remove("XDG_RUNTIME_DIR").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let path = fs::read_to_string(stage.world.folder.path().join("path")).unwrap();
    assert!(path.starts_with("/dev/shm/helvetisafe-edit-"), "{path}");
    assert!(!PathBuf::from(path.trim()).exists());
}

/// Its owner could rename the folder with the text, and put another one in its place.
#[test]
fn a_runtime_folder_that_others_can_use_is_not_used() {
    let stage = Stage::new();
    let path = || {
        let output = stage.run("echo \"$1\" > path");
        assert!(output.status.success(), "{output:?}");
        fs::read_to_string(stage.world.folder.path().join("path")).unwrap()
    };
    let runtime = stage.runtime.to_str().unwrap();
    assert!(path().starts_with(runtime));
    for mode in [0o750, 0o1777] {
        fs::set_permissions(&stage.runtime, Permissions::from_mode(mode)).unwrap();
        assert!(path().starts_with("/dev/shm/"), "{mode:o}");
    }
    fs::set_permissions(&stage.runtime, Permissions::from_mode(0o700)).unwrap();
    // Only root can give it to another user.
    if chown(&stage.runtime, Some(65_534), None).is_ok() {
        assert!(path().starts_with("/dev/shm/"));
    }
}

#[test]
fn an_unchanged_text_is_not_written() {
    let stage = Stage::new();
    for script in ["true", "touch \"$1\"", "echo >> \"$1\""] {
        let proxy = start_proxy(|_, _| Action::Forward);
        let mut command = stage.edit(script);
        let output = command
            .env("HELVETISAFE_BASE_URL", proxy.base_url())
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        let log = proxy.log();
        assert!(log.iter().all(|seen| seen.method != "PUT"), "{script}");
    }
    stage.assert_nothing_is_left();
}

#[test]
fn a_failure_changes_nothing_and_leaves_nothing() {
    let stage = Stage::new();
    for (script, status, message) in [
        (
            "echo new > \"$1\"; exit 3",
            1,
            "the editor ended with status 3",
        ),
        ("rm \"$1\"", 1, "cannot read the edited text"),
        ("printf '\\377' > \"$1\"", 2, "is not UTF-8 (at byte 0)"),
        (": > \"$1\"", 2, "the text is empty"),
        ("kill -9 $$", 1, "the editor ended with status 137"),
    ] {
        let output = stage.run(script);
        assert_eq!(output.status.code(), Some(status), "{script}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(message), "{stderr}");
        assert!(stderr.contains("nothing was changed"), "{stderr}");
        assert_eq!(stage.value(), "old text");
        stage.assert_nothing_is_left();
    }
    let mut missing = stage.edit("true");
    let missing = missing.env("EDITOR", "no-such-editor").output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    stage.assert_nothing_is_left();
}

/// As git: without a terminal, and on one that cannot move its cursor, the default editor would wait without a user.
#[test]
fn without_an_editor_and_a_terminal_nothing_is_opened() {
    let stage = Stage::new();
    let proxy = start_proxy(|_, _| Action::Forward);
    let without_editor = || {
        let mut command = stage.edit("true");
        command
            .env_remove("EDITOR")
            .env("HELVETISAFE_BASE_URL", proxy.base_url());
        command
    };
    let mut command = without_editor();
    let output = command.env("TERM", "xterm").stdin(Stdio::null()).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("cannot open vi: there is no terminal; set VISUAL or EDITOR"),
        "{stderr}"
    );
    let dumb = crate::terminal::shown_as(without_editor(), "dumb");
    assert!(dumb.contains("the terminal is dumb (TERM)"), "{dumb}");
    assert!(proxy.log().is_empty());
    assert_eq!(stage.value(), "old text");
}

#[test]
fn without_a_variable_it_says_which_editor_it_opens() {
    let stage = Stage::new();
    let bin = stage.world.folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    stage
        .world
        .write("bin/vi", "#!/bin/sh\necho new > \"$1\"\n", 0o700);
    let mut command = stage.edit("true");
    command
        .env_remove("EDITOR")
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let text = crate::terminal::shown(command);
    assert!(
        text.contains("the editor is vi; VISUAL or EDITOR chooses another"),
        "{text}"
    );
    assert_eq!(stage.value(), "new");
}

#[test]
fn a_signal_ends_the_editor_and_removes_the_text() {
    let stage = Stage::new();
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut command = stage.edit("touch started; exec sleep 60");
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let started = stage.world.folder.path().join("started");
        while !started.exists() {
            thread::sleep(Duration::from_millis(20));
        }
        // The shell becomes the program that gets the signal.
        thread::sleep(Duration::from_millis(200));
        assert_eq!(fs::read_dir(&stage.runtime).unwrap().count(), 1);
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert!(!child.wait().unwrap().success());
        stage.assert_nothing_is_left();
        fs::remove_file(started).unwrap();
    }
    assert_eq!(stage.value(), "old text");
}

/// Only SIGKILL leaves the folder. The next command removes it, but not those of commands in progress.
#[test]
fn the_next_command_removes_what_a_kill_left() {
    let stage = Stage::new();
    let start = |name: &str| {
        let script = format!("touch {name}; exec sleep 60");
        let mut command = stage.edit(&script);
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        while !stage.world.folder.path().join(name).exists() {
            thread::sleep(Duration::from_millis(20));
        }
        child.unwrap()
    };
    let (mut killed, mut running) = (start("killed"), start("running"));
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(fs::read_dir(&stage.runtime).unwrap().count(), 2);
    assert!(stage.run("true").status.success());
    assert_eq!(fs::read_dir(&stage.runtime).unwrap().count(), 1);
    kill_process(Pid::from_child(&running), Signal::TERM).unwrap();
    running.wait().unwrap();
    stage.assert_nothing_is_left();
}

#[test]
fn the_value_of_another_client_stays() {
    let stage = Stage::new();
    let url = stage.world.name("URL");
    let mut script =
        format!("export HELVETISAFE_TRUST_FIRST_USE=true HELVETISAFE_BASE_URL={url}\n");
    for (name, value) in stage.world.credentials() {
        script += &format!("export {name}={value}\n");
    }
    script += "echo theirs | helvetisafe set KEY --trim-newline; echo mine > \"$1\"";
    let output = stage.run(&script);
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    assert_eq!(stage.value(), "theirs");
    stage.assert_nothing_is_left();
}

#[test]
fn visual_comes_first_and_may_have_arguments_and_quotes() {
    let stage = Stage::new();
    stage
        .world
        .write("my editor", "echo \"$1 $2\" > args; echo x > \"$3\"", 0o700);
    let mut command = stage.edit("exit 1");
    let output = command
        .env("VISUAL", "sh 'my editor' --wait 'two words'")
        .output();
    assert!(output.unwrap().status.success());
    let args = fs::read_to_string(stage.world.folder.path().join("args")).unwrap();
    assert_eq!(args, "--wait two words\n");
    assert_eq!(stage.value(), "x");
}

#[test]
fn on_a_terminal_the_text_is_not_lost_when_the_vault_fails() {
    let stage = Stage::new();
    let proxy = refuse_first_write();
    let mut session = on_terminal(stage.edit("echo new > \"$1\""), &proxy);
    session
        .exp_string("try to write the text again? [y/N]")
        .unwrap();
    session.send_line("y").unwrap();
    session.exp_string("updated `KEY`").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(stage.value(), "new");
    stage.assert_nothing_is_left();
}

/// Returns a proxy that refuses the first write.
fn refuse_first_write() -> Proxy {
    start_proxy(|seen, before| {
        let is_first = before.iter().all(|other| other.method != "PUT");
        match seen.method == "PUT" && is_first {
            true => helvetisafe_test_support::answer(403, "{}"),
            false => Action::Forward,
        }
    })
}

fn on_terminal(mut command: Command, proxy: &Proxy) -> PtySession {
    command
        .env("HELVETISAFE_BASE_URL", proxy.base_url())
        .env("TERM", "xterm");
    rexpect::session::spawn_command(command, Some(60_000)).unwrap()
}

/// Only a write that failed because of the other client asks about its value.
#[test]
fn a_second_attempt_does_not_replace_the_value_of_another_client() {
    let stage = Stage::new();
    let proxy = refuse_first_write();
    let mut session = on_terminal(stage.edit("echo mine > \"$1\""), &proxy);
    let replace = "replace the value of the other client? [y/N]";
    let again = "try to write the text again? [y/N]";
    session.exp_string(again).unwrap();
    stage.world.set("KEY", "theirs");
    session.send_line("y").unwrap();
    session.exp_string(replace).unwrap();
    assert_eq!(stage.value(), "theirs");
    session.send_line("y").unwrap();
    session.exp_string("updated `KEY`").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(stage.value(), "mine");
}

const EDIT_AGAIN: &str = "edit the text again? else it is lost [Y/n]";

#[test]
fn only_an_explicit_answer_gives_the_text_up() {
    let stage = Stage::new();
    for (answer, value) in [("", "mine"), ("n", "theirs")] {
        stage.world.set("KEY", "old text");
        let proxy = refuse_first_write();
        let script = "cat \"$1\" >> seen; echo mine > \"$1\"";
        let mut session = on_terminal(stage.edit(script), &proxy);
        let replace = "replace the value of the other client? [y/N]";
        session.exp_string("try to write the text again?").unwrap();
        stage.world.set("KEY", "theirs");
        session.send_line("y").unwrap();
        session.exp_string(replace).unwrap();
        session.send_line("maybe").unwrap();
        session.exp_string(replace).unwrap();
        session.send_line("n").unwrap();
        session.exp_string(EDIT_AGAIN).unwrap();
        session.send_line("maybe").unwrap();
        session.exp_string(EDIT_AGAIN).unwrap();
        session.send_line(answer).unwrap();
        if answer.is_empty() {
            // The new text does not replace the value of the other client without a question either.
            session.exp_string(replace).unwrap();
            session.send_line("y").unwrap();
            session.exp_string("updated `KEY`").unwrap();
            let seen = fs::read_to_string(stage.world.folder.path().join("seen")).unwrap();
            assert_eq!(seen, "old textmine\n");
        }
        session.exp_eof().unwrap();
        assert_eq!(stage.value(), value);
        stage.assert_nothing_is_left();
    }
}

#[test]
fn a_text_that_is_not_utf_8_can_be_edited_again() {
    let stage = Stage::new();
    let script = "cat \"$1\" > seen; \
                  if [ -e first ]; then echo good > \"$1\"; exit; fi; \
                  touch first; printf 'long text\\377' > \"$1\"";
    let proxy = start_proxy(|_, _| Action::Forward);
    let mut session = on_terminal(stage.edit(script), &proxy);
    session.exp_string("is not UTF-8 (at byte 9)").unwrap();
    session.exp_string(EDIT_AGAIN).unwrap();
    session.send_line("y").unwrap();
    session.exp_string("updated `KEY`").unwrap();
    session.exp_eof().unwrap();
    let seen = fs::read(stage.world.folder.path().join("seen")).unwrap();
    assert_eq!(seen, b"long text\xff");
    assert_eq!(stage.value(), "good");
    stage.assert_nothing_is_left();
}

#[test]
fn on_a_terminal_the_text_is_not_lost_after_a_timeout() {
    let stage = Stage::new();
    let proxy = start_proxy(|seen, before| {
        let writes = before.iter().filter(|other| other.method == "PUT").count();
        match seen.method == "PUT" && writes == 0 {
            true => Action::Stall(Duration::from_secs(20)),
            false => Action::Forward,
        }
    });
    let mut command = stage.edit("echo new > \"$1\"");
    command.args(["--timeout", "2s"]);
    let mut session = on_terminal(command, &proxy);
    session
        .exp_string("try to write the text again? [y/N]")
        .unwrap();
    session.send_line("y").unwrap();
    session.exp_string("updated `KEY`").unwrap();
    session.exp_eof().unwrap();
    assert_eq!(stage.value(), "new");
}

/// The handlers that passed signals on to the editor are of no use after its end.
#[test]
fn after_the_editor_signals_end_the_command() {
    let stage = Stage::new();
    for signal in [Signal::TERM, Signal::INT] {
        let proxy = start_proxy(|seen, _| match seen.method.as_str() {
            "PUT" => Action::Stall(Duration::from_secs(20)),
            _ => Action::Forward,
        });
        let mut command = stage.edit("echo new > \"$1\"");
        command
            .env("HELVETISAFE_BASE_URL", proxy.base_url())
            .stdin(Stdio::null());
        let mut child = command.spawn().unwrap();
        while proxy.log().iter().all(|seen| seen.method != "PUT") {
            thread::sleep(Duration::from_millis(20));
        }
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{status}");
        stage.assert_nothing_is_left();
    }
}
