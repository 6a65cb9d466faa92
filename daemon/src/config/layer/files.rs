//! The configuration file and those of `conf.d` beside it.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use config::{FileFormat, Format, Value};
use zeroize::Zeroizing;

use super::super::environment::Environment;
use super::super::error::Finding;
use super::super::origin::Origin;
use super::super::paths;
use super::defaults;

/// Far above any configuration; keeps a wrong path (a device, a database) from filling the memory.
const LARGEST_FILE: u64 = 16 << 20;

/// The files that were found and parsed, in the order of their layers.
#[derive(Default)]
pub(crate) struct Files {
    /// The main file first, absolute.
    pub(crate) paths: Vec<PathBuf>,
    pub(super) parsed: Vec<Value>,
    /// The same, with those that could not be read or are not there, and with the folder of more.
    pub(crate) sources: Vec<PathBuf>,
    /// The control socket that a file with a syntax error seems to name, else the built-in one; so that
    /// a running daemon can be told of the error. None where a file could not even be read.
    pub(crate) recovered_control: Option<PathBuf>,
}

impl Files {
    /// Reads the file that is named by `--config`, else by `$ZONEMUX_CONFIG`, else the usual one, and
    /// its `conf.d`. A usual file that is missing is a fault only where nothing else is configured.
    pub(crate) fn read(named: Option<&Path>, environment: &Environment, faults: &mut Vec<Finding>) -> Self {
        let from_variable = environment.get("ZONEMUX_CONFIG").map(Path::new);
        let (path, is_named) = match named.or(from_variable) {
            Some(path) => (path, true),
            None => (Path::new(defaults::FILE), false),
        };
        let path = paths::resolve(environment.current_directory(), path);
        let built_in = named_control(Path::new("/"), defaults::CONFIGURATION);
        let mut files = Self { recovered_control: built_in, ..Self::default() };
        files.sources.push(path.clone());
        let before = faults.len();
        match read_text(&path) {
            Ok(text) => files.add(path.clone(), &text, faults),
            Err(error) if is_named || error.kind() != io::ErrorKind::NotFound => {
                faults.push(unreadable(&path, &error));
                files.recovered_control = None;
            }
            Err(_) => {}
        }
        files.sources.push(path.with_file_name("conf.d"));
        files.read_folder(&path.with_file_name("conf.d"), faults);
        if files.paths.is_empty() && faults.len() == before && !super::environment::configures(environment) {
            faults.push(
                Finding::general(format!("no configuration: `{}` does not exist", path.display()))
                    .hint("name a file with `--config FILE` or $ZONEMUX_CONFIG"),
            );
        }
        files
    }

    /// One file whose text is at hand.
    pub(crate) fn of_text(path: PathBuf, text: &str, faults: &mut Vec<Finding>) -> Self {
        let mut files = Self::default();
        files.add(path, text, faults);
        files
    }

    fn add(&mut self, path: PathBuf, text: &str, faults: &mut Vec<Finding>) {
        if path.to_str().is_none() {
            faults.push(Finding::general(format!("the path `{}` is not UTF-8", path.display())));
            return;
        }
        let origin = Origin::File(path.clone());
        let tag = origin.tag();
        if let Some(socket) = named_control(&path, text) {
            self.recovered_control = Some(socket);
        }
        match FileFormat::Toml.parse(Some(&tag), text) {
            Ok(table) => self.parsed.push(Value::new(Some(&tag), table)),
            Err(error) => faults.extend(
                syntax_faults(text, error.as_ref()).into_iter().map(|fault| fault.from_layer(origin.clone())),
            ),
        }
        self.paths.push(path);
    }

    /// Adds every `*.toml` of the folder in the order of the names. Names with a dot in front are
    /// left out: editors and Kubernetes keep their own files under such names.
    fn read_folder(&mut self, folder: &Path, faults: &mut Vec<Finding>) {
        let entries = match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return;
            }
            Err(error) => {
                faults.push(unreadable(folder, &error));
                return;
            }
        };
        let mut names: Vec<_> = entries.iter().map(fs::DirEntry::file_name).collect();
        names.sort();
        for name in names {
            let path = folder.join(&name);
            let hidden = name.as_encoded_bytes().starts_with(b".");
            if hidden || path.extension().is_none_or(|extension| extension != "toml") || path.is_dir() {
                continue;
            }
            self.sources.push(path.clone());
            match read_text(&path) {
                Ok(text) => self.add(path, &text, faults),
                Err(error) => faults.push(unreadable(&path, &error)),
            }
        }
    }
}

/// The control socket that a file names, whatever else is wrong with it.
fn named_control(path: &Path, text: &str) -> Option<PathBuf> {
    let (table, _) = toml::de::DeTable::parse_recoverable(text);
    let listen = table.get_ref().get("control")?.get_ref().get("listen")?.get_ref().as_str()?;
    let socket = listen.strip_prefix("unix:")?;
    Some(paths::resolve(path.parent().unwrap_or(Path::new("/")), Path::new(socket)))
}

fn unreadable(path: &Path, error: &io::Error) -> Finding {
    Finding::general(format!("can't read `{}`: {error}", path.display()))
}

fn read_text(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    fs::File::open(path)?.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 16 MiB"));
    }
    Ok(text)
}

/// Every syntax error of a file by line and column. The text of the line is left out, since it may
/// hold a secret.
fn syntax_faults(text: &str, error: &(dyn std::error::Error + Send + Sync + 'static)) -> Vec<Finding> {
    let (_, mut errors) = toml::de::DeTable::parse_recoverable(text);
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    if errors.is_empty() {
        // TOML that the `config` crate can't hold, such as an integer above 64 bits.
        return vec![Finding::general(format!("not a configuration file: {error}"))];
    }
    errors
        .iter()
        .map(|error| {
            let message = error.message().trim_end().replace('\n', ", ");
            match error.span() {
                Some(span) => {
                    let (line, column) = position(text, span.start);
                    Finding::general(format!("TOML syntax at line {line}, column {column}: {message}"))
                }
                None => Finding::general(format!("TOML syntax: {message}")),
            }
        })
        .collect()
}

/// The line and column, both from 1, of a byte; columns count characters.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..byte.min(text.len())];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let line = before.split(|byte| *byte == b'\n').count();
    // Bytes that continue a character (10xxxxxx) are no columns of their own.
    let columns = before[line_start..].iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    (line, columns + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let text = "a = 1\nβ = \"é\" x";
        assert_eq!(position(text, 0), (1, 1));
        assert_eq!(position(text, 5), (1, 6));
        assert_eq!(position(text, text.find("= \"").unwrap()), (2, 3));
        assert_eq!(position(text, text.find('x').unwrap()), (2, 9));
        assert_eq!(position(text, 10_000), (2, 10));
    }

    #[test]
    fn syntax_errors_name_the_place_and_not_the_text() {
        let mut faults = Vec::new();
        Files::of_text("/c.toml".into(), "version = 1\npassword = \"hunter2\nx = [1\n", &mut faults);
        assert!(!faults.is_empty());
        let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(shown[0].starts_with("TOML syntax at line 2, column "), "{shown:?}");
        assert!(!shown.concat().contains("hunter2"), "{shown:?}");
        assert_eq!(faults[0].origin, Some(Origin::File("/c.toml".into())));
    }

    #[test]
    fn no_syntax_error_repeats_a_secret() {
        for line in [
            "password = hunter2",
            "password = 'hunter2",
            "password = \"hunter2\\q\"",
            "password = \"\"\"hunter2",
            "password hunter2",
            "password = \"a\" hunter2",
            "password: hunter2",
            "hunter2 = 1\nhunter2 = 2",
            "hunter2",
            "password = 0xhunter2",
            "password = 1979-hunter2",
            "password = [hunter2]",
            "password = {hunter2}",
            "[hunter2",
        ] {
            let mut faults = Vec::new();
            Files::of_text("/c.toml".into(), line, &mut faults);
            assert!(!faults.is_empty(), "{line}");
            assert!(!format!("{faults:?}").contains("hunter2"), "{faults:?}");
        }
    }

    #[test]
    fn deep_nesting_is_a_fault_and_no_crash() {
        let lists = format!("a = {}", "[".repeat(10_000));
        let tables = format!("a = {}", "{ a = ".repeat(10_000));
        let keys = format!("{}a = 1", "a.".repeat(10_000));
        let header = format!("[{}a]", "a.".repeat(10_000));
        for text in [lists, tables, keys, header] {
            let mut faults = Vec::new();
            Files::of_text("/c.toml".into(), &text, &mut faults);
            assert!(!faults.is_empty(), "{}", &text[..20]);
        }
    }

    #[test]
    fn numbers_beyond_64_bits_are_a_fault() {
        let mut faults = Vec::new();
        Files::of_text("/c.toml".into(), "version = 99999999999999999999\n", &mut faults);
        assert_eq!(faults.len(), 1);
    }
}
