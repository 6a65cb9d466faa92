//! `zonemux check`: what is wrong, and what is doubtful.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use super::columns::plain;
use super::{Exit, Output, write_findings};
use crate::assemble;
use crate::backend::Driver;
use crate::config::{
    BackendName, Config, ConfigErrors, Finding, Isolation, KeyPath, Loaded, PluginUse, Report, Trust,
};
use crate::control::{self, ControlError, Probe};
use crate::generation::{self, Judged};

/// Reports what reading the configuration gave.
pub fn report_config(
    outcome: &Result<Loaded, ConfigErrors>,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    match outcome {
        Ok(loaded) => report(&[], &loaded.warnings, output, out, err),
        Err(errors) => report(&errors.faults, &errors.warnings, output, out, err),
    }
}

/// Reports faults and warnings, from the configuration and from plugins alike. As text they go to `err`,
/// and `out` gets one line when there is no fault; as JSON all goes to `out`.
pub fn report(
    faults: &[Finding],
    warnings: &[Finding],
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    match output {
        Output::Text => {
            write_findings(faults, warnings, err)?;
            if faults.is_empty() {
                writeln!(out, "the configuration is valid")?;
            }
        }
        Output::Json => {
            let list = |findings: &[Finding]| findings.iter().map(Report::from).collect::<Vec<_>>();
            let report = json!({
                "valid": faults.is_empty(),
                "faults": list(faults),
                "warnings": list(warnings),
            });
            writeln!(out, "{report:#}")?;
        }
    }
    Ok(if faults.is_empty() { Exit::Ok } else { Exit::Config })
}

/// Checks configuration and plugins; with `probe`, asks each backend and lists its zones: through the
/// daemon where one runs, since a plugin may own a lock.
///
/// Where the configuration has faults, its plugins are judged all the same, as far as their use is known.
pub fn check(
    outcome: &Result<Loaded, ConfigErrors>,
    probe: bool,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    let loaded = match outcome {
        Ok(loaded) => loaded,
        Err(errors) => return report(&all_faults(errors)?, &errors.warnings, output, out, err),
    };
    let runtime = runtime()?;
    let judged = judge(&runtime, loaded.config.plugin_uses());
    let mut warnings = loaded.warnings.clone();
    for (name, backend) in &loaded.config.backends {
        // Of a plugin that is refused nothing runs.
        if backend.isolation == Isolation::Inline && judged.faults.is_empty() {
            let key = KeyPath::of(&["backends", name.as_str(), "isolation"]);
            let message = "inline: a plugin that crashes, exits or takes all memory takes the daemon with it, \
                           and it can read the secrets of every backend";
            warnings.push(Finding::at(&key, message));
        }
        if !backend.settings.is_complete() {
            let key = KeyPath::of(&["backends", name.as_str(), "settings"]);
            let message = "not checked by its plugin, since some of its secrets are missing here";
            warnings.push(Finding::at(&key, message));
        }
    }
    if !keys_are_known(&loaded.config) {
        let key = KeyPath::of(&["plugins", "public_key"]);
        warnings.push(Finding::at(&key, "no plugin was verified or loaded, since it is not known here"));
    }
    let faults: Vec<Finding> = judged.findings().collect();
    if !faults.is_empty() || !probe {
        // A plugin that hangs must not keep the process.
        runtime.shutdown_background();
        return report(&faults, &warnings, output, out, err);
    }
    let usable = judged.prepared.into_iter().map(|(name, prepared)| (name, prepared.driver)).collect();
    let probes = runtime.block_on(run_probes(&loaded.config, usable));
    runtime.shutdown_background();
    write_probes(&probes, &warnings, output, out, err)
}

/// Says why nothing can be begun with a configuration, in the words of [`check`].
pub fn refuse(errors: &ConfigErrors, err: &mut impl Write) -> io::Result<Exit> {
    write_findings(&all_faults(errors)?, &errors.warnings, err)?;
    Ok(Exit::Config)
}

/// Whether plugins can be verified: the key may be a credential that only the unit has.
fn keys_are_known(config: &Config) -> bool {
    config.plugins.trust != Trust::Signature || config.plugins.public_key.is_some()
}

/// The faults of a configuration, and those of its plugins behind them.
fn all_faults(errors: &ConfigErrors) -> io::Result<Vec<Finding>> {
    let runtime = runtime()?;
    let judged = judge(&runtime, errors.plugin_uses.clone());
    runtime.shutdown_background();
    Ok(errors.faults.iter().cloned().chain(judged.findings()).collect())
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

fn judge(runtime: &Runtime, uses: Vec<PluginUse>) -> Judged {
    runtime.block_on(generation::judge(uses, &Arc::default()))
}

async fn run_probes(config: &Config, drivers: Vec<(BackendName, Arc<dyn Driver>)>) -> Vec<Probe> {
    match control::get(&config.control.socket, "/probe", control::PROBE_LIMIT).await {
        Ok(probes) => return probes,
        Err(ControlError::NotRunning(_)) => {}
        Err(error) => {
            let failed = |name: &BackendName| Probe {
                backend: name.as_str().to_owned(),
                records: None,
                notes: Vec::new(),
                error: Some(format!("a daemon runs, but {error}")),
                took_ms: 0,
            };
            return config.backends.keys().map(failed).collect();
        }
    }
    let backends = assemble::bare(config);
    for (name, driver) in drivers {
        let opened = Arc::clone(&backends[&name]);
        backends[&name].start(driver, move || opened.own_all_zones());
    }
    let probes = control::probe(backends.values()).await;
    let deadline = Instant::now() + Duration::from_secs(5);
    for backend in backends.values() {
        backend.close(deadline).await;
    }
    probes
}

fn write_probes(
    probes: &[Probe],
    warnings: &[Finding],
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    match output {
        Output::Json => writeln!(out, "{:#}", json!({ "valid": true, "probes": probes }))?,
        Output::Text => {
            write_findings(&[], warnings, err)?;
            writeln!(out, "the configuration is valid")?;
            for Probe { backend, records, error, notes, took_ms } in probes {
                match (records, error) {
                    (Some(records), _) => writeln!(out, "{backend}: {records} records in {took_ms} ms")?,
                    (None, error) => writeln!(out, "{backend}: {}", error.as_deref().unwrap_or("failed"))?,
                }
                for note in notes {
                    writeln!(out, "  {}", plain(note))?;
                }
            }
        }
    }
    let all_well = probes.iter().all(|probe| probe.error.is_none());
    Ok(if all_well { Exit::Ok } else { Exit::Failure })
}
