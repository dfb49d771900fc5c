//! The searched process, from its parent's side.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::Job;

/// The points at which a subject waits for its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It has connected, or failed to.
    Connected,
    /// It has done its work and holds everything still.
    Alive,
    /// It has dropped everything.
    Dropped,
}

/// A running subject. Dropped, it is killed.
pub struct Subject {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Subject {
    /// Starts `program` without an environment, and sends it the job.
    pub fn start(program: &Path, job: &mut Job) -> Self {
        let mut child = Command::new(program)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        job.write(&mut input).unwrap();
        Self {
            child,
            input,
            output,
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it stops there. Returns the outcome that it reports of its last step.
    pub fn wait_for(&mut self, stop: Stop) -> Vec<String> {
        let end = format!("{stop:?}");
        let mut said = Vec::new();
        loop {
            let mut line = String::new();
            let length = self.output.read_line(&mut line).unwrap();
            assert_ne!(length, 0, "the subject ended before it was {end}: {said:?}");
            match line.trim_end() {
                line if line == end => return said,
                line => said.push(line.to_owned()),
            }
        }
    }

    /// Lets it continue.
    pub fn go_on(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
