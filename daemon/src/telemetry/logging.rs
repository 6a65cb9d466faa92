//! Where log lines go, and in which form.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, reload};

use crate::config::LogFormat;

/// Why the log can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is no filter.
    #[error("`log.level` is no filter")]
    Filter(#[from] ParseError),
    /// A subscriber is installed already.
    #[error("the log is set up already")]
    Installed(#[from] TryInitError),
    /// The subscriber is gone.
    #[error("the log is no longer there")]
    Gone(#[from] reload::Error),
}

/// Which lines are logged, and may be changed while the daemon runs.
#[derive(Debug, Clone)]
pub struct Level(reload::Handle<EnvFilter, Registry>);

impl Level {
    /// Other lines from now on.
    pub fn set(&self, level: &str) -> Result<(), LogError> {
        self.0.reload(EnvFilter::try_new(level)?)?;
        Ok(())
    }
}

/// Sends log lines to standard error, or to the journal under systemd.
pub fn install(level: &str, format: LogFormat) -> Result<Level, LogError> {
    let (filter, handle) = reload::Layer::new(EnvFilter::try_new(level)?);
    tracing_subscriber::registry().with(layer(resolve(format)).with_filter(filter)).try_init()?;
    Ok(Level(handle))
}

/// A form that is no longer a question.
enum Resolved {
    Text,
    Json,
    Journal(tracing_journald::Layer),
}

/// `auto`: text on a terminal, journal fields under systemd, JSON elsewhere.
fn resolve(format: LogFormat) -> Resolved {
    match format {
        LogFormat::Text => Resolved::Text,
        LogFormat::Auto if io::stderr().is_terminal() => Resolved::Text,
        LogFormat::Auto if under_journal() => match tracing_journald::layer() {
            Ok(journal) => Resolved::Journal(journal.with_syslog_identifier("zonemux".to_owned())),
            Err(_) => Resolved::Json,
        },
        LogFormat::Auto | LogFormat::Json => Resolved::Json,
    }
}

/// Whether standard error is the journal's own stream, which systemd says by device and inode.
/// <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>
fn under_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(stat) = rustix::fs::fstat(io::stderr()) else { return false };
    stream == format!("{}:{}", stat.st_dev, stat.st_ino)
}

fn layer(format: Resolved) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    match format {
        Resolved::Text => {
            lines.with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()).boxed()
        }
        Resolved::Json => lines.json().flatten_event(true).boxed(),
        Resolved::Journal(journal) => journal.boxed(),
    }
}
