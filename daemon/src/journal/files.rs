//! The files of the journal: `journal.jsonl`, and full ones as `journal.000001.jsonl`, `journal.000002.jsonl`, …
//!
//! A full file gets a number that no other had before, and keeps it, so that a reader knows where it is
//! while files are rotated.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::config;
use crate::store::{StoreError, create_folder, give_to_owner};

/// How large the journal may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The size in bytes at which a new file is begun. A line that is longer has a file of its own.
    pub max_size: u64,
    /// How many full files are kept.
    pub keep: u32,
}

impl From<&config::Journal> for Limits {
    fn from(journal: &config::Journal) -> Self {
        Self { max_size: journal.max_size.bytes(), keep: journal.keep }
    }
}

/// The file that is written.
pub(super) fn current(folder: &Path) -> PathBuf {
    folder.join("journal.jsonl")
}

/// The full file of a number.
pub(super) fn full(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("journal.{number:06}.jsonl"))
}

/// The numbers of the full files, lowest first.
pub(super) fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("journal.")?.strip_suffix(".jsonl"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Lines that could not be written.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: StoreError,
    /// How many.
    pub(super) lost: usize,
}

/// Writes to the current file, and rotates.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    limits: Limits,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Up to where it holds whole lines.
    length: u64,
    /// Tells it from another file that has taken its name.
    inode: u64,
}

impl Files {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, limits: Limits { max_size: u64::MAX, keep: u32::MAX }, open: None }
    }

    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Writes whole lines, in as many files as they need. After an error each line is there as a whole
    /// or not at all, as far as the disk allows, and the next call tries anew.
    pub(super) fn write(&mut self, mut lines: &[u8]) -> Result<(), Failure> {
        while !lines.is_empty() {
            match self.write_some(lines) {
                Ok(written) => lines = &lines[written..],
                Err((written, error)) => {
                    self.open = None;
                    let path = current(&self.folder).display().to_string();
                    let lost = lines[written..].split_inclusive(|byte| *byte == b'\n').count();
                    return Err(Failure { error: StoreError::io("write", path, &error), lost });
                }
            }
        }
        Ok(())
    }

    /// Waits for the disk.
    pub(super) fn sync(&self) {
        if let Some(open) = &self.open
            && let Err(error) = open.file.sync_data()
        {
            tracing::warn!(%error, "the journal may not be on the disk yet");
        }
    }

    /// Writes what the current file has room for, and gives how much that is; after an error, how much
    /// of it stands in the file.
    fn write_some(&mut self, lines: &[u8]) -> Result<usize, (usize, io::Error)> {
        let none = |error| (0, error);
        let mut length = self.ready().map_err(none)?.length;
        let mut piece = fitting(lines, self.limits.max_size.saturating_sub(length));
        if piece == 0 && length > 0 {
            self.rotate().map_err(none)?;
            length = self.ready().map_err(none)?.length;
            piece = fitting(lines, self.limits.max_size.saturating_sub(length));
        }
        if piece == 0 {
            piece = lines.iter().position(|byte| *byte == b'\n').map_or(lines.len(), |end| end + 1);
        }
        let open = self.ready().map_err(none)?;
        let (written, error) = write_counted(&mut open.file, &lines[..piece]);
        let Some(error) = error else {
            open.length += written as u64;
            return Ok(written);
        };
        // The whole lines among it stay; the rest goes, or is cut off when the file is opened again.
        let whole = lines[..written].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let _or_later = open.file.set_len(open.length + whole as u64);
        Err((whole, error))
    }

    /// The current file, opened if it is not, or if somebody has moved it away.
    fn ready(&mut self) -> io::Result<&mut Open> {
        let path = current(&self.folder);
        let open = match self.open.take() {
            Some(open) if fs::metadata(&path).is_ok_and(|now| now.ino() == open.inode) => open,
            _ => self.open_file(&path)?,
        };
        Ok(self.open.insert(open))
    }

    fn open_file(&self, path: &Path) -> io::Result<Open> {
        create_folder(&self.folder)?;
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        let found = file.metadata()?;
        let mut length = found.len();
        if length == 0 {
            give_to_owner(&file, &self.folder)?;
        } else if !ends_with_line_break(&mut file)? {
            // A line was being written when the process, or the disk's room, ended. It stays for a
            // person to look at, and is closed so that it takes no other with it.
            file.write_all(b"\n")?;
            length += 1;
        }
        Ok(Open { file, length, inode: found.ino() })
    }

    /// Gives the current file a number, and removes those that are too many.
    fn rotate(&mut self) -> io::Result<()> {
        self.sync();
        self.open = None;
        let mut numbers = numbers(&self.folder)?;
        let number = numbers.last().map_or(1, |last| last + 1);
        fs::rename(current(&self.folder), full(&self.folder, number))?;
        numbers.push(number);
        let keep = usize::try_from(self.limits.keep).unwrap_or(usize::MAX);
        for number in &numbers[..numbers.len().saturating_sub(keep)] {
            let path = full(&self.folder, *number);
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(file = %path.display(), %error, "can't remove an old file of the journal");
            }
        }
        Ok(())
    }
}

/// How much of these lines fits into so many bytes without cutting one.
fn fitting(lines: &[u8], room: u64) -> usize {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if lines.len() <= room {
        return lines.len();
    }
    lines[..room].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

/// As `write_all`, with how much was written before an error.
fn write_counted(file: &mut File, bytes: &[u8]) -> (usize, Option<io::Error>) {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return (written, Some(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Some(error)),
        }
    }
    (written, None)
}

fn ends_with_line_break(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
