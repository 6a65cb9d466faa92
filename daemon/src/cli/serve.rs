//! `zonemux serve`: the daemon's life from top to bottom.

use std::io::{self, Write};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use super::{Exit, write_findings};
use crate::app::App;
use crate::config::{Finding, KeyPath, Loaded};
use crate::generation::PluginFault;
use crate::service_manager;
use crate::telemetry::{logging, metrics};

/// How often the service manager's status line is brought up to date.
const STATUS_INTERVAL: Duration = Duration::from_secs(5);

/// Runs the daemon until a signal ends it.
pub fn serve(loaded: Loaded, err: &mut impl Write) -> io::Result<Exit> {
    if let Err(error) = logging::install(loaded.config.log.level.as_str(), loaded.config.log.format) {
        writeln!(err, "error: {error}")?;
        return Ok(Exit::Failure);
    }
    for warning in &loaded.warnings {
        let key = warning.key.as_ref().map(ToString::to_string);
        tracing::warn!(key, hint = warning.hint, "{}", warning.message);
    }
    // Two threads move bytes; what computes for long has threads of its own.
    let runtime =
        Builder::new_multi_thread().worker_threads(2).thread_name("zonemux").enable_all().build()?;
    let exit = runtime.block_on(life(loaded, err));
    // A plugin that hangs on a thread of the runtime must not keep the process.
    runtime.shutdown_background();
    exit
}

async fn life(loaded: Loaded, err: &mut impl Write) -> io::Result<Exit> {
    // Before anything else: a signal during the start must not kill the process half-way.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let prometheus = match metrics::install() {
        Ok(prometheus) => prometheus,
        Err(error) => {
            writeln!(err, "error: metrics can't be set up: {error}")?;
            return Ok(Exit::Failure);
        }
    };
    let app = match App::build(loaded.config, prometheus) {
        Ok(app) => app,
        Err(error) => {
            writeln!(err, "error: {error}")?;
            if let Some(hint) = error.hint() {
                writeln!(err, "  hint: {hint}")?;
            }
            return Ok(Exit::Failure);
        }
    };
    service_manager::ready(&app.summary());
    let watchdog = service_manager::watchdog();

    let mut ticks = tokio::time::interval(STATUS_INTERVAL);
    let mut plugins_settled = false;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {
                tracing::warn!("reload is not available in this version; restart zonemux to apply changes");
            }
            _ = ticks.tick() => service_manager::status(&app.summary()),
            faults = app.plugins(), if !plugins_settled => {
                plugins_settled = true;
                if !faults.is_empty() {
                    write_findings(&findings(&faults), &[], err)?;
                    app.stop().await;
                    return Ok(Exit::Config);
                }
            }
        }
    }
    tokio::select! {
        complete = app.stop() => {
            if !complete {
                tracing::warn!("an apply had not ended; what it did is not known until the next list");
            }
        }
        _ = terminate.recv() => tracing::warn!("second signal: ending at once"),
        _ = interrupt.recv() => tracing::warn!("second signal: ending at once"),
    }
    if let Some(watchdog) = watchdog {
        watchdog.abort();
    }
    Ok(Exit::Ok)
}

/// One step of a plugin's path, such as `servers` or `servers[2]`.
fn step_into(key: &KeyPath, step: &str) -> KeyPath {
    let index = step.strip_suffix(']').and_then(|step| step.rsplit_once('['));
    match index.and_then(|(name, index)| Some((name, index.parse().ok()?))) {
        Some((name, index)) => key.key(name).index(index),
        None => key.key(step),
    }
}

/// Plugins that are refused, as faults of the configuration.
pub(super) fn findings(faults: &[PluginFault]) -> Vec<Finding> {
    use crate::plugin::Refusal;
    let mut findings = Vec::new();
    for fault in faults {
        let backend = KeyPath::of(&["backends", fault.backend.as_str()]);
        if let Refusal::Settings(settings) = &fault.error.reason {
            for setting in settings {
                let path = setting.path.split('.').filter(|step| !step.is_empty());
                let key = path.fold(backend.key("settings"), |key, step| step_into(&key, step));
                let finding = Finding::at(&key, setting.message.clone());
                let hint = (!setting.hint.is_empty()).then(|| setting.hint.clone());
                findings.push(hint.into_iter().fold(finding, Finding::hint));
            }
        } else {
            let finding = Finding::at(&backend.key("plugin"), fault.error.to_string());
            findings.push(fault.error.hint().into_iter().fold(finding, Finding::hint));
        }
    }
    findings
}
