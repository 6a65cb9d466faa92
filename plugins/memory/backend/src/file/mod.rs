//! The file that makes records survive: a line of text, then frames, each with the changes of one
//! batch. A batch is synced to the disk before it is acknowledged. Once most of the file is history,
//! the records are written to a new one, which takes the old one's place.

mod frame;
mod lock;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read as _, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::records::{Records, Step};
use frame::{Change, Damage, Frame};
use lock::Lock;

/// What the file starts with; the number is the format's version.
const HEADER: &[u8] = b"zonemux memory records 1\n";

/// Below this size a file is not worth rewriting.
const SMALL: u64 = 1 << 20;

/// How many records of a new file stand in one frame, which bounds what reading it needs.
const RECORDS_PER_FRAME: usize = 4096;

/// Bytes that are written or read at once.
const BUFFER: usize = 1 << 16;

/// An open, locked file of records.
#[derive(Debug)]
pub(crate) struct RecordFile {
    path: PathBuf,
    file: File,
    /// Up to where the file is known to be right and on the disk.
    length: u64,
    /// How long the file may grow before it is rewritten.
    rewrite_at: u64,
    /// What is on the disk is not known: the file must be rewritten before anything is added.
    suspect: bool,
    _lock: Lock,
}

/// Why a file can't be opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// The system said no.
    Io { action: &'static str, path: PathBuf, error: io::Error },
    /// Another backend or process has it.
    Locked(PathBuf),
    /// It is something else.
    Foreign(PathBuf),
    /// A part of it can't be right.
    Damaged { path: PathBuf, offset: u64, what: &'static str },
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io { action, path, error } => write!(f, "can't {action} `{}`: {error}", path.display()),
            Self::Locked(path) => write!(
                f,
                "`{}` is in use by another backend or process: give each backend a file of its own",
                path.display()
            ),
            Self::Foreign(path) => write!(
                f,
                "`{}` is not a file of this plugin, or of a newer version: name another file, or move this one away",
                path.display()
            ),
            Self::Damaged { path, offset, what } => write!(
                f,
                "`{}` is damaged at byte {offset} ({what}): put back a copy, or move it away to start empty; \
                 cut at that byte (`truncate -s {offset}`) it keeps what was written before",
                path.display()
            ),
        }
    }
}

impl RecordFile {
    /// Opens a file, or makes a new one, and reads its records.
    pub(crate) fn open(path: &Path) -> Result<(Self, Records), OpenError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |error| OpenError::Io { action, path, error }
        };
        // One missing folder is made; more than one is more likely a mistyped path.
        let folder = folder(path);
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed("make the folder", folder)(error));
            }
            _ => {}
        }
        let lock = Lock::take(path)?;
        let mut records = Records::default();
        let existing = match OpenOptions::new().read(true).write(true).open(path) {
            // Also an empty one: we never leave one behind, so something else lost its content.
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed("open", path)(error)),
        };
        let Some(file) = existing else {
            let (file, length) = write_new(path, &records).map_err(failed("write", path))?;
            let path = path.to_owned();
            return Ok((
                Self { path, file, length, rewrite_at: SMALL, suspect: false, _lock: lock },
                records,
            ));
        };
        let length = read(&file, path, &mut records)?;
        let size = file.metadata().map_err(failed("read", path))?.len();
        if length < size {
            let kept = cut_off_name(path);
            keep_end(&file, length, &kept).map_err(failed("write", &kept))?;
            tracing::warn!(
                file = %path.display(), bytes = size - length, kept = %kept.display(),
                "cut off the end of the file: a batch was being written when the process or the machine ended"
            );
            file.set_len(length).and_then(|()| file.sync_all()).map_err(failed("cut the end of", path))?;
        }
        let mut opened =
            Self { path: path.to_owned(), file, length, rewrite_at: 0, suspect: false, _lock: lock };
        opened.rewrite_at = rewrite_at(&records);
        Ok((opened, records))
    }

    /// Writes a batch that was done to the records, and waits for the disk. After an error nothing of
    /// it is in the file.
    pub(crate) fn append(&mut self, steps: &[Step], records: &Records) -> io::Result<()> {
        if self.suspect || !self.is_in_place() {
            // The new file holds the batch as well.
            return self.rewrite(records);
        }
        let start = self.length;
        match self.write(steps) {
            Ok(length) => {
                self.length = length;
                Ok(())
            }
            Err(error) => {
                // After a failed sync the system may have dropped what it could not write.
                self.suspect = true;
                if self.file.set_len(start).and_then(|()| self.file.sync_all()).is_ok() {
                    self.suspect = false;
                }
                Err(error)
            }
        }
    }

    /// Rewrites the file when most of it is history. A failure leaves the old one in use.
    pub(crate) fn tidy(&mut self, records: &Records) {
        if self.length < self.rewrite_at {
            return;
        }
        if let Err(error) = self.rewrite(records) {
            // Try again when it has grown by half, not at every batch.
            self.rewrite_at = self.length + self.length / 2;
            tracing::warn!(file = %self.path.display(), %error, "can't rewrite the file of records; it goes on growing");
        }
    }

    fn write(&mut self, steps: &[Step]) -> io::Result<u64> {
        self.file.seek(SeekFrom::Start(self.length))?;
        let mut writer = BufWriter::with_capacity(BUFFER, &self.file);
        let changes = steps.iter().map(|step| match step {
            Step::Put { record, .. } => Change::Put(record.text()),
            Step::Removed(record) => Change::Remove(record.key()),
        });
        let written = frame::write(&mut writer, changes).and_then(|written| writer.flush().map(|()| written));
        // Dropping a writer with an error would try to write the rest once more.
        let (file, _unwritten) = writer.into_parts();
        file.sync_data()?;
        Ok(self.length + written?)
    }

    fn rewrite(&mut self, records: &Records) -> io::Result<()> {
        let (file, length) = write_new(&self.path, records)?;
        self.file = file;
        self.length = length;
        self.suspect = false;
        self.rewrite_at = rewrite_at(records);
        Ok(())
    }

    /// Whether the path still leads to our file: a removed one would take every batch into oblivion.
    fn is_in_place(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
            let there = fs::metadata(&self.path).map(identity).ok();
            there.is_some() && there == self.file.metadata().map(identity).ok()
        }
        #[cfg(not(unix))]
        self.path.exists()
    }

    /// Whether the file is there and can be written.
    pub(crate) fn check(&self) -> io::Result<()> {
        OpenOptions::new().append(true).open(&self.path).map(drop)
    }
}

fn rewrite_at(records: &Records) -> u64 {
    2 * records.text_size() as u64 + SMALL
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Reads all records, and says up to where the file is right.
fn read(file: &File, path: &Path, records: &mut Records) -> Result<u64, OpenError> {
    let io = |error| OpenError::Io { action: "read", path: path.to_owned(), error };
    let size = file.metadata().map_err(io)?.len();
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let mut header = Vec::with_capacity(HEADER.len());
    (&mut reader).take(HEADER.len() as u64).read_to_end(&mut header).map_err(io)?;
    if header != HEADER {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    let mut offset = HEADER.len() as u64;
    let mut payload = Vec::new();
    loop {
        match frame::read(&mut reader, size - offset, &mut payload) {
            Ok(Frame::Whole(length)) => {
                let damaged = |what| OpenError::Damaged { path: path.to_owned(), offset, what };
                frame::each_change(&payload, |change| match change {
                    frame::Owned::Put(record) => drop(records.put(record)),
                    frame::Owned::Remove(key) => drop(records.remove(key)),
                })
                .ok_or_else(|| damaged("a record can't be read"))?;
                offset += length;
            }
            Ok(Frame::Torn | Frame::End) => return Ok(offset),
            Err(Damage::Io(error)) => return Err(io(error)),
            Err(Damage::Found(what)) => {
                return Err(OpenError::Damaged { path: path.to_owned(), offset, what });
            }
        }
    }
}

/// Where the end of a file goes that is cut off, for whoever wants to look.
fn cut_off_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".cut-off");
    PathBuf::from(name)
}

fn keep_end(mut file: &File, from: u64, to: &Path) -> io::Result<()> {
    file.seek(SeekFrom::Start(from))?;
    let mut kept = File::create(to)?;
    io::copy(&mut file, &mut kept)?;
    kept.sync_all()
}

/// Writes all records to a new file, and puts it in the place of the old one when it is on the disk.
fn write_new(path: &Path, records: &Records) -> io::Result<(File, u64)> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let result = write_whole(&new, records).and_then(|done| {
        fs::rename(&new, path)?;
        // The name is on the disk only when its folder is.
        File::open(folder(path))?.sync_all()?;
        Ok(done)
    });
    if result.is_err() {
        // Whatever is left of it is in the way of nothing; the next attempt overwrites it.
        let _removed = fs::remove_file(&new);
    }
    result
}

fn write_whole(path: &Path, records: &Records) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    let file = options.open(path)?;
    let mut writer = BufWriter::with_capacity(BUFFER, &file);
    writer.write_all(HEADER)?;
    let mut length = HEADER.len() as u64;
    let mut rest = records.iter();
    while rest.len() > 0 {
        let changes = rest.clone().take(RECORDS_PER_FRAME).map(|record| Change::Put(record.text()));
        length += frame::write(&mut writer, changes)?;
        rest.nth(RECORDS_PER_FRAME - 1);
    }
    writer.flush()?;
    drop(writer);
    file.sync_all()?;
    Ok((file, length))
}
