//! Why zones can't be opened.

use std::io;
use std::path::PathBuf;

/// Why a folder of zones can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system said no.
    #[error("can't {action} `{}`: {error}", path.display())]
    Io {
        /// What was to be done.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Another backend or process has it.
    #[error(
        "`{}` is in use by another backend or process\n\
         hint: give each backend a `directory` of its own, and run one daemon on it",
        .0.display()
    )]
    Locked(PathBuf),
    /// It is something else.
    #[error(
        "`{}` is not a file of this plugin, or of a newer version\n\
         hint: name another `directory`, or move the file away",
        .0.display()
    )]
    Foreign(PathBuf),
    /// A part of it can't be right.
    #[error(
        "`{}` is damaged at byte {offset} ({what})\n\
         hint: put back a copy, or move the file away to start with empty zones{}",
        path.display(), cut(*.offset, *.complete)
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
        /// Whether what stands before it can be used by itself.
        complete: bool,
    },
}

fn cut(offset: usize, complete: bool) -> String {
    if complete {
        format!("; cut at that byte (`truncate -s {offset}`) it keeps what was written before")
    } else {
        String::new()
    }
}
