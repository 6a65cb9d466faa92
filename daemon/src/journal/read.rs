//! Reads the journal, oldest line first, while it is written and rotated.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::str::FromStr;

use super::Filter;
use super::files::{current, full, numbers};

/// So many bytes of lines are given at once, and so many are looked through for them.
const GIVEN: usize = 1 << 20;
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
    for (number, path_file) in open(folder, from.file)? {
        let mut offset = if number == from.file { from.offset } else { 0 };
        let mut file = BufReader::with_capacity(64 << 10, path_file);
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

/// Opens the files from a number on, in the order in which they were written. The one that is being
/// written has the number that it will get.
fn open(folder: &Path, from: u64) -> io::Result<Vec<(u64, File)>> {
    // The current file first: if it is rotated before the folder is listed, the list has it once more,
    // and if after that, it is known already. Either way no file falls between.
    let mut newest = found(File::open(current(folder)))?;
    let mut files = Vec::new();
    for number in found(numbers(folder))?.unwrap_or_default() {
        // What is not there any longer was too old to be kept.
        let Some(file) = found(File::open(full(folder, number)))? else { continue };
        let inode = file.metadata()?.ino();
        if newest.as_ref().map(File::metadata).transpose()?.is_some_and(|newest| newest.ino() == inode) {
            newest = None;
        }
        files.push((number, file));
    }
    let next = files.last().map_or(1, |(number, _)| number + 1);
    files.extend(newest.map(|file| (next, file)));
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
