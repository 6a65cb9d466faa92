//! Runs other programs: with a time limit, and with what they say kept.

use std::env;
use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// The most bytes that are kept of what a program says.
const MAX_WORDS: usize = 64 << 10;

/// Where system programs are, whatever `PATH` says: a plugin's process has an empty environment, and
/// accounts of services often lack `/usr/sbin`.
const FOLDERS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// What became of a program.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) success: bool,
    /// What it wrote to both of its outputs, trimmed.
    pub(crate) words: String,
}

/// Why a program could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("can't start `{program}`: {error}")]
    Start { program: String, error: std::io::Error },
    #[error("`{program}` did not end within {} s", limit.as_secs_f32())]
    TooLong { program: String, limit: Duration },
}

/// The file of a program: by its path, or by its name in the folders of the system.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from));
    folders
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Runs a program to its end, and ends it and what it started at a deadline.
pub(crate) fn run(words: &[String], folder: Option<&Path>, deadline: Instant) -> Result<Ran, RunError> {
    let program = words.first().cloned().unwrap_or_default();
    let limit = deadline.saturating_duration_since(Instant::now());
    let file = find(&program).unwrap_or_else(|| PathBuf::from(&program));
    let mut command = Command::new(file);
    command.args(words.get(1..).unwrap_or_default());
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    // Messages of checkers are read; a group of its own, so that a script's children end with it.
    command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0);
    let mut child = command.spawn().map_err(|error| RunError::Start { program: program.clone(), error })?;
    let (sender, receiver) = mpsc::channel();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let outputs = [out.map(|out| Box::new(out) as Box<dyn Read + Send>), err.map(|err| Box::new(err) as _)];
    for output in outputs.into_iter().flatten() {
        let sender = sender.clone();
        thread::spawn(move || {
            // Nobody listens any more after the deadline.
            let _told = sender.send(take(output));
        });
    }
    drop(sender);
    let mut said = String::new();
    let ended = loop {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(text) => said.push_str(&text),
            Err(RecvTimeoutError::Disconnected) => break wait(&mut child, deadline),
            Err(RecvTimeoutError::Timeout) => break None,
        }
    };
    let Some(status) = ended else {
        end(&mut child);
        return Err(RunError::TooLong { program, limit });
    };
    let words = said.trim().to_owned();
    Ok(Ran { success: status.success(), words })
}

fn take(mut output: Box<dyn Read + Send>) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    // All of it is read, so that the program does not wait for us.
    while let Ok(length) = output.read(&mut buffer) {
        if length == 0 {
            break;
        }
        let room = MAX_WORDS.saturating_sub(kept.len());
        kept.extend(&buffer[..length.min(room)]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Waits for a program that has closed its outputs, and so is about to end.
fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    let mut pause = Duration::from_micros(50);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(pause),
            _ => return None,
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // It may have ended in this moment.
    let _killed = group.map(|group| kill_process_group(group, Signal::KILL));
    let _killed = child.kill();
    let _reaped = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[test]
    fn what_it_says_and_how_it_ends_is_told() {
        let ran = run(&words("echo out; echo err >&2; exit 3"), None, soon()).unwrap();
        assert!(!ran.success);
        assert!(ran.words.contains("out") && ran.words.contains("err"), "{ran:?}");
        let ran = run(&words("pwd"), Some(Path::new("/usr")), soon()).unwrap();
        assert!(ran.success && ran.words == "/usr", "{ran:?}");
        let ran = run(&words("head -c 1000000 /dev/zero | tr '\\0' x"), None, soon()).unwrap();
        assert_eq!((ran.success, ran.words.len()), (true, MAX_WORDS));
    }

    #[test]
    fn one_that_takes_too_long_is_ended_with_its_children() {
        let error =
            run(&words("sleep 1000 & wait"), None, Instant::now() + Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().starts_with("`sh` did not end within"), "{error}");
    }

    #[test]
    fn one_that_is_not_there_is_told() {
        let error = run(&["no-such-program".to_owned()], None, soon()).unwrap_err();
        assert!(error.to_string().starts_with("can't start `no-such-program`: "), "{error}");
        assert_eq!(find("no-such-program"), None);
        assert!(find("sh").is_some());
    }
}
