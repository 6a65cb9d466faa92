//! `zonemux history`: the journal.

mod since;
mod text;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;
use clap::builder::PossibleValuesParser;
use tokio::runtime::{Builder, Runtime};

use super::{Exit, Output};
use crate::config::Loaded;
use crate::control::{self, ControlError, HistoryPage, history_route};
use crate::journal::{self, Cursor, Filter, NamePattern, OUTCOMES};

use since::Since;
use text::TextForm;

/// A page is 32 MiB to look through: a fraction of a second.
const LIMIT: Duration = Duration::from_secs(60);

/// Which lines of the journal are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Wanted {
    /// Only this record's name; `*.example.org` stands for all names below example.org.
    #[arg(long)]
    name: Option<NamePattern>,
    /// Only what is not older: a duration such as `2h`, or a time such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// Only this backend.
    #[arg(long)]
    backend: Option<String>,
    /// Only this view.
    #[arg(long)]
    view: Option<String>,
    /// Only this outcome.
    #[arg(long, value_parser = PossibleValuesParser::new(OUTCOMES))]
    outcome: Option<String>,
    /// Only the newest so many.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
}

/// Prints what the journal says, through the daemon where one runs.
pub fn history(
    loaded: &Loaded,
    wanted: &Wanted,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    let mut source = Source {
        runtime: Builder::new_current_thread().enable_all().build()?,
        socket: loaded.config.control.socket.clone(),
        folder: journal::folder(&loaded.config.state.directory),
    };
    let filter = wanted.filter(SystemTime::now());
    let mut form = Form::new(output, out);
    let mut newest = VecDeque::new();
    let mut from = Some(Cursor::default());
    while let Some(place) = from {
        let (lines, next) = match source.page(&filter, place) {
            Ok(page) => page,
            Err(fault) => {
                form.finish()?;
                return fault.write(err);
            }
        };
        for line in lines {
            let Some(limit) = wanted.limit else {
                form.push(&line)?;
                continue;
            };
            newest.push_back(line);
            if newest.len() > limit {
                newest.pop_front();
            }
        }
        from = next;
    }
    for line in newest {
        form.push(&line)?;
    }
    form.finish()?;
    Ok(Exit::Ok)
}

impl Wanted {
    fn filter(&self, now: SystemTime) -> Filter {
        let mut filter = Filter {
            name: self.name.clone(),
            backend: self.backend.clone(),
            view: self.view.clone(),
            outcome: self.outcome.clone(),
            ..Filter::default()
        };
        if let Some(since) = self.since {
            filter.set_since(since.before(now));
        }
        filter
    }
}

/// Where lines come from.
struct Source {
    runtime: Runtime,
    socket: PathBuf,
    folder: PathBuf,
}

/// Why there are no lines.
struct Fault {
    message: String,
    hint: Option<&'static str>,
}

impl Fault {
    fn write(&self, err: &mut impl Write) -> io::Result<Exit> {
        writeln!(err, "error: {}", self.message)?;
        if let Some(hint) = self.hint {
            writeln!(err, "  hint: {hint}")?;
        }
        Ok(Exit::Failure)
    }
}

impl Source {
    /// The lines from a place on, and where the next ones begin. A daemon and the files count alike,
    /// so that a daemon may go or come between two pages.
    fn page(&mut self, filter: &Filter, from: Cursor) -> Result<(Vec<String>, Option<Cursor>), Fault> {
        let route = history_route(filter, from);
        let asked = self.runtime.block_on(control::get::<HistoryPage>(&self.socket, &route, LIMIT));
        match asked {
            Ok(page) => {
                let lines = page.lines.iter().map(|line| line.get().to_owned()).collect();
                let next = page.next.map(|next| next.parse()).transpose();
                let next = next.map_err(|_| Fault {
                    message: "the daemon's answer can't be used".into(),
                    hint: Some("is `zonemux` of the same version as the daemon?"),
                })?;
                Ok((lines, next))
            }
            Err(ControlError::NotRunning(_)) => self.read(filter, from),
            Err(error) => Err(Fault { message: error.to_string(), hint: error.hint() }),
        }
    }

    fn read(&self, filter: &Filter, from: Cursor) -> Result<(Vec<String>, Option<Cursor>), Fault> {
        let page = journal::page(&self.folder, from, filter).map_err(|error| Fault {
            message: format!("can't read the journal in {}: {error}", self.folder.display()),
            hint: (error.kind() == io::ErrorKind::PermissionDenied)
                .then_some("run this as the daemon's user, or as root"),
        })?;
        let lines = page.lines().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        Ok((lines, page.next))
    }
}

/// How lines are printed.
enum Form<'w, W: Write> {
    Json(&'w mut W),
    Text(TextForm<'w, W>),
}

impl<'w, W: Write> Form<'w, W> {
    fn new(output: Output, out: &'w mut W) -> Self {
        match output {
            Output::Json => Self::Json(out),
            Output::Text => Self::Text(TextForm::new(out)),
        }
    }

    fn push(&mut self, line: &str) -> io::Result<()> {
        match self {
            Self::Json(out) => writeln!(out, "{line}"),
            Self::Text(form) => form.push(line),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Json(_) => Ok(()),
            Self::Text(form) => form.flush(),
        }
    }
}
