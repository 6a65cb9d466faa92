//! Other programs: shown before they run, and named with a hint when they are missing or fail.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::failure::{At, Failure, Outcome};
use crate::terminal;

/// A program with its arguments and surroundings, not yet started.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    command: Command,
    shown: String,
    hint: Option<String>,
}

impl Program {
    /// `name` is looked up in `PATH` unless it is a path. Standard input is closed: nothing here asks.
    pub(crate) fn new(name: impl AsRef<OsStr>) -> Self {
        let shown = name.as_ref().to_string_lossy().into_owned();
        let mut command = Command::new(name);
        command.stdin(Stdio::null());
        Self { name: shown.clone(), command, shown, hint: None }
    }

    /// Cargo, as the one that runs us.
    pub(crate) fn cargo() -> Self {
        let mut program = Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        "cargo".clone_into(&mut program.shown);
        // Set for us by the outer cargo; an inner one must not take them for its own package's.
        for variable in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
            program.command.env_remove(variable);
        }
        program
    }

    pub(crate) fn args<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(mut self, arguments: I) -> Self {
        for argument in arguments {
            self.shown.push(' ');
            self.shown.push_str(&argument.as_ref().to_string_lossy());
            self.command.arg(argument);
        }
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.shown = format!("{key}={} {}", value.as_ref().to_string_lossy(), self.shown);
        self.command.env(key, value);
        self
    }

    pub(crate) fn directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// What to do when the program is missing.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Runs it with its output on the terminal; any exit code but 0 is a failure.
    pub(crate) fn run(mut self) -> Outcome {
        terminal::command(&self.shown);
        let status = self.command.status().map_err(|error| self.missing(&error))?;
        self.judge(status, None)
    }

    /// Runs it without a word, output and errors into `log`.
    pub(crate) fn run_into(mut self, log: &Path) -> Outcome {
        let file = File::create(log).at("create", log)?;
        let errors = file.try_clone().at("open", log)?;
        let status =
            self.command.stdout(file).stderr(errors).status().map_err(|error| self.missing(&error))?;
        self.judge(status, Some(log))
    }

    /// Runs it without a word and gives what it printed on standard output.
    pub(crate) fn output(mut self) -> Outcome<String> {
        let output = self.command.output().map_err(|error| self.missing(&error))?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(format!(
                "`{}` ended with {}: {}",
                self.shown,
                describe(output.status),
                errors.trim()
            )));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it without a word and gives both outputs joined, whatever the exit code was.
    pub(crate) fn everything_printed(mut self) -> Outcome<(bool, String)> {
        let output = self.command.output().map_err(|error| self.missing(&error))?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok((output.status.success(), text))
    }

    /// The bare command, for those who keep the process: its standard input stays closed.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    fn missing(&self, error: &std::io::Error) -> Failure {
        let failure = Failure::new(format!("cannot run `{}`: {error}", self.name));
        match &self.hint {
            Some(hint) => failure.hint(hint.clone()),
            None => failure,
        }
    }

    fn judge(&self, status: ExitStatus, log: Option<&Path>) -> Outcome {
        if status.success() {
            return Ok(());
        }
        let failure = Failure::new(format!("`{}` ended with {}", self.shown, describe(status)));
        Err(match log {
            Some(log) => failure.hint(format!("its output is in {}:\n{}", log.display(), tail(log))),
            None => failure,
        })
    }
}

/// Where `name` is found in `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// The user id that this process runs as. On Linux only; elsewhere nothing here is run as root.
pub(crate) fn user_id() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").ok().map(|metadata| metadata.uid())
}

fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}

/// The last lines of a log, indented.
fn tail(log: &Path) -> String {
    const LINES: usize = 30;
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LINES);
    lines[from..].iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
