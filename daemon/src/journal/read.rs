//! Reads the journal, oldest line first, while it is written and rotated.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::str::FromStr;

use super::Filter;
use super::files::{current, full, numbers};

/// So many bytes of lines are given at once, and so many are looked through for them.
const GIVEN: usize = 4 << 20;
const LOOKED_THROUGH: u64 = 32 << 20;

/// A place in the journal: the number of a file, and bytes in it. It stays right when files are rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    file: u64,
    offset: u64,
}

/// Some lines of the journal.
#[derive(Debug, Default)]
pub struct Page {
    /// The lines that the filter lets through, each with its line break.
    pub text: Vec<u8>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

impl Page {
    /// The lines, without their line breaks.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.text.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
    }
}

/// Reads on from a place in the journal of a folder, the default being its start. What is written
/// meanwhile may be among it; a line that is only half written, or damaged, is not.
///
/// # Errors
///
/// When the folder or a file in it can't be read. A journal that is not there has no lines.
pub fn page(folder: &Path, from: Cursor, filter: &Filter) -> io::Result<Page> {
    let mut page = Page::default();
    let mut looked_through = 0;
    let mut line = Vec::new();
    for (number, newest) in files(folder, from.file)? {
        // What is not there any longer was too old to be kept.
        let opened =
            newest.map_or_else(|| found(File::open(full(folder, number))), |newest| Ok(Some(newest)));
        let Some(file) = opened? else { continue };
        let mut offset = if number == from.file { from.offset } else { 0 };
        let mut file = BufReader::with_capacity(64 << 10, file);
        file.seek(SeekFrom::Start(offset))?;
        loop {
            if page.text.len() >= GIVEN || looked_through >= LOOKED_THROUGH {
                page.next = Some(Cursor { file: number, offset });
                return Ok(page);
            }
            line.clear();
            let length = file.read_until(b'\n', &mut line)? as u64;
            // The end, or a line that has not come to its own yet.
            if line.last() != Some(&b'\n') {
                break;
            }
            offset += length;
            looked_through += length;
            if filter.lets_through(&line) {
                page.text.extend_from_slice(&line);
            }
        }
    }
    Ok(page)
}

/// The files from a number on, in the order in which they were written. Full ones keep their names; the one
/// that is being written is open, and has the number that it will get.
fn files(folder: &Path, from: u64) -> io::Result<Vec<(u64, Option<File>)>> {
    // The current file first: if it is rotated before the folder is listed, the list has it once more,
    // and if after that, it is open already. Either way no file falls between.
    let newest = found(File::open(current(folder)))?;
    let newest_inode = newest.as_ref().map(File::metadata).transpose()?.map(|newest| newest.ino());
    let numbers = found(numbers(folder))?.unwrap_or_default();
    let mut listed = false;
    let mut files = Vec::with_capacity(numbers.len() + 1);
    for number in &numbers {
        let Some(found) = found(fs::metadata(full(folder, *number)))? else { continue };
        listed |= newest_inode == Some(found.ino());
        files.push((*number, None));
    }
    let next = numbers.last().map_or(1, |number| number + 1);
    files.extend(newest.filter(|_| !listed).map(|file| (next, Some(file))));
    files.retain(|(number, _)| *number >= from);
    Ok(files)
}

fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.offset)
    }
}

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts =
            text.split_once(':').and_then(|(file, offset)| Some((file.parse().ok()?, offset.parse().ok()?)));
        parts.map(|(file, offset)| Self { file, offset }).ok_or("a file's number, a colon, and bytes")
    }
}
