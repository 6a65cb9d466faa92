//! `zonemux plugin list`, `inspect` and `schema`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Exit, Output};
use crate::config::Loaded;
use crate::plugin::{self, Image, PluginError, Trust};

/// Lists the plugins in every folder of the search path, without running any.
pub fn list(loaded: &Loaded, output: Output, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    let trust = Trust::Owner { sha256: None };
    let found: Vec<_> = loaded.config.plugins.path.iter().flat_map(|folder| files(folder)).collect();
    let images: Vec<_> = found.iter().map(|path| (path, Image::read(path, &trust))).collect();
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
                        writeln!(out, "{name} {version}  {}", path.display())?;
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
            writeln!(out, "sha256     {}", image.sha256)?;
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
    json!({ "path": image.path, "sha256": image.sha256, "manifest": image.manifest })
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
