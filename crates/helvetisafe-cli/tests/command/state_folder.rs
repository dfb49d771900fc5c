//! Files that another user put into the state folder, or could put there, are refused. Leftovers of a kill
//! are removed.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::geteuid;

use crate::world::World;

/// Opening a FIFO blocks until its other end is opened.
const HANGS: Duration = Duration::from_secs(20);
const USER: u32 = 65534;

struct Stage {
    world: World,
    folder: PathBuf,
}

impl Stage {
    /// A state folder with a remembered vault and a cached token.
    fn new() -> Self {
        let world = World::new();
        world.set("KEY", "value");
        let folder = world.folder.path().join(".local/state/helvetisafe");
        let stage = Self { world, folder };
        let output = stage.run(&["get", "KEY"]);
        assert!(output.status.success(), "{output:?}");
        assert!(stage.known().exists() && stage.cached("json").exists());
        stage
    }

    fn known(&self) -> PathBuf {
        self.folder.join("known-vaults.json")
    }

    /// Returns the only file in the cache with this extension.
    fn cached(&self, extension: &str) -> PathBuf {
        let files = fs::read_dir(self.folder.join("cache")).unwrap();
        let mut files = files.map(|entry| entry.unwrap().path());
        let file = files.find(|path| path.extension().is_some_and(|it| it == extension));
        file.unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command();
        command.env("HELVETISAFE_KEEP_TOKEN", "true");
        command.args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        output_in_time(&mut self.command(arguments))
    }

    /// Asserts that reading and writing fail, with a message that names the file and the fix.
    fn assert_refused(&self, path: &Path, why: &str, mend: &str) {
        let pin = ["trust", "pin", &self.world.fingerprint()];
        for arguments in [&["get", "KEY"][..], &["set", "KEY", "--generate"], &pin] {
            let output = self.run(arguments);
            let messages = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {messages}");
            assert!(output.stdout.is_empty());
            let path = path.display().to_string();
            for part in [&path, why, mend, "HELVETISAFE_STATE_DIR"] {
                assert!(
                    messages.contains(part),
                    "{arguments:?}: `{part}` in: {messages}"
                );
            }
        }
    }
}

/// Kills a command that hangs.
fn output_in_time(command: &mut Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > HANGS {
            child.kill().unwrap();
            panic!("it hangs: {:?}", child.wait_with_output());
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn make_fifo(path: &Path) {
    let _ = fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn move_away(path: &Path) -> PathBuf {
    let other = path.with_file_name("moved");
    fs::rename(path, &other).unwrap();
    other
}

#[test]
fn a_folder_that_others_can_write_is_refused() {
    for mode in [0o770, 0o702] {
        let stage = Stage::new();
        set_mode(&stage.folder, mode);
        let mend = format!("chmod go-w {}", stage.folder.display());
        stage.assert_refused(&stage.folder, "other users can write", &mend);
    }
    // A folder that all users share keeps its mode.
    let stage = Stage::new();
    set_mode(&stage.folder, 0o1777);
    stage.assert_refused(
        &stage.folder,
        "other users can write",
        "a new one inside it",
    );
    assert!(!messages(&stage.run(&["get", "KEY"]), 2).contains("chmod"));
    let stage = Stage::new();
    // Reading names and dates of ciphertext is harmless.
    set_mode(&stage.folder, 0o755);
    assert!(stage.run(&["get", "KEY"]).status.success());
}

/// A command that does not use the folder does not depend on it.
#[test]
fn a_command_without_state_does_not_check_the_folder() {
    let stage = Stage::new();
    set_mode(&stage.folder, 0o777);
    let mut command = stage.world.command();
    let fingerprint = stage.world.fingerprint();
    command.args(["get", "KEY", "--org-key-fingerprint", &fingerprint]);
    assert!(command.output().unwrap().status.success());
}

#[test]
fn the_cache_folder_is_checked_too() {
    let stage = Stage::new();
    let cache = stage.folder.join("cache");
    set_mode(&cache, 0o777);
    let messages = messages(&stage.run(&["get", "KEY"]), 2);
    assert!(messages.contains("chmod go-w"), "{messages}");
    set_mode(&cache, 0o700);
    // The folder is replaced by a link to a folder that would be accepted.
    let other = move_away(&cache);
    symlink(other, &cache).unwrap();
    let messages = self::messages(&stage.run(&["get", "KEY"]), 2);
    assert!(messages.contains("link"), "{messages}");
    fs::remove_file(&cache).unwrap();
    for make in [make_fifo, |path: &Path| drop(File::create(path).unwrap())] {
        make(&cache);
        let messages = self::messages(&stage.run(&["get", "KEY"]), 2);
        assert!(messages.contains("not a folder"), "{messages}");
        fs::remove_file(&cache).unwrap();
    }
}

fn messages(output: &Output, status: i32) -> String {
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{messages}");
    messages
}

#[test]
fn the_trust_memory_must_be_a_regular_file_of_the_user() {
    let stage = Stage::new();
    let known = stage.known();
    set_mode(&known, 0o620);
    let messages = messages(&stage.run(&["get", "KEY"]), 2);
    let mend = format!("chmod 600 {}", known.display());
    assert!(messages.contains("other users can read or write") && messages.contains(&mend));
    set_mode(&known, 0o600);
    let other = move_away(&known);
    symlink(&other, &known).unwrap();
    stage.assert_refused(&known, "symbolic link", "remove it");
    // A link without a target does not count as a missing file.
    fs::remove_file(&other).unwrap();
    stage.assert_refused(&known, "symbolic link", "remove it");
    make_fifo(&known);
    stage.assert_refused(&known, "not a regular file", "remove it");
    fs::remove_file(&known).unwrap();
    fs::create_dir(&known).unwrap();
    stage.assert_refused(&known, "not a regular file", "remove it");
}

#[test]
fn a_planted_lock_is_refused_before_anything_is_written() {
    let stage = Stage::new();
    fs::remove_file(stage.known()).unwrap();
    let lock = stage.folder.join(".known-vaults.lock");
    make_fifo(&lock);
    stage.assert_refused(&lock, "not a regular file", "remove it");
    fs::remove_file(&lock).unwrap();
    let target = stage.world.folder.path().join("made-through-a-link");
    symlink(&target, &lock).unwrap();
    stage.assert_refused(&lock, "symbolic link", "remove it");
    assert!(!target.exists() && !stage.known().exists());
}

#[test]
fn the_cache_must_be_a_regular_file_of_the_user() {
    let stage = Stage::new();
    let file = stage.cached("json");
    make_fifo(&file);
    stage.assert_refused_to_read(&file, "not a regular file");
    fs::remove_file(&file).unwrap();
    symlink(stage.known(), &file).unwrap();
    stage.assert_refused_to_read(&file, "symbolic link");
    fs::remove_file(&file).unwrap();
    File::create(&file).unwrap();
    set_mode(&file, 0o622);
    stage.assert_refused_to_read(&file, "other users can");
    fs::remove_file(&file).unwrap();
    let lock = stage.cached("lock");
    make_fifo(&lock);
    stage.assert_refused_to_read(&lock, "not a regular file");
    assert!(!file.exists());
}

impl Stage {
    fn assert_refused_to_read(&self, path: &Path, why: &str) {
        let offline = ["run", "--offline", "--key", "KEY", "--", "true"];
        for (arguments, status) in [(&["get", "KEY"][..], 2), (&offline, 125)] {
            let messages = messages(&self.run(arguments), status);
            let path = path.display().to_string();
            assert!(
                messages.contains(why) && messages.contains(&path),
                "{messages}"
            );
        }
    }
}

#[test]
fn a_linked_folder_is_accepted_and_its_target_checked() {
    let stage = Stage::new();
    let link = stage.world.folder.path().join("link");
    symlink(&stage.folder, &link).unwrap();
    let get = || {
        let mut command = stage.command(&["get", "KEY"]);
        output_in_time(command.env("HELVETISAFE_STATE_DIR", &link))
    };
    assert!(get().status.success());
    set_mode(&stage.folder, 0o777);
    assert!(messages(&get(), 2).contains("chmod go-w"));
}

/// Root can read and write the files of another user, so only the check of the owner can fail.
#[test]
fn a_folder_of_another_user_is_refused() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can give files away");
        return;
    }
    let stage = Stage::new();
    let paths = [stage.known(), stage.cached("json"), stage.folder.clone()];
    for path in paths {
        chown(&path, Some(USER), None).unwrap();
        let messages = messages(&stage.run(&["get", "KEY"]), 2);
        assert!(messages.contains("belongs to another user"), "{messages}");
        let mend = format!("chown 0 {}", path.display());
        assert!(messages.contains(&mend), "{messages}");
        chown(&path, Some(0), None).unwrap();
    }
    assert!(stage.run(&["get", "KEY"]).status.success());
}

/// A container can have a volume for all users: the folder inside it belongs to this user.
#[test]
fn a_folder_below_a_world_writable_one_is_created_and_used() {
    let stage = Stage::new();
    let shared = stage.world.folder.path().join("shared");
    fs::create_dir(&shared).unwrap();
    set_mode(&shared, 0o1777);
    let get = |folder: &Path| {
        let mut command = stage.command(&["get", "KEY"]);
        output_in_time(command.env("HELVETISAFE_STATE_DIR", folder))
    };
    assert!(messages(&get(&shared), 2).contains("HELVETISAFE_STATE_DIR"));
    let own = shared.join("own");
    assert!(get(&own).status.success());
    assert!(own.join("known-vaults.json").exists());
    let mode = fs::metadata(own).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
}

/// The switch is for file systems without modes. It never allows a link or a FIFO in place of a file.
#[test]
fn insecure_permissions_allow_modes_and_nothing_else() {
    let stage = Stage::new();
    set_mode(&stage.folder, 0o777);
    set_mode(&stage.known(), 0o666);
    let get = ["get", "KEY", "--insecure-permissions"];
    assert!(stage.run(&get).status.success());
    make_fifo(&stage.known());
    assert!(messages(&stage.run(&get), 2).contains("not a regular file"));
}

#[test]
fn leftovers_of_a_kill_are_removed_unless_they_are_in_use() {
    let stage = Stage::new();
    let leftover = |name: &str| {
        let path = stage.folder.join(name);
        File::create(&path).unwrap();
        path
    };
    let dead = leftover(".helvetisafe-0123456789abcdef.tmp");
    let alive = leftover(".helvetisafe-fedcba9876543210.tmp");
    let foreign = leftover(".helvetisafe-notes.tmp");
    // The process that writes the file locks it like this.
    let held = File::open(&alive).unwrap();
    held.lock().unwrap();
    let pin = ["trust", "pin", &stage.world.fingerprint()];
    assert!(stage.run(&pin).status.success());
    assert!(!dead.exists() && alive.exists() && foreign.exists());
    drop(held);
    // A process that another test has just forked may hold the file for a moment longer.
    let end = Instant::now() + Duration::from_secs(10);
    while alive.exists() && Instant::now() < end {
        assert!(stage.run(&pin).status.success());
    }
    assert!(!alive.exists() && foreign.exists());
}

/// The same holds for output files, which contain values.
#[test]
fn an_output_file_left_by_a_kill_is_removed() {
    let stage = Stage::new();
    let folder = stage.world.folder.path();
    let dead = folder.join(".helvetisafe-0123456789abcdef.tmp");
    File::create(&dead).unwrap();
    assert!(
        stage
            .run(&["get", "KEY", "--output", "out"])
            .status
            .success()
    );
    assert_eq!(fs::read(folder.join("out")).unwrap(), b"value");
    assert!(!dead.exists());
}

#[test]
fn after_many_kills_only_a_complete_file_is_left() {
    let stage = Stage::new();
    let pin = ["trust", "pin", &stage.world.fingerprint()];
    for round in 0..60 {
        let mut child = stage.command(&pin).spawn().unwrap();
        thread::sleep(Duration::from_micros(500 * round));
        let _ = child.kill();
        child.wait().unwrap();
        assert!(stage.run(&["config", "show"]).status.success());
    }
    assert!(stage.run(&pin).status.success());
    let names = fs::read_dir(&stage.folder).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".known-vaults.lock", "cache", "known-vaults.json"]);
    assert!(stage.run(&["get", "KEY"]).status.success());
}

/// An unreadable file does not count as missing: a changed org key would be accepted, and all pins lost.
#[cfg(target_os = "linux")]
#[test]
fn an_unreadable_trust_memory_is_refused_and_left_in_place() {
    let stage = crate::dumpable::Stage::new();
    let folder = stage.world.folder.path().join(".local/state/helvetisafe");
    let known = folder.join("known-vaults.json");
    let strange = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let run = |arguments: &[&str]| stage.command(arguments).output().unwrap();
    assert!(run(&["trust", "pin", "--yes", strange]).status.success());
    let before = fs::read(&known).unwrap();
    for (path, mode) in [(&known, 0o600), (&folder, 0o700)] {
        set_mode(path, 0o000);
        for arguments in [
            &["get", "KEY"][..],
            &["set", "KEY", "--generate", "--trust-first-use"],
            &["trust"],
            &["trust", "pin", strange],
        ] {
            let messages = messages(&run(arguments), 2);
            let mend = format!("chmod {mode:o} {}", path.display());
            assert!(messages.contains(&mend), "{arguments:?}: {messages}");
        }
        assert_eq!(run(&["doctor"]).status.code(), Some(2));
        set_mode(path, mode);
        assert_eq!(fs::read(&known).unwrap(), before);
    }
}
