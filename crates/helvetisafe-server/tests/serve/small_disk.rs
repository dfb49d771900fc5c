//! A small disk of memory, in namespaces of its own, so that no test needs root.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::process::Serve;
use crate::state::State;

/// Mounts the disk at `$0`, and stays until its standard input ends.
const HOLD: &str =
    "mount -t tmpfs -o size=\"$1\",mode=0700 none \"$0\" && echo mounted && read end";

pub(crate) struct SmallDisk {
    holder: Child,
    folder: TempDir,
}

impl SmallDisk {
    /// Makes a disk; `None` if this machine has no such namespaces.
    pub(crate) fn of_size(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut holder = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", HOLD])
            .arg(folder.path())
            .arg(size)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut line = String::new();
        let stdout = holder.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let disk = Self { holder, folder };
        let is_possible = line == "mounted\n" && disk.inside("true").status().ok()?.success();
        if !is_possible {
            eprintln!("not tested: no namespaces for mounts");
        }
        is_possible.then_some(disk)
    }

    /// Returns a path that processes on the disk use.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the path of the same file for this process.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.holder.id());
        Path::new(&root).join(self.path(name).strip_prefix("/").unwrap())
    }

    /// Returns a command that sees the disk. Its temporary files are there too.
    fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--preserve-credentials", "--user", "--mount", "--target"])
            .arg(self.holder.id().to_string())
            .arg(program)
            .env("TMPDIR", self.folder.path());
        command
    }

    /// Returns a command of the vault that sees the disk.
    pub(crate) fn vault(&self, arguments: &[&str]) -> Command {
        let mut inside = self.inside(env!("CARGO_BIN_EXE_helvetisafe-server"));
        inside
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        inside
    }

    /// Copies the database of a state to the disk.
    pub(crate) fn copy(&self, state: &State) {
        fs::copy(state.path(), self.outside("vault.db")).unwrap();
    }

    pub(crate) fn database(&self) -> String {
        format!("sqlite:{}", self.path("vault.db").display())
    }

    pub(crate) fn serve(&self) -> Serve {
        let database = self.database();
        Serve::spawn(self.vault(&[
            "serve",
            "--database",
            &database,
            "--listen",
            "127.0.0.1:0",
            "--metrics-listen",
            "127.0.0.1:0",
            "--limit-logins",
            "off",
            "--limit-requests",
            "off",
        ]))
    }

    /// Writes a file until no byte is free.
    pub(crate) fn fill(&self, name: &str) {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(self.outside(name));
        let mut file = file.unwrap();
        let error = loop {
            if let Err(error) = file.write_all(&[1; 4096]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }

    /// Writes a file that leaves about this many bytes free.
    pub(crate) fn leave(&self, name: &str, bytes: u64) {
        self.fill(name);
        let file = OpenOptions::new().write(true).open(self.outside(name));
        let file = file.unwrap();
        let size = file.metadata().unwrap().len();
        file.set_len(size - bytes).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.outside(name)).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It has ended already if the mount failed.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
