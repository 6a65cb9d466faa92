//! The file that makes zones survive: a line of text, all zones, then a frame for each batch.
//!
//! A batch is synced to the disk before it is acknowledged. Each of its frames is also a step from one
//! serial to the next, so that a secondary can go on from where it was after a restart. Once most of the
//! file is history, the zones are written to a new one, which takes the old one's place.

mod error;
mod format;
mod frame;
mod load;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::OpenError;

use crate::draft::Changed;
use crate::name::Name;
use crate::zone::Zone;

/// What the file starts with; the number is the format's version.
const HEADER: &[u8] = b"zonemux authority zones 1\n";

/// The file's name in its folder.
const FILE: &str = "zones.db";

/// Changes of fewer bytes are not worth a rewrite.
const SMALL: usize = 1 << 20;

/// So many changes are: each takes its time when the file is read.
const MANY: usize = 2000;

/// An open, locked folder of zones.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    file: File,
    zones: BTreeMap<Name, Arc<Zone>>,
    /// Up to where the file is known to be right and on the disk.
    length: usize,
    /// Where the zones end in the file, and the changes begin.
    whole: usize,
    changes: usize,
    /// A rewrite failed at that length: it is tried again once the file has grown by half.
    failed_at: Option<usize>,
    /// What is on the disk is not known: the file must be rewritten before anything is added.
    suspect: bool,
    _lock: File,
}

impl Store {
    /// Opens the zones of a folder, which is made where it is missing.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |error| OpenError::Io { action, path, error }
        };
        make_folder(folder).map_err(failed("make the folder", folder))?;
        let path = folder.join(FILE);
        let lock = lock(folder)?;
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            // Also an empty one: we never leave one behind, so something else lost its content.
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let zones = BTreeMap::new();
                let (file, length) = write_new(&path, &zones).map_err(failed("write", &path))?;
                return Ok(Self::new(path, file, zones, [length, length, 0], lock));
            }
            Err(error) => return Err(failed("open", &path)(error)),
        };
        let bytes = fs::read(&path).map_err(failed("read", &path))?;
        if !bytes.starts_with(HEADER) {
            return Err(OpenError::Foreign(path));
        }
        let loaded = load::load(&bytes, HEADER.len()).map_err(|damage| OpenError::Damaged {
            path: path.clone(),
            offset: damage.offset,
            what: damage.what,
            complete: load::load(&bytes[..damage.offset], HEADER.len()).is_ok(),
        })?;
        if loaded.length < bytes.len() {
            let kept = beside(&path, ".cut-off");
            let keep = |kept: &Path| {
                let mut file = File::create(kept)?;
                file.write_all(&bytes[loaded.length..])?;
                file.sync_all()
            };
            keep(&kept).map_err(failed("write", &kept))?;
            tracing::warn!(
                file = %path.display(), bytes = bytes.len() - loaded.length, kept = %kept.display(),
                "cut off the end of the file: a batch was being written when the process or the machine ended"
            );
            let cut = file.set_len(loaded.length as u64).and_then(|()| file.sync_all());
            cut.map_err(failed("cut the end of", &path))?;
        }
        let sizes = [loaded.length, loaded.whole, loaded.changes];
        Ok(Self::new(path, file, loaded.zones, sizes, lock))
    }

    fn new(
        path: PathBuf,
        file: File,
        zones: BTreeMap<Name, Arc<Zone>>,
        [length, whole, changes]: [usize; 3],
        lock: File,
    ) -> Self {
        Self { path, file, zones, length, whole, changes, failed_at: None, suspect: false, _lock: lock }
    }

    /// Every zone that is kept, also those that nobody serves any more.
    pub fn zones(&self) -> impl ExactSizeIterator<Item = &Arc<Zone>> {
        self.zones.values()
    }

    /// The zone of an apex.
    pub fn get(&self, apex: &Name) -> Option<&Arc<Zone>> {
        self.zones.get(apex)
    }

    /// Writes changes of zones, all or none, and waits for the disk. After an error nothing of them is in
    /// the file, nor here.
    pub fn commit(&mut self, changed: &[Changed]) -> io::Result<()> {
        if changed.is_empty() {
            return Ok(());
        }
        let new = changed.iter().map(|changed| (changed.zone.apex().clone(), Arc::clone(&changed.zone)));
        if self.suspect || !self.is_in_place() {
            // The new file holds the batch as well.
            let mut zones = self.zones.clone();
            zones.extend(new);
            return self.rewrite(zones);
        }
        let payload =
            format::changes(changed.iter().map(|changed| (changed.zone.apex(), &changed.changes[..])));
        let frame = frame::frame(&payload)?;
        match self.append(&frame) {
            Ok(()) => {
                self.length += frame.len();
                self.changes += 1;
                self.zones.extend(new);
                Ok(())
            }
            Err(error) => {
                // After a failed sync the system may have dropped what it could not write.
                let cut = self.file.set_len(self.length as u64).and_then(|()| self.file.sync_all());
                self.suspect = cut.is_err();
                Err(error)
            }
        }
    }

    fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.length as u64))?;
        self.file.write_all(frame)?;
        self.file.sync_data()
    }

    /// Rewrites the file when most of it is history. A failure leaves the old one in use.
    pub fn tidy(&mut self) {
        let history = self.length - self.whole;
        let grown = self.failed_at.is_none_or(|length| self.length > length + length / 2);
        if (history < self.whole + SMALL && self.changes < MANY) || !grown {
            return;
        }
        if let Err(error) = self.rewrite(self.zones.clone()) {
            self.failed_at = Some(self.length);
            tracing::warn!(file = %self.path.display(), %error, "can't rewrite the file of zones; it goes on growing");
        }
    }

    fn rewrite(&mut self, zones: BTreeMap<Name, Arc<Zone>>) -> io::Result<()> {
        let (file, length) = write_new(&self.path, &zones)?;
        (self.file, self.zones) = (file, zones);
        (self.length, self.whole, self.changes) = (length, length, 0);
        (self.suspect, self.failed_at) = (false, None);
        Ok(())
    }

    /// Whether the path still leads to our file: a removed one would take every batch into oblivion.
    fn is_in_place(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let there = fs::metadata(&self.path).map(identity).ok();
        there.is_some() && there == self.file.metadata().map(identity).ok()
    }

    /// Whether the file is there and can be written.
    pub fn check(&self) -> io::Result<()> {
        OpenOptions::new().append(true).open(&self.path).map(drop)
    }

    /// How many bytes the file has.
    pub fn size(&self) -> usize {
        self.length
    }
}

/// Makes a folder and those above it, and waits until they are on the disk: what is written below is lost with
/// them.
fn make_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
    fs::create_dir_all(folder)?;
    missing.into_iter().try_for_each(|made| File::open(folder_of(made))?.sync_all())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A lock that ends with the process, however that ends. It is on a file of its own, since the file of
/// zones is replaced now and then.
fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join(format!("{FILE}.lock"));
    let failed = |error| OpenError::Io { action: "lock", path: path.clone(), error };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Writes all zones to a new file, and puts it in the place of the old one when it is on the disk.
fn write_new(path: &Path, zones: &BTreeMap<Name, Arc<Zone>>) -> io::Result<(File, usize)> {
    let new = beside(path, ".new");
    let result = write_whole(&new, zones).and_then(|done| {
        fs::rename(&new, path)?;
        // The name is on the disk only when its folder is.
        File::open(folder_of(path))?.sync_all()?;
        Ok(done)
    });
    if result.is_err() {
        // Whatever is left of it is in the way of nothing; the next attempt overwrites it.
        let _removed = fs::remove_file(&new);
    }
    result
}

fn write_whole(path: &Path, zones: &BTreeMap<Name, Arc<Zone>>) -> io::Result<(File, usize)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    let mut file = options.open(path)?;
    file.write_all(HEADER)?;
    let mut length = HEADER.len();
    format::whole(zones.values().map(|zone| &**zone), |payload| {
        let frame = frame::frame(payload)?;
        length += frame.len();
        file.write_all(&frame)
    })?;
    file.sync_all()?;
    Ok((file, length))
}
