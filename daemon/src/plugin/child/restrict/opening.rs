//! Which folder a writable path opens.

use std::path::{Path, PathBuf};

use rustix::fs::Access;

/// Folders that many share: none is opened because of a file in it.
const SHARED: [&str; 34] = [
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/run/credentials",
    "/run/lock",
    "/run/secrets",
    "/run/user",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/local",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/run",
    "/var/spool",
    "/var/tmp",
    "/dev/shm",
];

/// Below these a file's folder is configuration or program, never opened for writing because of the file.
const NEVER_WRITTEN: [&str; 10] =
    ["/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/run/credentials", "/run/secrets", "/sbin", "/usr"];

/// What has to be opened so that a path can be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Opening {
    /// Files and folders that exist.
    pub(super) paths: Vec<PathBuf>,
    /// A folder that would have to be opened and is not, since others share it.
    pub(super) withheld: Option<PathBuf>,
}

/// Resolves a path as far as it exists.
pub(super) fn opening(path: &Path) -> Opening {
    match path.canonicalize() {
        Ok(found) if found == Path::new("/") => Opening { paths: Vec::new(), withheld: Some(found) },
        Ok(found) if found.is_dir() => Opening { paths: vec![found], withheld: None },
        Ok(found) => {
            let folder = found.parent().map(Path::to_owned);
            let mut paths = vec![found];
            // What replaces the file is another file: with the file alone the first replacement would be
            // the last. Not so where it is read only, as keys and certificates are.
            paths.extend(folder.filter(|folder| may_be_opened(folder) && is_writable(folder)));
            Opening { paths, withheld: None }
        }
        Err(_) => nearest(path),
    }
}

/// The nearest folder that exists, in which the rest can then be made.
fn nearest(path: &Path) -> Opening {
    let Some(folder) = path.ancestors().skip(1).find_map(|folder| folder.canonicalize().ok()) else {
        return Opening::default();
    };
    if may_be_opened(&folder) {
        Opening { paths: vec![folder], withheld: None }
    } else {
        Opening { paths: Vec::new(), withheld: Some(folder) }
    }
}

fn may_be_opened(folder: &Path) -> bool {
    !SHARED.iter().any(|shared| folder == Path::new(shared))
        && !NEVER_WRITTEN.iter().any(|above| folder.starts_with(above))
}

fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, Access::WRITE_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(opening: &Opening) -> Vec<&Path> {
        opening.paths.iter().map(PathBuf::as_path).collect()
    }

    #[test]
    fn a_file_opens_its_folder_and_a_folder_itself() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().canonicalize().unwrap().join("own");
        let file = own.join("records");
        std::fs::create_dir(&own).unwrap();
        assert_eq!(paths(&opening(&file)), [&own], "what is not there yet");
        assert_eq!(paths(&opening(&own.join("a/b/c"))), [&own]);
        std::fs::write(&file, "").unwrap();
        assert_eq!(paths(&opening(&file)), [&file, &own]);
        assert_eq!(paths(&opening(&own)), [&own]);
    }

    #[test]
    fn a_folder_that_others_share_is_never_opened() {
        for path in
            ["/nothing-here", "/var/lib/nothing-here", "/tmp/nothing-here", "/etc/nothing-here/x", "/"]
        {
            let opening = opening(Path::new(path));
            assert_eq!((paths(&opening), opening.withheld.is_some()), (vec![], true), "{path}");
        }
        let file = tempfile::NamedTempFile::new_in("/tmp").unwrap();
        assert_eq!(paths(&opening(file.path())), [file.path()]);
        assert_eq!(paths(&opening(Path::new("/etc/passwd"))), [Path::new("/etc/passwd")]);
    }

    #[test]
    fn a_link_into_a_shared_folder_is_seen_through() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/var/lib", &link).unwrap();
        assert_eq!(opening(&link.join("nothing-here")).withheld.as_deref(), Some(Path::new("/var/lib")));
    }
}
