//! Who could have written a plugin file.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::{PluginError, Refusal};

/// Write permission for the group or for others.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// In such a folder only a file's owner may replace it.
const STICKY: u32 = 0o1000;

/// Refuses a file that anyone but root or this account could have written or replaced: owner and
/// mode of the open file, and of every folder above its canonical path.
///
/// Checked on the open descriptor, whose bytes are then read: a file swapped in afterwards is never
/// looked at.
pub(super) fn check_owner(path: &Path, file: &File) -> Result<(), PluginError> {
    let refuse = |why: String| PluginError::new(path, Refusal::NotTrusted(why));
    let unreadable = |error: std::io::Error| PluginError::new(path, Refusal::Unreadable(error.to_string()));
    let us = rustix::process::geteuid().as_raw();

    let canonical: PathBuf = path.canonicalize().map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    judge(&canonical, &metadata, us).map_err(refuse)?;
    for folder in canonical.ancestors().skip(1) {
        let metadata = folder.metadata().map_err(unreadable)?;
        judge(folder, &metadata, us).map_err(refuse)?;
    }
    Ok(())
}

fn judge(path: &Path, metadata: &Metadata, us: u32) -> Result<(), String> {
    if metadata.uid() != 0 && metadata.uid() != us {
        return Err(format!(
            "{} belongs to user {}, not to root or user {us}",
            path.display(),
            metadata.uid()
        ));
    }
    let protected_by_sticky = metadata.is_dir() && metadata.mode() & STICKY != 0;
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 && !protected_by_sticky {
        let mode = metadata.mode() & 0o7777;
        return Err(format!("{} has mode {mode:04o}, so others can write it", path.display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn reason(path: &Path) -> Option<String> {
        let file = File::open(path).unwrap();
        check_owner(path, &file).err().map(|error| error.reason.to_string())
    }

    #[test]
    fn a_file_or_folder_that_others_can_write_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("plugins");
        fs::create_dir(&folder).unwrap();
        let path = folder.join("p.so");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(reason(&path), None);

        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert!(reason(&path).unwrap().contains("p.so has mode 0666, so others can write it"));
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();

        for mode in [0o777, 0o775] {
            fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
            assert!(reason(&path).unwrap().contains("others can write it"), "{mode:o}");
        }
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();

        // Reached through a link: what counts is where the file really is.
        let link = root.path().join("link.so");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(reason(&link), None);
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        assert!(reason(&link).is_some());
    }
}
