//! The process group of the program: the program, which leads it, and the processes that it has started.
//!
//! The group is in the background of the terminal until it uses the terminal, which stops it for a moment
//! and brings it into the foreground. Until then Ctrl-C reaches the whole job that this process belongs to,
//! such as a script around it, and this process passes it on. If this process is the whole job,
//! [`Group::enter_foreground`] brings the group into the foreground at once.

use std::io;
use std::os::raw::c_int;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::{Errno, retry_on_intr};
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, kill_process_group,
    test_kill_process_group, wait,
};
use signal_hook::consts::{SIGCHLD, SIGTSTP, SIGTTIN, SIGTTOU};
use signal_hook::low_level::emulate_default_handler;

use super::terminal::Terminal;
use crate::signals::{is_under_job_control, own_group};

/// The time for killed processes to end. One that hangs in the kernel takes longer.
const KILLING: Duration = Duration::from_secs(1);
/// The interval of checks whether a group has ended, since not every system reports the end of orphans.
pub(in crate::commands) const TICK: Duration = Duration::from_millis(20);

pub(in crate::commands) struct Group {
    /// The id of the program and of the group.
    leader: Pid,
    status: Option<ExitStatus>,
    terminal: Option<Terminal>,
    /// Set once the group has used the terminal.
    uses_terminal: bool,
    /// Set if a key of the terminal ended the program, such as Ctrl-C.
    is_ended_by_key: bool,
}

impl Group {
    /// Starts the program as the leader of a new group.
    pub(in crate::commands) fn start(command: &mut Command) -> io::Result<Self> {
        adopt_orphans();
        let child = command.process_group(0).spawn()?;
        Ok(Self {
            leader: Pid::from_child(&child),
            status: None,
            terminal: Terminal::open(),
            uses_terminal: false,
            is_ended_by_key: false,
        })
    }

    /// Brings the group into the foreground, if this process leads the job in the foreground. Then there is no
    /// script that Ctrl-C should reach.
    pub(in crate::commands) fn enter_foreground(&mut self) {
        if own_group() == Some(getpid()) && self.is_job_in_foreground() {
            self.uses_terminal = true;
            // The program may have used the terminal before.
            self.resume();
        }
    }

    /// Handles what has happened to the children of this process. Returns the status of the program once it
    /// has ended.
    ///
    /// Orphans are children too. No other child is waited for elsewhere: helpers such as
    /// `client_secret_command` end before the program starts.
    pub(in crate::commands) fn update(&mut self) -> io::Result<Option<ExitStatus>> {
        while let Some((process, status)) = next_change()? {
            if process != self.leader {
                continue;
            }
            match status.stopping_signal() {
                Some(signal) => self.handle_stop(signal),
                None => self.handle_end(ExitStatus::from_raw(status.as_raw())),
            }
        }
        Ok(self.status)
    }

    /// Handles a signal that this process received. `is_sent` is set if a process sent it, not the terminal.
    pub(in crate::commands) fn handle_signal(&mut self, signal: c_int, is_sent: bool) {
        match signal {
            SIGCHLD => {}
            SIGTSTP => self.suspend(),
            // A group in the foreground has received it from the terminal.
            _ if !is_sent && self.is_in_foreground() => {}
            _ => self.send_raw(signal),
        }
    }

    /// Sends a signal to every process of the group.
    pub(in crate::commands) fn send(&self, signal: Signal) {
        let sent = kill_process_group(self.leader, signal);
        // A program may have moved itself into another group.
        if sent.is_err() && self.status.is_none() {
            // It fails if the program belongs to another user now.
            let _ = kill_process(self.leader, signal);
        }
    }

    /// Asks every process of the group to end, stopped ones too.
    pub(in crate::commands) fn ask_to_end(&self) {
        self.send(Signal::TERM);
        self.send(Signal::CONT);
    }

    /// Returns true if no process of the group is left.
    pub(in crate::commands) fn is_gone(&self) -> bool {
        self.status.is_some() && test_kill_process_group(self.leader) == Err(Errno::SRCH)
    }

    /// Kills the group. Waits until the program has ended, and up to `KILLING` for the other processes.
    pub(in crate::commands) fn kill(&mut self) -> io::Result<ExitStatus> {
        self.send(Signal::KILL);
        while self.status.is_none() {
            let ended = retry_on_intr(|| wait(WaitOptions::empty()))?;
            if let Some((process, status)) = ended
                && process == self.leader
            {
                self.handle_end(ExitStatus::from_raw(status.as_raw()));
            }
        }
        let until = Instant::now() + KILLING;
        while !self.is_gone() && Instant::now() < until {
            thread::sleep(TICK);
            self.update()?;
        }
        self.status.ok_or_else(|| Errno::CHILD.into())
    }

    /// Returns true if a key of the terminal ended the program.
    pub(in crate::commands) fn is_ended_by_key(&self) -> bool {
        self.is_ended_by_key
    }

    fn send_raw(&self, signal: c_int) {
        if let Some(signal) = Signal::from_named_raw(signal) {
            self.send(signal);
        }
    }

    fn is_in_foreground(&self) -> bool {
        let terminal = self.terminal.as_ref();
        terminal.is_some_and(|terminal| terminal.is_held_by(self.leader))
    }

    fn handle_end(&mut self, status: ExitStatus) {
        let key = key_signal(status).filter(|_| self.is_in_foreground());
        self.is_ended_by_key = key.is_some();
        self.status = Some(status);
        self.take_terminal_back();
        if let Some(signal @ (Signal::INT | Signal::QUIT)) = key {
            // If the program had no group of its own, the signal would have reached the whole job, such as a script.
            signal_job(signal);
        }
    }

    fn take_terminal_back(&self) {
        if let Some(terminal) = &self.terminal
            && (terminal.is_held_by(self.leader) || self.uses_terminal && terminal.is_abandoned())
            && let Some(job) = own_group()
        {
            terminal.give_to(job);
        }
    }

    /// Handles a stop of the program, because it used the terminal in the background, or by Ctrl-Z.
    fn handle_stop(&mut self, signal: c_int) {
        if self.terminal.is_none() {
            return;
        }
        let is_in_foreground = self.is_in_foreground();
        let needs_terminal = matches!(signal, SIGTTIN | SIGTTOU);
        self.uses_terminal |= needs_terminal || is_in_foreground;
        if needs_terminal && self.may_have_terminal() {
            self.resume();
        } else if is_in_foreground || needs_terminal {
            self.take_terminal_back();
            // The handler of this process suspends it. The other processes of the job stop too.
            signal_job(Signal::TSTP);
        }
    }

    /// Stops the group and this process, and resumes the group when a shell continues this process.
    fn suspend(&self) {
        if is_under_job_control() {
            self.send(Signal::TSTP);
        }
        suspend();
        self.resume();
    }

    /// Continues the group, in the foreground if it uses the terminal and the job is there.
    fn resume(&self) {
        if let Some(terminal) = &self.terminal
            && self.uses_terminal
            && self.may_have_terminal()
        {
            terminal.give_to(self.leader);
        }
        self.send(Signal::CONT);
    }

    /// Returns true if this process may give the terminal to the group: its job is in the foreground, or no
    /// shell controls the jobs.
    fn may_have_terminal(&self) -> bool {
        self.is_job_in_foreground() || !is_under_job_control()
    }

    fn is_job_in_foreground(&self) -> bool {
        let terminal = self.terminal.as_ref();
        let job = terminal.zip(own_group());
        job.is_some_and(|(terminal, job)| terminal.is_held_by(job))
    }
}

/// Sends a signal to the job of the shell that this process belongs to.
fn signal_job(signal: Signal) {
    if let Some(job) = own_group() {
        // It fails if this process may not signal another one of its job.
        let _ = kill_process_group(job, signal);
    }
}

/// Stops this process until a shell continues it, as at Ctrl-Z. Does nothing without such a shell.
pub(in crate::commands) fn suspend() {
    if is_under_job_control() {
        // It fails for invalid signals alone.
        let _ = emulate_default_handler(SIGTSTP);
    }
}

/// Returns the next end or stop of a child, if there is one.
fn next_change() -> io::Result<Option<(Pid, WaitStatus)>> {
    let options = WaitOptions::NOHANG | WaitOptions::UNTRACED;
    match retry_on_intr(|| wait(options)) {
        Err(Errno::CHILD) => Ok(None),
        outcome => Ok(outcome?),
    }
}

/// Returns the signal of the terminal that ended a program, or that ended the program which a shell ran.
fn key_signal(status: ExitStatus) -> Option<Signal> {
    let code = status.code().map(|code| code - 128);
    let signal = Signal::from_named_raw(status.signal().or(code)?)?;
    matches!(signal, Signal::INT | Signal::QUIT | Signal::HUP).then_some(signal)
}

/// Makes the orphans of the program children of this process, as they are of process 1, so that the end of
/// the whole group is noticed.
fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::set_child_subreaper;
        // If it fails, another process waits for them.
        let _ = set_child_subreaper(Some(getpid()));
    }
}
