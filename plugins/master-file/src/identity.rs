//! What a file was when it was read, to see whether somebody else has written it since.

use std::fs::{self, File, Metadata};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

/// The most bytes of a zone file: 5 million records have less.
const MAX_SIZE: u64 = 512 << 20;

/// Two writes within one tick of the system's clock leave the same times: a file that was written so
/// shortly before it was read is told by its content.
const TICK: Duration = Duration::from_millis(50);

/// How often a file is read again that changes while it is read.
const ATTEMPTS: u32 = 100;

/// A file's content at one moment, as far as it takes to see a change.
#[cfg_attr(any(test, feature = "fuzzing"), derive(Default))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    stat: Stat,
    hash: u64,
    /// Equal times don't prove that nothing was written.
    young: bool,
}

#[cfg_attr(any(test, feature = "fuzzing"), derive(Default))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// Of the inode; a rename changes it and is none of ours to mind.
    owner: (u32, u32, u32),
}

impl Stat {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            owner: (metadata.uid(), metadata.gid(), metadata.mode()),
        }
    }
}

/// Reads a file that nobody writes meanwhile, and says what it was.
pub fn read(path: &Path) -> io::Result<(Vec<u8>, Identity)> {
    for _ in 0..ATTEMPTS {
        let mut file = File::open(path)?;
        let before = file.metadata()?;
        if !before.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        if before.len() > MAX_SIZE {
            return Err(io::Error::other(format!(
                "it has {} bytes, at most {MAX_SIZE} are read",
                before.len()
            )));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(before.len()).unwrap_or_default() + 1);
        (&mut file).take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
        let stat = Stat::of(&before);
        let unchanged =
            stat == Stat::of(&file.metadata()?) && fs::metadata(path).is_ok_and(|it| stat == Stat::of(&it));
        if unchanged && bytes.len() as u64 == stat.size {
            let age = before
                .modified()
                .and_then(|at| SystemTime::now().duration_since(at).map_err(io::Error::other));
            let young = age.is_ok_and(|age| age < TICK);
            let identity = Identity { stat, hash: hash(&bytes), young };
            return Ok((bytes, identity));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "somebody is writing it"))
}

/// Whether a path still leads to what was read.
pub fn is_unchanged(path: &Path, known: &mut Identity) -> bool {
    let Ok(metadata) = fs::metadata(path) else {
        return false;
    };
    if Stat::of(&metadata) != known.stat {
        return false;
    }
    if !known.young {
        return true;
    }
    match read(path) {
        Ok((_, now)) if now.hash == known.hash => {
            *known = now;
            true
        }
        _ => false,
    }
}

/// What a file is that was just written, by its descriptor: whatever its name, until somebody writes it.
pub fn of_new(file: &File, bytes: &[u8]) -> io::Result<Identity> {
    Ok(Identity { stat: Stat::of(&file.metadata()?), hash: hash(bytes), young: true })
}

fn hash(bytes: &[u8]) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn every_change_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zone");
        fs::write(&path, "one").unwrap();
        let (bytes, mut identity) = read(&path).unwrap();
        assert_eq!(bytes, b"one");
        assert!(is_unchanged(&path, &mut identity));
        // The same length within the same tick of the clock: only the content tells.
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "two").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert!(!is_unchanged(&path, &mut identity));

        let (_, mut identity) = read(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(!is_unchanged(&path, &mut identity));
        let (_, mut identity) = read(&path).unwrap();
        fs::write(folder.path().join("new"), "two").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
        assert!(!is_unchanged(&path, &mut identity), "another inode");
        fs::remove_file(&path).unwrap();
        assert!(!is_unchanged(&path, &mut identity));
        assert!(read(folder.path()).unwrap_err().to_string().contains("not a file"));
    }
}
