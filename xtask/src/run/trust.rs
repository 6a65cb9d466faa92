//! Who may read and who may change a file: the daemon's own rule for plugins, and what an account can reach.
//!
//! The daemon loads a plugin only when the file belongs to root or to the daemon's account, and neither it
//! nor a folder above it can be changed by group or others. The same is asked here beforehand, since a build
//! folder made under umask 002 fails it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::failure::{At, Failure, Outcome};
use crate::run::account::Account;

const GROUP_OR_OTHERS_WRITE: u32 = 0o022;
/// In such a folder only a file's owner may replace it: `/tmp` does no harm.
const STICKY: u32 = 0o1000;

/// Fails with the first path that would make a daemon of `user` refuse `file`.
pub(crate) fn trusted(file: &Path, user: u32) -> Outcome {
    let file = file.canonicalize().at("find", file)?;
    for path in file.ancestors() {
        let metadata = path.metadata().at("examine", path)?;
        if let Some(fault) = fault(metadata.uid(), writable(&metadata), user) {
            return Err(Failure::new(format!("{} {fault}", path.display())).hint(format!(
                "the daemon refuses plugins from there; `chmod go-w {}` mends it",
                path.display()
            )));
        }
    }
    Ok(())
}

/// The mode, where it lets group or others write.
fn writable(metadata: &Metadata) -> Option<u32> {
    let mode = metadata.mode();
    let sticky = metadata.is_dir() && mode & STICKY != 0;
    (mode & GROUP_OR_OTHERS_WRITE != 0 && !sticky).then_some(mode & 0o7777)
}

fn fault(owner: u32, writable: Option<u32>, user: u32) -> Option<String> {
    if owner != 0 && owner != user {
        return Some(format!("belongs to user {owner}"));
    }
    writable.map(|mode| format!("is writable by group or others (mode {mode:04o})"))
}

/// Whether `account` can read `path` and enter every folder above it. Access lists and supplementary groups
/// are left out: the answer may be no where they would allow it, never yes where the modes forbid it.
pub(crate) fn reachable(path: &Path, account: &Account) -> bool {
    let Ok(path) = path.canonicalize() else {
        return false;
    };
    path.ancestors().enumerate().all(|(level, path)| {
        let needed = if level == 0 { 0o4 } else { 0o1 };
        path.metadata().is_ok_and(|metadata| allows(&metadata, account, needed))
    })
}

fn allows(metadata: &Metadata, account: &Account, needed: u32) -> bool {
    let shift = if metadata.uid() == account.user {
        6
    } else if metadata.gid() == account.group {
        3
    } else {
        0
    };
    (metadata.mode() >> shift) & needed == needed
}

#[cfg(test)]
mod tests {
    use super::{Account, fault, reachable, trusted, writable};
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn owner_and_mode_decide() {
        assert_eq!(fault(0, None, 1000), None);
        assert_eq!(fault(1000, None, 1000), None);
        assert_eq!(fault(1001, None, 1000).as_deref(), Some("belongs to user 1001"));
        assert_eq!(
            fault(1000, Some(0o664), 1000).as_deref(),
            Some("is writable by group or others (mode 0664)")
        );
    }

    #[test]
    fn a_closed_folder_hides_what_is_in_it() {
        let folder = std::env::temp_dir().join(format!("zonemux-xtask-trust-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let file = folder.join("file");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        // Neither the owner nor in the group, whoever runs this test.
        let owner = file.metadata().unwrap().uid();
        let stranger = Account { name: "stranger".into(), user: owner + 77, group: 4_000_000 };

        fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777)).unwrap();
        let sticky = writable(&folder.metadata().unwrap());
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let everyone = writable(&folder.metadata().unwrap());
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let open = reachable(&file, &stranger);
        let refused = trusted(&file, owner).unwrap_err().to_string();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        let closed = reachable(&file, &stranger);
        fs::remove_dir_all(&folder).unwrap();

        assert_eq!((sticky, everyone), (None, Some(0o777)), "the sticky bit protects what is in a folder");
        assert!(open, "mode 0755 lets a stranger through");
        assert!(!closed, "mode 0700 does not");
        assert!(refused.contains("file is writable by group or others (mode 0666)"), "{refused}");
    }
}
