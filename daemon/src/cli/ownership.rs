//! `zonemux ownership`: the ownership TXT that are kept for backends, given out and taken over.
//!
//! A running daemon is asked over its control socket. Where none runs, the state directory's lock is
//! taken and its files are used directly.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use tokio::runtime::Builder;

use super::{Exit, Output};
use crate::config::Loaded;
use crate::control::{self, ControlError};
use crate::safety::ownership::{self, ImportAnswer, Ownership, OwnershipTables};
use crate::store::{Files, Lock, Store};

/// Room for a document of 64 MiB and its way to the disk.
const LIMIT: Duration = Duration::from_secs(60);

/// Writes the entries of one backend, or of all, as a document.
pub fn export(
    loaded: &Loaded,
    backend: Option<&str>,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    let route = backend.map_or("/ownership".to_owned(), |backend| format!("/ownership?backend={backend}"));
    match ask(loaded, Method::GET, &route, Bytes::new())? {
        Ok((StatusCode::OK, document)) => {
            out.write_all(&document)?;
            Ok(Exit::Ok)
        }
        Ok((_, message)) => {
            err.write_all(&message)?;
            Ok(Exit::Failure)
        }
        Err(ControlError::NotRunning(_)) => with_files(loaded, err, |files, err| {
            let Some(document) = ownership::export(files, backend) else {
                let message = format!("there is no backend `{}`", backend.unwrap_or_default());
                return fail(err, &message, Some("`zonemux config show` names them"));
            };
            out.write_all(document.to_json()?.as_bytes())?;
            Ok(Exit::Ok)
        }),
        Err(error) => fail(err, &error.to_string(), error.hint()),
    }
}

/// Takes over the entries of a document: a file, or standard input where it is `-`.
pub fn import(
    loaded: &Loaded,
    file: &Path,
    force: bool,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    let read = if file == Path::new("-") {
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text).map(|_| text)
    } else {
        std::fs::read(file)
    };
    let document = match read {
        Ok(document) => Bytes::from(document),
        Err(error) => return fail(err, &format!("can't read {}: {error}", file.display()), None),
    };
    let route = if force { "/ownership?force" } else { "/ownership" };
    match ask(loaded, Method::POST, route, document.clone())? {
        Ok((StatusCode::OK, answer)) => match serde_json::from_slice(&answer) {
            Ok(answer) => report(&answer, output, out, err),
            Err(error) => {
                let error = ControlError::Answer(error.to_string());
                fail(err, &error.to_string(), error.hint())
            }
        },
        Ok((_, message)) => {
            err.write_all(&message)?;
            Ok(Exit::Failure)
        }
        Err(ControlError::NotRunning(_)) => with_files(loaded, err, |files, err| {
            report(&ownership::import(files, &document, force), output, out, err)
        }),
        Err(error) => fail(err, &error.to_string(), error.hint()),
    }
}

fn ask(
    loaded: &Loaded,
    method: Method,
    route: &str,
    body: Bytes,
) -> io::Result<Result<(StatusCode, Bytes), ControlError>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(control::send(&loaded.config.control.socket, method, route, body, LIMIT)))
}

/// What came of an import; 0 when everything is stored.
fn report(
    answer: &ImportAnswer,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    let exit = if matches!(answer, ImportAnswer::Done { .. }) { Exit::Ok } else { Exit::Failure };
    if output == Output::Json {
        writeln!(out, "{}", serde_json::to_string_pretty(answer)?)?;
        return Ok(exit);
    }
    if let ImportAnswer::Done { backends } | ImportAnswer::Failed { backends, .. } = answer {
        for (backend, imported) in backends {
            let (added, replaced, unchanged) = (imported.added, imported.replaced, imported.unchanged);
            writeln!(out, "backend {backend}: {added} added, {replaced} replaced, {unchanged} unchanged")?;
        }
    }
    match answer {
        ImportAnswer::Done { .. } => {}
        ImportAnswer::Faults { faults } => {
            for fault in faults {
                writeln!(err, "error: {fault}")?;
            }
            writeln!(err, "  hint: nothing was stored; mend the document and import it again")?;
        }
        ImportAnswer::Conflicts { conflicts } => {
            for conflict in conflicts {
                writeln!(err, "error: {conflict}")?;
            }
            writeln!(err, "  hint: nothing was stored; `--force` takes the owners of the document")?;
        }
        ImportAnswer::Failed { error, hint, .. } => return fail(err, error, hint.as_deref()),
    }
    Ok(exit)
}

fn fail(err: &mut impl Write, message: &str, hint: Option<&str>) -> io::Result<Exit> {
    writeln!(err, "error: {message}")?;
    if let Some(hint) = hint {
        writeln!(err, "  hint: {hint}")?;
    }
    Ok(Exit::Failure)
}

/// The tables of a state directory that no daemon uses.
struct StateDirectory {
    tables: BTreeMap<String, RefCell<Ownership>>,
    /// Held for as long as the tables are.
    _lock: Lock,
}

impl OwnershipTables for StateDirectory {
    fn backends(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    fn with(&self, backend: &str, run: &mut dyn FnMut(&mut Ownership)) {
        if let Some(table) = self.tables.get(backend) {
            run(&mut table.borrow_mut());
        }
    }
}

fn with_files<W: Write>(
    loaded: &Loaded,
    err: &mut W,
    command: impl FnOnce(&StateDirectory, &mut W) -> io::Result<Exit>,
) -> io::Result<Exit> {
    let directory = &loaded.config.state.directory;
    let lock = match Lock::acquire(directory) {
        Ok(lock) => lock,
        Err(error) => return fail(err, &error.to_string(), error.hint()),
    };
    let store: Arc<dyn Store> = Arc::new(Files::new(directory));
    let mut tables = BTreeMap::new();
    for backend in loaded.config.backends.keys() {
        match Ownership::open(&store, backend.as_str()) {
            Ok(table) => tables.insert(backend.as_str().to_owned(), RefCell::new(table)),
            Err(error) => return fail(err, &error.to_string(), error.hint()),
        };
    }
    command(&StateDirectory { tables, _lock: lock }, err)
}
