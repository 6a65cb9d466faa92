//! Keeps each change in the history of a git repository.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::command;
use crate::records::{Key, Records, RrSet};

/// How long git may take: it is not worth a change's deadline.
const LIMIT: Duration = Duration::from_secs(20);

/// The most bytes of a message: it is handed over as one word.
const MAX_MESSAGE: usize = 48 << 10;

/// What a commit says of a change: what the journal says of it, a line for each RRset.
pub(crate) fn message(
    zone: &str,
    serial: Option<u32>,
    before: &Records,
    changes: &BTreeMap<Key, Option<RrSet>>,
) -> String {
    let (mut lines, mut left_out) = (String::new(), 0);
    let (mut created, mut updated, mut deleted) = (0, 0, 0);
    for (key, change) in changes {
        let (action, count, set) = match (before.get(key), change) {
            (None, Some(set)) => ("create", &mut created, set),
            (Some(_), Some(set)) => ("update", &mut updated, set),
            (Some(set), None) => ("delete", &mut deleted, set),
            (None, None) => continue,
        };
        *count += 1;
        let line = format!("{action} {} {} {}\n", set.record_type, set.name, set.targets.join(", "));
        if lines.len() + line.len() <= MAX_MESSAGE {
            lines.push_str(&line);
        } else {
            left_out += 1;
        }
    }
    let serial = serial.map_or_else(String::new, |serial| format!(", serial {serial}"));
    let mut message =
        format!("{zone}: {created} created, {updated} updated, {deleted} deleted{serial}\n\n{lines}");
    if left_out > 0 {
        // Writing to a string can't fail.
        let _written = writeln!(message, "and {left_out} more");
    }
    message
}

/// Commits files, and says why not where that fails: the change itself is served already.
pub(crate) fn commit(repository: &Path, files: &[PathBuf], message: &str) -> Result<(), String> {
    let deadline = Instant::now() + LIMIT;
    let mut words: Vec<String> = ["git", "-C", &*repository.to_string_lossy()].map(str::to_owned).to_vec();
    // The repository is often another account's, and a plugin's process has no home and no name.
    for setting in [
        format!("safe.directory={}", repository.display()),
        "user.name=zonemux".to_owned(),
        "user.email=zonemux@localhost".to_owned(),
        "core.hooksPath=/dev/null".to_owned(),
        "commit.gpgSign=false".to_owned(),
        "gc.auto=0".to_owned(),
    ] {
        words.extend(["-c".to_owned(), setting]);
    }
    let files = files.iter().map(|file| file.to_string_lossy().into_owned());
    let files: Vec<String> = std::iter::once("--".to_owned()).chain(files).collect();
    let run = |arguments: &[String]| {
        let words = [&words[..], arguments, &files[..]].concat();
        let ran = command::run(&words, Some(repository), deadline).map_err(|error| error.to_string())?;
        if ran.success { Ok(()) } else { Err(ran.words) }
    };
    run(&["add".to_owned()])?;
    let commit = ["commit", "--quiet", "--no-verify", "--message", message];
    run(&commit.map(str::to_owned))
}
