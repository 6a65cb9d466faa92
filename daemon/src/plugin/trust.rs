//! Opens a plugin file that nobody but root or this account could have written, replaced or redirected.
//!
//! The path is walked from the root, one name at a time, each looked up in the open folder before it, and
//! the file is opened in the last of them: what was judged is what is opened, whatever is renamed meanwhile.
//! Symbolic links are followed by the same rules, so every folder counts in which a name was looked up, and
//! not only those above the file's final place: who can write one of them decides where the path leads.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, StatVfsMountFlags, fstat, openat, readlinkat};
use rustix::io::Errno;

use super::error::{PluginError, Refusal};

/// Write permission for the group or for others. Where a file has an access list, the group's bits are
/// its mask: the most that any entry of it may grant.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// In such a folder only a file's owner may replace it, though others may add names.
const STICKY: u32 = 0o1000;
/// As many as the kernel follows.
const MOST_LINKS: usize = 40;
/// The user that stands for all whom this namespace or mount has no number for.
const OVERFLOW_USER: u32 = 65534;

/// Opens a file for reading whose bytes only root and this account decide on.
pub(super) fn open_owned(path: &Path) -> Result<File, PluginError> {
    let us = rustix::process::geteuid().as_raw();
    walk(path, us).map_err(|reason| {
        // The file that was asked for is what the operator knows.
        let reason = match reason {
            Stop::Nowhere => Refusal::NotFound { tried: vec![path.to_owned()] },
            Stop::Refused(reason) => reason,
        };
        PluginError::new(path, reason)
    })
}

/// Why no file was opened.
#[derive(Debug)]
enum Stop {
    /// The path leads to nothing.
    Nowhere,
    Refused(Refusal),
}

fn stopped(error: impl Into<std::io::Error>) -> Stop {
    let error = error.into();
    match error.kind() {
        std::io::ErrorKind::NotFound => Stop::Nowhere,
        _ => Stop::Refused(Refusal::Unreadable(error.to_string())),
    }
}

/// The folder in which the next name is looked up.
struct Place {
    folder: OwnedFd,
    /// Its path, without links.
    path: PathBuf,
    /// Others may add names to it.
    is_shared: bool,
}

impl Place {
    fn root(us: u32) -> Result<Self, Stop> {
        Self::of(openat(CWD, "/", FOLDER, Mode::empty()).map_err(stopped)?, PathBuf::from("/"), us)
    }

    fn of(folder: OwnedFd, path: PathBuf, us: u32) -> Result<Self, Stop> {
        let stat = fstat(&folder).map_err(stopped)?;
        judge_owner(&path, &stat, us)?;
        let is_writable = stat.st_mode & WRITABLE_BY_OTHERS != 0;
        let is_shared = is_writable && stat.st_mode & STICKY != 0;
        if is_writable && !is_shared {
            return Err(writable(&path, &stat));
        }
        Ok(Self { folder, path, is_shared })
    }
}

/// Folders that are mounted when they are first entered are mounted by this, which they are not by
/// `O_PATH` alone.
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const ENTRY: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const CONTENT: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

fn walk(path: &Path, us: u32) -> Result<File, Stop> {
    let absolute = std::path::absolute(path).map_err(stopped)?;
    let mut names = Vec::new();
    push_names(&mut names, &absolute);
    let mut place = Place::root(us)?;
    let mut links = 0;
    while let Some(name) = names.pop() {
        let shown = if name == ".." {
            place.path.parent().unwrap_or(Path::new("/")).to_owned()
        } else {
            place.path.join(&name)
        };
        match openat(&place.folder, &name, FOLDER, Mode::empty()) {
            Ok(_) if names.is_empty() => {
                return Err(Stop::Refused(Refusal::NotAnObject("it is a folder".into())));
            }
            Ok(folder) => {
                place = Place::of(folder, shown, us)?;
                continue;
            }
            Err(Errno::NOTDIR | Errno::LOOP) => {}
            Err(error) => return Err(stopped(error)),
        }
        let entry = openat(&place.folder, &name, ENTRY, Mode::empty()).map_err(stopped)?;
        let stat = fstat(&entry).map_err(stopped)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(stopped(Errno::LOOP));
                }
                // In a shared folder anyone can make one, to whatever file he likes.
                judge_owner(&shown, &stat, us)?;
                let target = readlinkat(&entry, "", Vec::new()).map_err(stopped)?;
                let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                if target.is_absolute() {
                    place = Place::root(us)?;
                }
                push_names(&mut names, &target);
            }
            _ if !names.is_empty() => return Err(stopped(Errno::NOTDIR)),
            FileType::RegularFile => return open_file(&place, &name, &shown, us),
            FileType::Socket => return Err(Stop::Refused(Refusal::NotAnObject("it is a socket".into()))),
            _ => return Err(Stop::Refused(Refusal::NotAnObject("it is no regular file".into()))),
        }
    }
    Err(Stop::Refused(Refusal::NotAnObject("it is a folder".into())))
}

/// The names of a path on top of those that remain, the first one last.
fn push_names(names: &mut Vec<OsString>, path: &Path) {
    names.extend(path.components().rev().filter_map(|component| match component {
        Component::Normal(_) | Component::ParentDir => Some(component.as_os_str().to_owned()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    }));
}

/// Opens and judges what stands in a folder now.
fn open_file(place: &Place, name: &OsStr, shown: &Path, us: u32) -> Result<File, Stop> {
    let file = openat(&place.folder, name, CONTENT, Mode::empty()).map_err(stopped)?;
    let stat = fstat(&file).map_err(stopped)?;
    judge_owner(shown, &stat, us)?;
    if stat.st_mode & WRITABLE_BY_OTHERS != 0 {
        return Err(writable(shown, &stat));
    }
    if place.is_shared && stat.st_nlink > 1 {
        return Err(distrusted(format!(
            "{} is one name of several of a file, and others can add names to its folder",
            shown.display()
        )));
    }
    // Code is loaded from sealed memory, which would get around what the mount forbids.
    let mount = rustix::fs::fstatvfs(&file).map_err(stopped)?;
    if mount.f_flag.contains(StatVfsMountFlags::NOEXEC) {
        let shown = shown.display();
        return Err(distrusted(format!("{shown} lies on a file system that is mounted with `noexec`")));
    }
    Ok(File::from(file))
}

fn judge_owner(path: &Path, stat: &Stat, us: u32) -> Result<(), Stop> {
    let (owner, path) = (stat.st_uid, path.display());
    if owner != 0 && owner != us {
        return Err(distrusted(format!("{path} belongs to user {owner}, not to root or user {us}")));
    }
    if owner == OVERFLOW_USER {
        // Also where the daemon runs as that user: the owner may be anyone outside its namespace.
        return Err(distrusted(format!(
            "{path} belongs to user {owner}, which stands for every user that is not known here"
        )));
    }
    Ok(())
}

fn writable(path: &Path, stat: &Stat) -> Stop {
    let mode = stat.st_mode & 0o7777;
    distrusted(format!("{} has mode {mode:04o}, so others can write it", path.display()))
}

fn distrusted(why: String) -> Stop {
    Stop::Refused(Refusal::NotTrusted(why))
}

#[cfg(test)]
mod tests;
