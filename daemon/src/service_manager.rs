//! What is said to systemd, and what it hands over. All of it does nothing elsewhere.

use std::io;
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;
use tokio::task::JoinHandle;

use crate::http::Listener;

/// The listeners are bound.
pub fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The configuration is being read again; [`ready`] ends that, whatever came of it.
pub fn reloading() {
    let status = NotifyState::Status("reloading");
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now, status]),
        // Without the time, the word alone would be refused.
        Err(error) => tracing::debug!(%error, "the service manager can't be told of a reload"),
    }
}

/// One line for `systemctl status`.
pub fn status(line: &str) {
    notify(&[NotifyState::Status(line)]);
}

/// The daemon is ending.
pub fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

fn notify(states: &[NotifyState<'_>]) {
    // A manager that can't be told is no reason to stop serving.
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager can't be told");
    }
}

/// Tells the watchdog that the runtime turns, as often as systemd asks; `None` where it does not.
pub fn watchdog() -> Option<JoinHandle<()>> {
    let limit = sd_notify::watchdog_enabled()?;
    // Half of the limit, as sd_watchdog_enabled(3) advises.
    let mut interval = tokio::time::interval((limit / 2).max(Duration::from_millis(100)));
    Some(tokio::spawn(async move {
        loop {
            interval.tick().await;
            notify(&[NotifyState::Watchdog]);
        }
    }))
}

/// The sockets of a socket unit, which replace `webhook.listen`. Empty where there are none.
///
/// # Errors
///
/// When a descriptor is neither a TCP nor a unix stream socket that listens.
pub fn sockets() -> io::Result<Vec<Listener>> {
    let mut handed_over = ListenFd::from_env();
    (0..handed_over.len())
        .filter_map(|index| match handed_over.take_tcp_listener(index) {
            Ok(listener) => listener.map(Listener::from_tcp),
            Err(_) => handed_over
                .take_unix_listener(index)
                .transpose()
                .map(|unix| unix.and_then(Listener::from_unix)),
        })
        .collect()
}
