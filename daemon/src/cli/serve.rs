//! `zonemux serve`: the daemon's life from top to bottom.

use std::ffi::OsString;
use std::io::{self, Write};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use super::{Exit, write_findings};
use crate::app::{App, Start};
use crate::config::{Finding, Loaded, Request};
use crate::generation::PluginFault;
use crate::service_manager;
use crate::telemetry::{logging, metrics};

/// How often the service manager's status line is brought up to date, and what histograms gathered is put
/// into their buckets: where nobody asks for metrics, it would fill the memory.
const STATUS_INTERVAL: Duration = Duration::from_secs(5);

/// Runs the daemon until a signal ends it.
pub fn serve(request: Request, loaded: Loaded, err: &mut impl Write) -> io::Result<Exit> {
    let level = match logging::install(loaded.config.log.level.as_str(), loaded.config.log.format) {
        Ok(level) => level,
        Err(error) => {
            writeln!(err, "error: {error}")?;
            return Ok(Exit::Failure);
        }
    };
    for warning in &loaded.warnings {
        let key = warning.key.as_ref().map(ToString::to_string);
        tracing::warn!(key, hint = warning.hint, "{}", warning.message);
    }
    warn_of_linker_variables();
    // Two threads move bytes; what computes for long has threads of its own.
    let runtime =
        Builder::new_multi_thread().worker_threads(2).thread_name("zonemux").enable_all().build()?;
    let exit = runtime.block_on(life(request, loaded, level, err));
    // A plugin that hangs on a thread of the runtime must not keep the process.
    runtime.shutdown_background();
    exit
}

/// Names the variables by which the dynamic linker was told to load other code than was checked, or to load
/// it otherwise. Too late to undo: it has obeyed them before this process's first instruction.
fn warn_of_linker_variables() {
    let names = linker_variables(std::env::vars_os().map(|(name, _)| name));
    if !names.is_empty() {
        tracing::warn!(
            variables = names.join(" "),
            hint = "take them out of the unit or the container",
            "the environment changes what the dynamic linker loads into this process"
        );
    }
}

/// The dynamic linker's own variables among these names, sorted.
fn linker_variables(names: impl Iterator<Item = OsString>) -> Vec<String> {
    let names = names.filter_map(|name| name.into_string().ok());
    let mut found: Vec<_> =
        names.filter(|name| name.starts_with("LD_") || name == "GLIBC_TUNABLES").collect();
    found.sort_unstable();
    found
}

async fn life(
    request: Request,
    loaded: Loaded,
    level: logging::Level,
    err: &mut impl Write,
) -> io::Result<Exit> {
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
    let app = match App::build(Start { request, loaded, level: Some(level), prometheus: prometheus.clone() })
    {
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
            _ = hangup.recv() => app.reload(),
            _ = ticks.tick() => {
                service_manager::status(&app.summary());
                prometheus.run_upkeep();
            }
            faults = app.plugins(), if !plugins_settled => {
                plugins_settled = true;
                if !faults.is_empty() {
                    let faults: Vec<Finding> = faults.iter().flat_map(PluginFault::findings).collect();
                    write_findings(&faults, &[], err)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_of_the_linker_is_found_and_no_other() {
        let names = ["LD_PRELOAD", "PATH", "GLIBC_TUNABLES", "LD_AUDIT", "OLD_PATH", "LDFLAGS"];
        let found = linker_variables(names.into_iter().map(OsString::from));
        assert_eq!(found, ["GLIBC_TUNABLES", "LD_AUDIT", "LD_PRELOAD"]);
    }
}
