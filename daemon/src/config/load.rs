//! Reading the configuration: the one way in.

use std::path::{Path, PathBuf};

use super::decode::{Decoded, decode};
use super::effective::Entry;
use super::environment::Environment;
use super::error::{ConfigErrors, Finding};
use super::layer::{Files, merge_layers};
use super::model::Config;

/// What the configuration is read for. It decides how secrets are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To run: every secret must be there.
    Serve,
    /// To be checked or shown: outside a systemd unit its credentials are missing, which is a warning.
    Check,
    /// To find a running daemon or a plugin: secrets are not read, and are empty.
    Inspect,
}

/// Where to read from.
#[derive(Debug, Clone)]
pub struct Request {
    /// The file that `--config` names.
    pub file: Option<PathBuf>,
    /// Variables and current directory.
    pub environment: Environment,
    /// What for.
    pub purpose: Purpose,
}

/// A configuration without a fault, with what else is known of it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is doubtful in it.
    pub warnings: Vec<Finding>,
    /// The files it was read from, the main one first.
    pub files: Vec<PathBuf>,
    /// All that it was made from and that can change: those files, the folder `conf.d`, and the files of
    /// secrets and certificates. Some may not be there.
    pub sources: Vec<PathBuf>,
    pub(super) entries: Vec<Entry>,
}

/// Reads every layer and checks the whole; reports every fault at once.
pub fn load(request: &Request) -> Result<Loaded, ConfigErrors> {
    let mut faults = Vec::new();
    let files = Files::read(request.file.as_deref(), &request.environment, &mut faults);
    finish(files, faults, &request.environment, request.purpose)
}

/// Reads `text` as if it were the file at `path`, without other files and variables: for tests, and
/// for configurations that a program writes.
pub fn load_text(path: &Path, text: &str) -> Result<Loaded, ConfigErrors> {
    let environment = Environment::empty(path.parent().unwrap_or(Path::new("/")));
    let mut faults = Vec::new();
    let files = Files::of_text(path.to_owned(), text, &mut faults);
    finish(files, faults, &environment, Purpose::Serve)
}

fn finish(
    files: Files,
    mut faults: Vec<Finding>,
    environment: &Environment,
    purpose: Purpose,
) -> Result<Loaded, ConfigErrors> {
    // Without all of its text, a configuration would show faults that it does not have.
    if !faults.is_empty() {
        return Err(ConfigErrors {
            faults,
            warnings: Vec::new(),
            sources: files.sources,
            control: files.recovered_control,
            plugin_uses: Vec::new(),
        });
    }
    let merged = merge_layers(&files, environment, &mut faults);
    let decoded = decode(merged.root(), environment, purpose);
    let Decoded { config, faults: more, warnings, entries, control, plugin_uses, referenced_files } = decoded;
    faults.extend(more);
    let mut sources = files.sources;
    sources.extend(referenced_files);
    match config {
        Some(config) if faults.is_empty() => {
            Ok(Loaded { config, warnings, files: files.paths, sources, entries })
        }
        _ => Err(ConfigErrors { faults, warnings, sources, control, plugin_uses }),
    }
}
