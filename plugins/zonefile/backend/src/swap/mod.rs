//! Puts a new file in the place of an old one, in one step that a crash can't halve, and keeps the old
//! one until the new one has proved right.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{CWD, RenameFlags, XattrFlags};
use rustix::io::Errno;
use zonemux_master_file::identity::{self, Identity};

use crate::steps::step;

/// A hidden file beside another: `/zones/example.org` and `new` make `/zones/.example.org.zonemux-new`.
pub(crate) fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".zonemux-");
    name.push(what);
    path.with_file_name(name)
}

/// Why a file was not replaced. But for [`Lost`](Self::Lost), nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SwapError {
    #[error("can't {action} `{}`: {error}", path.display())]
    Io { action: &'static str, path: PathBuf, error: io::Error },
    /// Somebody has written it since it was read.
    #[error("`{}` was changed meanwhile", .0.display())]
    Changed(PathBuf),
    /// It was replaced, which did not last, and the old one can't be put back.
    #[error("can't put the previous `{}` back: {_1}", .0.display())]
    Lost(PathBuf, io::Error),
}

/// A new file that is not in its place yet.
#[derive(Debug)]
pub(crate) struct Staged {
    path: PathBuf,
    new: PathBuf,
    expected: Option<Identity>,
    identity: Identity,
}

/// A new file in its place, with the old one beside it.
#[derive(Debug)]
pub(crate) struct Swapped {
    path: PathBuf,
    /// Where the old file is; `None` where there was none.
    old: Option<PathBuf>,
    /// What the old file was.
    was: Option<Identity>,
    identity: Identity,
}

/// Writes what shall take a file's place, with the same owner, group, mode and labels. `expected` is
/// what is there now; where nothing is, owner and mode are those of `neighbour`.
pub(crate) fn stage(
    path: &Path,
    bytes: &[u8],
    expected: Option<Identity>,
    neighbour: Option<&Path>,
) -> Result<Staged, SwapError> {
    step("write the new file");
    let new = beside(path, "new");
    let like = if expected.is_some() { Some(path) } else { neighbour };
    let identity = write_like(&new, bytes, like, 0o644)?;
    Ok(Staged { path: path.to_owned(), new, expected, identity })
}

/// Writes a file that is like another in all but its content; without one it gets a mode.
pub(crate) fn write_like(
    new: &Path,
    bytes: &[u8],
    like: Option<&Path>,
    mode: u32,
) -> Result<Identity, SwapError> {
    let failed = |action: &'static str| {
        let path = new.to_owned();
        move |error: io::Error| SwapError::Io { action, path, error }
    };
    let write = || -> Result<Identity, SwapError> {
        match fs::remove_file(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("replace")(error)),
            _ => {}
        }
        // Not followed where somebody puts a link there.
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(if like.is_some() { 0o600 } else { mode });
        let mut file = options.open(new).map_err(failed("create"))?;
        if let Some(path) = like {
            let old = File::open(path).map_err(failed("copy the mode for"))?;
            let metadata = old.metadata().map_err(failed("copy the mode for"))?;
            take_after(&file, &old, &metadata, path).map_err(failed("set owner and mode of"))?;
        }
        file.write_all(bytes).map_err(failed("write"))?;
        identity::of_new(&file, bytes).map_err(failed("write"))
    };
    let result = write();
    if result.is_err() {
        // Half of it helps nobody.
        let _removed = fs::remove_file(new);
    }
    result
}

/// Gives a new file the owner, group, mode and extended attributes (labels of `SELinux`, access lists) of
/// the old one.
fn take_after(new: &File, old: &File, metadata: &Metadata, path: &Path) -> io::Result<()> {
    let own = new.metadata()?;
    if (own.uid(), own.gid()) != (metadata.uid(), metadata.gid()) {
        let both = std::os::unix::fs::fchown(new, Some(metadata.uid()), Some(metadata.gid()));
        if let Err(error) = both.or_else(|_| std::os::unix::fs::fchown(new, None, Some(metadata.gid()))) {
            // Whether the server can read it is seen when it is asked for the new serial.
            tracing::warn!(file = %path.display(), %error, "can't keep the file's owner and group");
        }
    }
    new.set_permissions(fs::Permissions::from_mode(metadata.mode() & 0o7777))?;
    let mut names = vec![0_u8; 4096];
    let Ok(length) = rustix::fs::flistxattr(old, &mut names) else {
        // A file system without them, or more than anybody has.
        return Ok(());
    };
    for name in names[..length].split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0_u8; 1 << 16];
        let copied = rustix::fs::fgetxattr(old, name, &mut value)
            .and_then(|length| rustix::fs::fsetxattr(new, name, &value[..length], XattrFlags::empty()));
        if let Err(error) = copied {
            let name = String::from_utf8_lossy(name);
            tracing::warn!(file = %path.display(), attribute = %name, %error, "can't keep an attribute of the file");
        }
    }
    Ok(())
}

impl Staged {
    /// Where the new file is.
    pub(crate) fn file(&self) -> &Path {
        &self.new
    }

    /// Waits for the disk.
    pub(crate) fn sync(&self) -> Result<(), SwapError> {
        step("sync the new file");
        let synced = File::open(&self.new).and_then(|file| file.sync_all());
        synced.map_err(|error| SwapError::Io { action: "write", path: self.new.clone(), error })
    }

    /// Puts the new file, which is on the disk, in its place.
    pub(crate) fn swap(self) -> Result<Swapped, SwapError> {
        let failed = |error: io::Error| SwapError::Io { action: "replace", path: self.path.clone(), error };
        let result = self.try_swap().map_err(|error| match error {
            Trouble::Changed => SwapError::Changed(self.path.clone()),
            Trouble::Io(error) => failed(error),
            Trouble::Lost(error) => SwapError::Lost(self.path.clone(), error),
        });
        // What is lost may be there.
        if result.as_ref().is_err_and(|error| !matches!(error, SwapError::Lost(..))) {
            self.discard();
        }
        result
    }

    /// Takes the new file away again.
    pub(crate) fn discard(&self) {
        let _removed = fs::remove_file(&self.new);
    }

    fn try_swap(&self) -> Result<Swapped, Trouble> {
        let Some(mut was) = self.expected.clone() else {
            step("put the new file in its place");
            return match rustix::fs::renameat_with(CWD, &self.new, CWD, &self.path, RenameFlags::NOREPLACE) {
                Ok(()) => self.swapped(None, None),
                Err(Errno::EXIST) => Err(Trouble::Changed),
                Err(error) => Err(Trouble::Io(error.into())),
            };
        };
        if !identity::is_unchanged(&self.path, &mut was) {
            return Err(Trouble::Changed);
        }
        step("put the new file in its place");
        // One step, after which the old file is where the new one was: if it is not the one that was
        // read, it goes back, and whoever wrote it loses nothing.
        match rustix::fs::renameat_with(CWD, &self.new, CWD, &self.path, RenameFlags::EXCHANGE) {
            Ok(()) => {
                if !identity::is_unchanged(&self.new, &mut was) {
                    exchange(&self.new, &self.path).map_err(Trouble::Lost)?;
                    return Err(Trouble::Changed);
                }
                self.swapped(Some(self.new.clone()), Some(was))
            }
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                // A file system that can't exchange: a second name keeps the old file.
                let old = beside(&self.path, "old");
                match fs::remove_file(&old) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                    _ => {}
                }
                fs::hard_link(&self.path, &old)?;
                if !identity::is_unchanged(&old, &mut was) {
                    fs::remove_file(&old)?;
                    return Err(Trouble::Changed);
                }
                fs::rename(&self.new, &self.path)?;
                self.swapped(Some(old), Some(was))
            }
            Err(error) => Err(Trouble::Io(error.into())),
        }
    }

    fn swapped(&self, old: Option<PathBuf>, was: Option<Identity>) -> Result<Swapped, Trouble> {
        let swapped = Swapped { path: self.path.clone(), old, was, identity: self.identity.clone() };
        step("sync the folder");
        if let Err(error) = sync_folder(&self.path) {
            // The new name may be lost with the power: not a success.
            swapped.put_back().map_err(Trouble::Lost)?;
            return Err(Trouble::Io(error));
        }
        Ok(swapped)
    }
}

enum Trouble {
    Changed,
    Lost(io::Error),
    Io(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Swapped {
    /// What the new file is, unless somebody writes it.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Puts the old file back.
    pub(crate) fn put_back(&self) -> io::Result<()> {
        step("put the old file back");
        match &self.old {
            None => fs::remove_file(&self.path)?,
            Some(old) => {
                // A server that did read the new one takes the old one for it if its time is older.
                let now = SystemTime::now();
                let touched = File::options().append(true).open(old).and_then(|file| file.set_modified(now));
                if let Err(error) = touched {
                    tracing::debug!(file = %old.display(), %error, "can't set the time of the file");
                }
                fs::rename(old, &self.path)?;
            }
        }
        sync_folder(&self.path)
    }

    /// Takes the old file away. What an editor wrote into it after it was replaced is kept beside it.
    pub(crate) fn finish(self) {
        step("remove the old file");
        let (Some(old), Some(mut was)) = (self.old, self.was) else { return };
        if identity::is_unchanged(&old, &mut was) {
            if let Err(error) = fs::remove_file(&old) {
                tracing::warn!(file = %old.display(), %error, "can't remove the file's last version");
            }
        } else {
            keep(&old, &beside(&self.path, "edited"));
        }
    }
}

fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    Ok(rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

fn keep(file: &Path, kept: &Path) {
    match fs::rename(file, kept) {
        Ok(()) => tracing::warn!(
            kept = %kept.display(),
            "an editor wrote into a file that was replaced at that moment; what it wrote was kept, please edit again"
        ),
        Err(error) => tracing::warn!(file = %file.display(), %error, "can't keep what an editor wrote"),
    }
}

/// Puts aside what a process left beside a file that ended while it wrote.
pub(crate) fn tidy(path: &Path) {
    for what in ["check", "new", "old"] {
        let left = beside(path, what);
        if !left.exists() {
            continue;
        }
        if what == "check" {
            let _removed = fs::remove_file(&left);
            continue;
        }
        // It may be the only copy of something.
        let kept = beside(path, "left");
        match fs::rename(&left, &kept) {
            Ok(()) => tracing::info!(kept = %kept.display(), "a file was being written when zonemux ended"),
            Err(error) => tracing::warn!(file = %left.display(), %error, "can't put the file aside"),
        }
    }
}

/// A name is on the disk only when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests;
