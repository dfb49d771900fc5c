//! The protocols of systemd: readiness, reload, the watchdog, and sockets that it opens. Without systemd they do
//! nothing.

use std::io;
use std::thread;
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState::{
    self, ExtendTimeoutUsec, Ready, Reloading, Status, Stopping, Watchdog,
};

use super::listen::{Address, Listener};
use super::probe;
use crate::failure::Failure;

/// Reports that secrets are served.
pub(super) fn ready() {
    notify(&[Ready, Status("serving")]);
}

/// Reports that the vault was not reached yet, and that the start takes longer.
pub(super) fn starting(time: Duration) {
    let time = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    let status = Status("the vault does not answer; trying again");
    notify(&[status, ExtendTimeoutUsec(time)]);
}

/// Reports that a reload has begun. [`ready`] reports its end.
pub(super) fn reloading() {
    // `Type=notify-reload` needs the time since the boot.
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        notify(&[Reloading, now]);
    }
}

/// Reports that the agent ends.
pub(super) fn stopping() {
    notify(&[Stopping]);
}

/// Sends states. A failure is ignored, since it does not affect the clients.
fn notify(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}

/// Starts a thread that reports to the watchdog, if there is one, as long as the agent answers on its address.
pub(super) fn start_watchdog(address: Address) {
    let Some(interval) = sd_notify::watchdog_enabled() else {
        return;
    };
    // The thread ends with the process. If it cannot be started, systemd restarts the agent.
    let watch = move || {
        loop {
            thread::sleep(interval / 3);
            if probe::is_healthy(&address) {
                notify(&[Watchdog]);
            }
        }
    };
    let _ = thread::Builder::new().spawn(watch);
}

/// Returns the socket that systemd has opened for the agent, if there is one. Call it before the first thread
/// is started, since it removes the variables that describe the socket.
pub(super) fn listener() -> Result<Option<Listener>, Failure> {
    let mut sockets = ListenFd::from_env();
    match sockets.len() {
        0 => return Ok(None),
        1 => {}
        count => {
            return Err(Failure::usage(format_args!(
                "systemd has opened {count} sockets; the agent serves one: leave one ListenStream"
            )));
        }
    }
    if let Ok(Some(listener)) = sockets.take_unix_listener(0) {
        listener.set_nonblocking(false).map_err(unusable)?;
        return Ok(Some(Listener::Activated(listener)));
    }
    let listener = sockets.take_tcp_listener(0).map_err(unusable)?;
    if let Some(listener) = &listener {
        listener.set_nonblocking(false).map_err(unusable)?;
    }
    Ok(listener.map(Listener::Network))
}

fn unusable(error: io::Error) -> Failure {
    Failure::usage(format_args!(
        "cannot use the socket of systemd: {error}; give ListenStream= an address or a path"
    ))
}
