//! Notifications for systemd. Without it they do nothing.

#[cfg(target_os = "linux")]
use std::{
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::JoinHandle,
    time::Duration,
};

/// Reports that the vault serves, and the end of a reload.
pub(super) fn ready() {
    #[cfg(target_os = "linux")]
    notify(&[sd_notify::NotifyState::Ready]);
}

/// Extends the time that systemd gives a start, until it is dropped.
pub(super) struct Starting {
    #[cfg(target_os = "linux")]
    ends: Option<(Sender<()>, JoinHandle<()>)>,
}

/// The time between two extensions, and the time of each. A start that takes less needs none.
#[cfg(target_os = "linux")]
const EXTENSIONS: Duration = Duration::from_secs(5);
#[cfg(target_os = "linux")]
const EXTENSION_MICROSECONDS: u32 = 60_000_000;

/// Begins to extend the time of the start, which may wait for the database and migrate it.
#[cfg(target_os = "linux")]
pub(super) fn starting() -> Starting {
    let (ended, is_over) = channel::<()>();
    let extend = move || {
        while is_over.recv_timeout(EXTENSIONS) == Err(RecvTimeoutError::Timeout) {
            notify(&[sd_notify::NotifyState::ExtendTimeoutUsec(
                EXTENSION_MICROSECONDS,
            )]);
        }
    };
    let is_watched = std::env::var_os("NOTIFY_SOCKET").is_some();
    let thread = std::thread::Builder::new().name("helvetisafe-start".to_owned());
    let ends = is_watched.then(|| thread.spawn(extend).ok()).flatten();
    Starting {
        ends: ends.map(|thread| (ended, thread)),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn starting() -> Starting {
    Starting {}
}

impl Drop for Starting {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        if let Some((ended, thread)) = self.ends.take() {
            drop(ended);
            // No extension follows, as one would after the start.
            let _ = thread.join();
        }
    }
}

/// Reports that a reload has begun.
pub(super) fn reloading() {
    // `Type=notify-reload` needs the time since the boot.
    #[cfg(target_os = "linux")]
    if let Ok(now) = sd_notify::NotifyState::monotonic_usec_now() {
        notify(&[sd_notify::NotifyState::Reloading, now]);
    }
}

/// Reports that the vault is about to stop.
pub(super) fn stopping() {
    #[cfg(target_os = "linux")]
    notify(&[sd_notify::NotifyState::Stopping]);
}

/// A failure is ignored, since it does not affect the clients.
#[cfg(target_os = "linux")]
fn notify(states: &[sd_notify::NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}
