//! `zonemux plugin list`, `inspect` and `schema`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Exit, Output};
use crate::config::{self, Config, Loaded};
use crate::plugin::{self, Image, PluginError, SignatureFault, Signed, Trust, Trusted};

/// Lists the plugins in every folder of the search path, without running any.
pub fn list(loaded: &Loaded, output: Output, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    let found: Vec<_> = loaded.config.plugins.path.iter().flat_map(|folder| files(folder)).collect();
    let images: Vec<_> = found.iter().map(|path| (path, read(&loaded.config, path))).collect();
    match output {
        Output::Json => {
            let entries = images.iter().map(|(path, image)| match image {
                Ok(image) => describe(image),
                Err(error) => json!({ "path": path, "error": error.reason.to_string() }),
            });
            writeln!(out, "{:#}", Value::Array(entries.collect()))?;
        }
        Output::Text => {
            for (path, image) in &images {
                match image {
                    Ok(image) => {
                        let (name, version) = (&image.manifest.name, &image.manifest.version);
                        writeln!(out, "{name} {version}  {}  {}", path.display(), image.trusted)?;
                    }
                    Err(error) => writeln!(out, "refused: {error}")?,
                }
            }
            if images.is_empty() {
                let folders: Vec<_> =
                    loaded.config.plugins.path.iter().map(|folder| folder.display().to_string()).collect();
                writeln!(err, "no plugins in {}", folders.join(", "))?;
            }
        }
    }
    Ok(Exit::Ok)
}

/// Reads a file as it would be for a backend of this configuration. One that has to be pinned and is not is
/// described all the same: its hash is what the backend is to be given.
fn read(config: &Config, path: &Path) -> Result<Image, PluginError> {
    match (config.plugins.trust, &config.plugins.public_key) {
        (config::Trust::Owner, _) => Image::read(path, &Trust::Owner { sha256: None }),
        (config::Trust::Signature, None) => Err(PluginError::key_not_known(path)),
        (config::Trust::Signature, Some(keys)) => {
            Image::read(path, &Trust::Signature { keys: keys.clone(), sha256: None })
        }
        (config::Trust::Sha256, _) => {
            let mut image = Image::read_untrusted(path)?;
            let pins = config.backends.values().filter_map(|backend| backend.sha256.as_ref());
            if pins.map(ToString::to_string).any(|pin| pin == image.sha256) {
                image.trusted = Trusted::Sha256;
            }
            Ok(image)
        }
    }
}

/// Prints what a file says of itself, without running it. Trust is not asked for: nothing is run.
pub fn inspect(file: &Path, output: Output, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    let image = match Image::read_untrusted(file) {
        Ok(image) => image,
        Err(error) => return refuse(&error, err),
    };
    match output {
        Output::Json => writeln!(out, "{:#}", describe(&image))?,
        Output::Text => {
            let manifest = &image.manifest;
            writeln!(out, "{} {}", manifest.name, manifest.version)?;
            if !manifest.description.is_empty() {
                writeln!(out, "{}", manifest.description)?;
            }
            writeln!(out, "interface  {}", manifest.abi)?;
            writeln!(out, "sdk        {}", manifest.sdk)?;
            writeln!(out, "compiler   {}", manifest.rustc)?;
            writeln!(out, "target     {}", manifest.target)?;
            writeln!(out, "panic      {}", manifest.panic)?;
            writeln!(out, "exclusive  {}", manifest.exclusive)?;
            writeln!(out, "network    {}", manifest.network)?;
            writeln!(out, "commands   {}", manifest.commands)?;
            writeln!(out, "libraries  {}", image.needed.join(" "))?;
            writeln!(out, "sha256     {}", image.sha256)?;
            match image.claimed_signature() {
                // Only what the configuration's keys verify is true, and here no configuration is read.
                Ok(Signed { key, comment }) => {
                    writeln!(out, "signature  claims key {key}, not verified here: {comment}")?;
                }
                Err(SignatureFault::Missing(_)) => {}
                Err(fault) => writeln!(out, "signature  {fault}")?,
            }
        }
    }
    Ok(Exit::Ok)
}

/// Prints the JSON Schema of a plugin's settings. This runs the file, in a restricted process of its own.
pub fn schema(file: &Path, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    let trust = Trust::Owner { sha256: None };
    match Image::read(file, &trust).and_then(|image| plugin::schema(&image)) {
        Ok(schema) => {
            writeln!(out, "{schema}")?;
            Ok(Exit::Ok)
        }
        Err(error) => refuse(&error, err),
    }
}

fn refuse(error: &PluginError, err: &mut impl Write) -> io::Result<Exit> {
    writeln!(err, "error: {error}")?;
    if let Some(hint) = error.hint() {
        writeln!(err, "  hint: {hint}")?;
    }
    Ok(Exit::Failure)
}

fn describe(image: &Image) -> Value {
    let signed = match &image.trusted {
        Trusted::Signature(signed) => Some(signed.clone()),
        Trusted::Not | Trusted::Owner | Trusted::Sha256 => image.claimed_signature().ok(),
    };
    let is_verified = matches!(image.trusted, Trusted::Signature(_));
    let signature = |signed: &Signed| json!({ "key": signed.key.to_string(), "comment": signed.comment, "verified": is_verified });
    let trusted = match &image.trusted {
        Trusted::Not => Value::Null,
        Trusted::Owner => json!("owner"),
        Trusted::Sha256 => json!("sha256"),
        Trusted::Signature(_) => json!("signature"),
    };
    json!({
        "path": image.path,
        "sha256": image.sha256,
        "manifest": image.manifest,
        "libraries": image.needed,
        "trusted": trusted,
        "signature": signed.as_ref().map(signature),
    })
}

/// The `.so` files of a folder in the order of their names, each name once.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let files = entries.filter_map(Result::ok).map(|entry| entry.path());
    let plugins = files.filter(|path| path.extension().is_some_and(|extension| extension == "so"));
    let by_name: BTreeMap<_, _> =
        plugins.filter_map(|path| Some((path.file_name()?.to_owned(), path))).collect();
    by_name.into_values().collect()
}
