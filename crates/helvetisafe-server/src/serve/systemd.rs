//! Notifications for systemd. Without it they do nothing.

/// Reports that the vault serves, and the end of a reload.
pub(super) fn ready() {
    #[cfg(target_os = "linux")]
    notify(&[sd_notify::NotifyState::Ready]);
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
