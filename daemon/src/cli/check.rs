//! `zonemux check`: what is wrong, and what is doubtful.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::runtime::Builder;
use tokio::time::Instant;

use super::{Exit, Output, write_findings};
use crate::assemble;
use crate::backend::Driver;
use crate::config::{BackendName, Config, ConfigErrors, Finding, KeyPath, Loaded, Report, Trust};
use crate::control::{self, ControlError, Probe};
use crate::generation::{self, LoadError, PluginFault, Prepared};
use crate::plugin::{Loader, PluginError};

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
pub fn check(
    outcome: &Result<Loaded, ConfigErrors>,
    probe: bool,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    let Ok(loaded) = outcome else {
        return report_config(outcome, output, out, err);
    };
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let plugins = runtime.block_on(load_plugins(&loaded.config));
    let (mut faults, mut warnings) = (Vec::new(), loaded.warnings.clone());
    let mut usable = Vec::new();
    for (name, plugin) in plugins {
        match plugin {
            Ok(plugin) => usable.push((name, plugin.driver)),
            Err(error) => faults.push(PluginFault { backend: name, error }),
        }
    }
    for (name, backend) in &loaded.config.backends {
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
    let faults: Vec<Finding> = faults.iter().flat_map(PluginFault::findings).collect();
    if !faults.is_empty() || !probe {
        // A plugin that hangs must not keep the process.
        runtime.shutdown_background();
        return report(&faults, &warnings, output, out, err);
    }
    let probes = runtime.block_on(run_probes(&loaded.config, usable));
    runtime.shutdown_background();
    write_probes(&probes, &warnings, output, out, err)
}

type Plugins = Vec<(BackendName, Result<Prepared, PluginError>)>;

/// Whether plugins can be verified: the key may be a credential that only the unit has.
fn keys_are_known(config: &Config) -> bool {
    config.plugins.trust != Trust::Signature || config.plugins.public_key.is_some()
}

/// Every plugin loaded and given its settings, where these are known whole.
async fn load_plugins(config: &Config) -> Plugins {
    let (config, loader) = (Arc::new(config.clone()), Arc::new(Loader::default()));
    let complete = config
        .backends
        .iter()
        .filter(|(_, backend)| keys_are_known(&config) && backend.settings.is_complete());
    let loads = complete.map(|(name, _)| {
        let (config, loader) = (&config, &loader);
        async move {
            let plugin = generation::load(config, name, loader).await;
            (name.clone(), plugin.map_err(LoadError::into_error))
        }
    });
    join_all(loads).await
}

async fn run_probes(config: &Config, drivers: Vec<(BackendName, Arc<dyn Driver>)>) -> Vec<Probe> {
    match control::get(&config.control.socket, "/probe", control::PROBE_LIMIT).await {
        Ok(probes) => return probes,
        Err(ControlError::NotRunning(_)) => {}
        Err(error) => {
            let failed = |name: &BackendName| Probe {
                backend: name.as_str().to_owned(),
                records: None,
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
            for Probe { backend, records, error, took_ms } in probes {
                match (records, error) {
                    (Some(records), _) => writeln!(out, "{backend}: {records} records in {took_ms} ms")?,
                    (None, error) => writeln!(out, "{backend}: {}", error.as_deref().unwrap_or("failed"))?,
                }
            }
        }
    }
    let all_well = probes.iter().all(|probe| probe.error.is_none());
    Ok(if all_well { Exit::Ok } else { Exit::Failure })
}
