//! A running daemon.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

use crate::{Finished, Metrics, Process, Request, Signal, Target, eventually};

/// A daemon that answers on its control socket, and says there where else it listens.
#[derive(Debug)]
pub struct Daemon {
    process: Process,
    webhook: Vec<Target>,
    admin: Target,
    control: Target,
    _folder: Arc<TempDir>,
}

impl Daemon {
    /// Waits until a started daemon answers on its control socket.
    ///
    /// # Panics
    ///
    /// When it ends before.
    #[track_caller]
    pub(crate) fn attach(mut process: Process, folder: Arc<TempDir>, control: &Path) -> Self {
        let control = Target::Unix(control.to_owned());
        let status = eventually("the control socket answers", || {
            assert!(process.is_running(), "the daemon ended at its start");
            let mut connection = control.connect().ok()?;
            connection.send(&Request::get("/status"));
            connection.try_answer().ok()
        });
        let status = status.json();
        let targets = |key: &str| -> Vec<Target> {
            let list = status[key].as_array().expect("a list of addresses");
            list.iter().map(|address| Target::parse(address.as_str().expect("an address"))).collect()
        };
        let admin = targets("admin").remove(0);
        Self { process, webhook: targets("webhook"), admin, control, _folder: folder }
    }

    /// Where ExternalDNS finds it: the first of its addresses.
    pub fn webhook(&self) -> &Target {
        &self.webhook[0]
    }

    /// All addresses for ExternalDNS, in the order of the configuration.
    pub fn webhooks(&self) -> &[Target] {
        &self.webhook
    }

    /// Where probes and metrics are.
    pub fn admin(&self) -> &Target {
        &self.admin
    }

    /// The control socket.
    pub fn control(&self) -> &Target {
        &self.control
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// What it says of itself, names included.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.control.get("/status").json()
    }

    /// Waits until it can answer for every backend.
    #[track_caller]
    pub fn wait_ready(&self) -> &Self {
        eventually("the daemon is ready", || (self.admin.get("/readyz").status == 200).then_some(()));
        self
    }

    /// Waits until a backend is in a state, such as `up`.
    #[track_caller]
    pub fn wait_state(&self, backend: &str, state: &str) {
        eventually(&format!("backend {backend} is {state}"), || {
            let status = self.status();
            let backends = status["backends"].as_array().expect("a list of backends");
            backends.iter().any(|own| own["name"] == backend && own["state"] == state).then_some(())
        });
    }

    /// Its metrics now.
    #[track_caller]
    pub fn metrics(&self) -> Metrics {
        Metrics::parse(self.admin.get("/metrics").text())
    }

    /// The sum of a metric's series with these labels now; 0 where there is none yet.
    #[track_caller]
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.metrics().sum(name, labels).unwrap_or_default()
    }

    /// The log lines so far; what is no JSON is left out.
    pub fn log(&self) -> Vec<Value> {
        self.process.stderr().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The log lines so far whose message holds a text.
    pub fn logged(&self, message: &str) -> Vec<Value> {
        let mut lines = self.log();
        lines.retain(|line| line["message"].as_str().is_some_and(|own| own.contains(message)));
        lines
    }

    /// Waits for a log line whose message holds a text, and gives the first.
    #[track_caller]
    pub fn wait_logged(&self, message: &str) -> Value {
        eventually(&format!("a log line `{message}`"), || self.logged(message).into_iter().next())
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(self) -> Finished {
        self.process.wait()
    }

    /// Ends it as a service manager does, and gives how that went.
    #[track_caller]
    pub fn stop(self) -> Finished {
        self.signal(Signal::TERM);
        self.wait()
    }
}
