//! A running `helvetisafe-server serve`.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Far more than a start or a stop takes on a busy machine.
const LATE: Duration = Duration::from_secs(30);

/// A node, whose output is in a file.
pub(super) struct Node {
    process: Child,
    log: PathBuf,
}

impl Node {
    /// Starts a node with the access log, which is all that it can log.
    pub(super) fn start(database: &str, log: &Path) -> Self {
        let output = File::create(log).unwrap();
        let process = Command::new(program())
            .args(["serve", "--access-log", "--listen", "127.0.0.1:0"])
            .args(["--database", database])
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let log = log.to_owned();
        Self { process, log }
    }

    /// Waits until the node serves.
    pub(super) fn address(&self) -> SocketAddr {
        let deadline = Instant::now() + LATE;
        loop {
            let log = fs::read_to_string(&self.log).unwrap();
            let after = log.split_once("serves http://").map(|(_, after)| after);
            if let Some((address, _)) = after.and_then(|after| after.split_once('\n')) {
                return address.parse().unwrap();
            }
            assert!(Instant::now() < deadline, "{log}");
            sleep(Duration::from_millis(20));
        }
    }

    /// Returns the bytes of the log.
    pub(super) fn log(&self) -> Vec<u8> {
        fs::read(&self.log).unwrap()
    }

    /// Stops it as an operator does.
    pub(super) fn stop(&mut self) {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(status.unwrap().success());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the program of the vault, which `cargo test --workspace` builds beside the command.
pub(super) fn program() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_helvetisafe")).with_file_name("helvetisafe-server")
}
