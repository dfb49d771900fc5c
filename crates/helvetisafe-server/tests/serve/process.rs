//! A running `serve`, and its lines on standard error.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::state::State;

/// Far more than anything takes, for a busy machine.
pub(crate) const LATE: Duration = Duration::from_secs(30);

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_helvetisafe-server"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a command to its end. Returns status, standard output and standard error. One that serves in place of
/// ending is stopped, so that the test fails.
pub(crate) fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let child = command(arguments).spawn().unwrap();
    let id = child.id().to_string();
    let (ended, is_over) = channel::<()>();
    let watchdog = thread::spawn(move || {
        if is_over.recv_timeout(LATE) == Err(RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-s", "KILL", &id]).status();
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    watchdog.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

pub(crate) struct Serve {
    pub(crate) child: Child,
    lines: Receiver<String>,
    pub(crate) seen: Vec<String>,
    pub(crate) base_url: String,
    pub(crate) address: SocketAddr,
}

impl Serve {
    pub(crate) fn start(state: &State, options: &[&str]) -> Self {
        let database = state.database();
        let mut arguments = vec!["serve"];
        arguments.extend(options);
        if !options.contains(&"--database") {
            arguments.extend(["--database", &database]);
        }
        if !options.contains(&"--listen") {
            arguments.extend(["--listen", "127.0.0.1:0"]);
        }
        Self::spawn(command(&arguments))
    }

    /// Starts with TLS.
    pub(crate) fn start_tls(
        state: &State,
        [certificate, key]: &[impl AsRef<Path>; 2],
        options: &[&str],
    ) -> Self {
        let [certificate, key] = [certificate, key].map(|it| it.as_ref().to_str().unwrap());
        let mut all = vec!["--tls-cert", certificate, "--tls-key", key];
        all.extend(options);
        Self::start(state, &all)
    }

    pub(crate) fn spawn(command: Command) -> Self {
        let mut serve = Self::begin(command);
        serve.wait_until_it_serves();
        serve
    }

    /// Starts without waiting.
    pub(crate) fn begin(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stderr.lines() {
                let _ = sender.send(line.unwrap());
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
            base_url: String::new(),
            address: ([127, 0, 0, 1], 0).into(),
        }
    }

    pub(crate) fn wait_until_it_serves(&mut self) {
        let line = self.line("serves http");
        // Up to the quote that ends a message in JSON.
        let url = line.split("serves ").nth(1).unwrap().split('"').next();
        self.base_url = url.unwrap().to_owned();
        let (_, address) = self.base_url.split_once("://").unwrap();
        self.address = address.parse().unwrap();
        self.address.set_ip([127, 0, 0, 1].into());
    }

    /// Waits for a line with this text.
    #[track_caller]
    pub(crate) fn line(&mut self, part: &str) -> String {
        let deadline = Instant::now() + LATE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(part) {
                        return line;
                    }
                }
                Err(error) => panic!("no line with {part:?} ({error}): {:#?}", self.seen),
            }
        }
    }

    /// Returns the address of the metrics.
    pub(crate) fn metrics_address(&mut self) -> SocketAddr {
        let line = self.line("serves metrics at http://");
        let (_, url) = line.split_once("http://").unwrap();
        url.split('/').next().unwrap().parse().unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LATE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end: {:#?}", self.seen);
    }

    /// Stops it. Returns all lines of standard error.
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.signal("TERM");
        assert_eq!(self.wait().code(), Some(0), "{:#?}", self.seen);
        self.line("stopped");
        std::mem::take(&mut self.seen)
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It has ended already if the test succeeded.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
