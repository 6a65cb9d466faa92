//! The store on disk: `STATE/control/BACKEND/WHAT`, for the daemon's account alone.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Store, StoreError, StoreKey, create_folder, give_to_owner, sync_folder};

/// The folder in the state directory.
const FOLDER: &str = "control";
/// Nobody else may read what an operator's zones hold, or change what decides on it.
const MODE: u32 = 0o600;

/// Durable state in files of a local file system.
#[derive(Debug)]
pub struct Files {
    state: PathBuf,
    slots: Mutex<HashMap<StoreKey, Arc<Mutex<Slot>>>>,
}

/// What is known of one value.
#[derive(Debug, Default)]
struct Slot {
    /// An append failed, and what it left could not be cut off yet: only so many bytes count.
    counts: Option<u64>,
}

impl Files {
    /// The files of a state directory. Nothing is made before something is written.
    pub fn new(state_directory: impl Into<PathBuf>) -> Self {
        Self { state: state_directory.into(), slots: Mutex::default() }
    }

    fn slot(&self, key: &StoreKey) -> Arc<Mutex<Slot>> {
        let mut slots = unpoisoned(&self.slots);
        Arc::clone(slots.entry(key.clone()).or_default())
    }

    /// Where a value is. Names come from the configuration, which allows nothing that is special in a
    /// path; this makes sure that no other caller gets out of the folder.
    fn path(&self, key: &StoreKey) -> Result<PathBuf, StoreError> {
        for part in [key.backend(), key.what()] {
            let mut components = Path::new(part).components();
            if !matches!((components.next(), components.next()), (Some(Component::Normal(own)), None) if own == part)
            {
                let error = io::Error::new(io::ErrorKind::InvalidInput, "not a name of a file");
                return Err(StoreError::io("use", format!("the key `{key}`"), &error));
            }
        }
        Ok(self.state.join(FOLDER).join(key.backend()).join(key.what()))
    }

    fn create_folders(&self, path: &Path) -> io::Result<()> {
        let backend = path.parent().unwrap_or(path);
        if backend.is_dir() {
            return Ok(());
        }
        create_folder(&self.state.join(FOLDER))?;
        create_folder(backend)
    }
}

impl Store for Files {
    fn read(&self, key: &StoreKey) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(key)?;
        let slot = self.slot(key);
        let slot = unpoisoned(&slot);
        let read = || {
            let mut file = File::open(&path)?;
            let length = file.metadata()?.len();
            let mut content = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
            file.read_to_end(&mut content)?;
            io::Result::Ok(content)
        };
        match read() {
            Ok(mut content) => {
                if let Some(counts) = slot.counts {
                    content.truncate(usize::try_from(counts).unwrap_or(usize::MAX));
                }
                Ok(Some(content))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    fn replace(&self, key: &StoreKey, parts: &[&[u8]]) -> Result<(), StoreError> {
        let path = self.path(key)?;
        let slot = self.slot(key);
        let mut slot = unpoisoned(&slot);
        self.create_folders(&path).map_err(failed("make the folder of", &path))?;
        let new = beside(&path, "new");
        if let Err(error) = write_new(&new, parts).and_then(|()| fs::rename(&new, &path)) {
            // Its room is wanted back on a disk that is full.
            let _no_longer_there = fs::remove_file(&new);
            return Err(failed("write", &path)(error));
        }
        slot.counts = None;
        sync_folder(folder(&path)).map_err(failed("write", &path))
    }

    fn append(&self, key: &StoreKey, entry: &[u8]) -> Result<(), StoreError> {
        let path = self.path(key)?;
        let slot = self.slot(key);
        let mut slot = unpoisoned(&slot);
        self.create_folders(&path).map_err(failed("make the folder of", &path))?;
        append(&path, entry, &mut slot).map_err(failed("write", &path))
    }

    fn remove(&self, key: &StoreKey) -> Result<(), StoreError> {
        let path = self.path(key)?;
        let slot = self.slot(key);
        let mut slot = unpoisoned(&slot);
        match fs::remove_file(&path).and_then(|()| sync_folder(folder(&path))) {
            Ok(()) => {
                slot.counts = None;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed("remove", &path)(error)),
        }
    }

    fn set_aside(&self, key: &StoreKey) -> Result<String, StoreError> {
        let path = self.path(key)?;
        let slot = self.slot(key);
        let _slot = unpoisoned(&slot);
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let aside = beside(&path, &format!("damaged-{at}"));
        // A second name takes no room, which a copy may not find; where there is no such thing, a copy.
        let kept = match fs::hard_link(&path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(_) => fs::copy(&path, &aside).and_then(|_| File::open(&aside)?.sync_all()),
            Ok(()) => Ok(()),
        };
        kept.and_then(|()| sync_folder(folder(&path))).map_err(failed("set aside", &path))?;
        Ok(aside.display().to_string())
    }
}

fn write_new(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(MODE).open(path)?;
    give_to_owner(&file, folder(path))?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}

fn append(path: &Path, entry: &[u8], slot: &mut Slot) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
    let mut before = file.metadata()?.len();
    if let Some(counts) = slot.counts {
        file.set_len(counts)?;
        before = counts;
        slot.counts = None;
    }
    let written = file.write_all(entry).and_then(|()| {
        if before == 0 {
            give_to_owner(&file, folder(path))?;
            file.sync_all()?;
            return sync_folder(folder(path));
        }
        file.sync_data()
    });
    if written.is_err() && file.set_len(before).and_then(|()| file.sync_all()).is_err() {
        slot.counts = Some(before);
    }
    written
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

/// Another file for the same value; a word of a key has no dot.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> StoreError {
    move |error| StoreError::io(action, path.display().to_string(), &error)
}

/// A panic while a lock was held leaves files as a crash does, which every reader can deal with.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
