//! `get --copy`: the clipboard has the value for a time.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::world::World;

/// A vault with the secret KEY, and a desktop whose clipboard is a file.
struct Desktop {
    world: World,
    programs: PathBuf,
}

impl Desktop {
    fn new(copy: &str, paste: &str) -> Self {
        let world = World::new();
        world.set("KEY", "the value\n");
        let programs = world.folder.path().join("programs");
        fs::create_dir(&programs).unwrap();
        // The program stays in the background with the content, as on X11 and Wayland.
        let script = "#!/bin/sh\necho \"$0 $*\" >> log\ncat > clipboard\nsleep 5 &\n";
        world.write(&format!("programs/{copy}"), script, 0o700);
        let script = "#!/bin/sh\ncase \"$*\" in *-in*) exec >> log; echo in; cat > clipboard;; *) cat clipboard;; esac\n";
        world.write(&format!("programs/{paste}"), script, 0o700);
        Self { world, programs }
    }

    fn get(&self, variable: &str, arguments: &[&str]) -> Output {
        let mut command = self.world.command();
        self.prepare(&mut command);
        command
            .arg("get")
            .args(arguments)
            .env(variable, "1")
            .stdin(Stdio::null());
        command.output().unwrap()
    }

    fn prepare(&self, command: &mut Command) {
        let mut path = self.programs.clone().into_os_string();
        path.push(":/usr/bin:/bin");
        command.env("PATH", path);
    }

    fn clipboard(&self) -> String {
        fs::read_to_string(self.world.folder.path().join("clipboard")).unwrap()
    }

    fn wait_for(&self, content: &str) {
        let start = Instant::now();
        while self.clipboard() != content {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "{}",
                self.clipboard()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn the_clipboard_has_the_exact_value_and_is_cleared() {
    for (variable, copy, paste) in [
        ("WAYLAND_DISPLAY", "wl-copy", "wl-paste"),
        ("DISPLAY", "xclip", "xclip"),
    ] {
        let desktop = Desktop::new(copy, paste);
        let start = Instant::now();
        let output = desktop.get(variable, &["--copy=2s", "KEY"]);
        assert!(output.status.success(), "{output:?}");
        // The command does not wait.
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(output.stdout, b"");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.contains("copied `KEY` to the clipboard, which is cleared in 2 seconds"),
            "{stderr}"
        );
        assert_eq!(desktop.clipboard(), "the value\n");
        desktop.wait_for("");
        assert!(start.elapsed() > Duration::from_secs(2));
        // No argument had the value.
        let log = fs::read_to_string(desktop.world.folder.path().join("log")).unwrap();
        assert!(!log.contains("the value"), "{log}");
    }
}

#[test]
fn what_was_copied_later_stays() {
    let desktop = Desktop::new("wl-copy", "wl-paste");
    let output = desktop.get("WAYLAND_DISPLAY", &["KEY", "--copy=1s"]);
    assert!(output.status.success(), "{output:?}");
    desktop.world.write("clipboard", "something else", 0o600);
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(desktop.clipboard(), "something else");
}

#[test]
fn a_failure_copies_nothing_and_says_so() {
    let desktop = Desktop::new("wl-copy", "wl-paste");
    let output = desktop.get("NO_DISPLAY", &["KEY", "--copy"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("there is no clipboard"), "{stderr}");
    for arguments in [
        &["KEY", "OTHER", "--copy"][..],
        &["KEY", "--copy", "--json"],
    ] {
        let output = desktop.get("WAYLAND_DISPLAY", arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    desktop
        .world
        .write("programs/wl-copy", "#!/bin/sh\nexit 1\n", 0o700);
    let output = desktop.get("WAYLAND_DISPLAY", &["KEY", "--copy"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("cannot copy the value with `wl-copy`"),
        "{stderr}"
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(!desktop.world.folder.path().join("clipboard").exists());
}

/// A copying program may take long, and the command can be killed meanwhile.
#[test]
fn the_clipboard_is_cleared_although_the_command_was_killed() {
    let desktop = Desktop::new("wl-copy", "wl-paste");
    let script = "#!/bin/sh\ncat > clipboard\ntest -s clipboard && kill -9 $PPID\n";
    desktop.world.write("programs/wl-copy", script, 0o700);
    let output = desktop.get("WAYLAND_DISPLAY", &["KEY", "--copy=1s"]);
    assert_eq!(output.status.code(), None);
    desktop.wait_for("");
}

#[test]
fn no_program_gets_the_credentials() {
    let desktop = Desktop::new("wl-copy", "wl-paste");
    for (name, work) in [
        ("wl-copy", "cat > clipboard"),
        ("wl-paste", "cat clipboard"),
    ] {
        let script = format!("#!/bin/sh\nenv | grep HELVETISAFE >> leaked\n{work}\n");
        desktop
            .world
            .write(&format!("programs/{name}"), &script, 0o700);
    }
    // The process that clears the clipboard starts them too.
    desktop.get("WAYLAND_DISPLAY", &["KEY", "--copy=1s"]);
    desktop.wait_for("");
    let leaked = fs::read_to_string(desktop.world.folder.path().join("leaked")).unwrap();
    assert_eq!(leaked, "");
}
