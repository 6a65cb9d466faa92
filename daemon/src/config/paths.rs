//! Paths as they are written, made absolute.

use std::path::{Component, Path, PathBuf};

/// `path` below `base` where it is relative, without `.` components. `..` stays: what it means
/// depends on symbolic links.
pub(crate) fn resolve(base: &Path, path: &Path) -> PathBuf {
    base.join(path).components().filter(|component| *component != Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_go_below_the_base() {
        let resolve = |path: &str| resolve(Path::new("/etc/zonemux"), Path::new(path));
        assert_eq!(resolve("tls.crt"), Path::new("/etc/zonemux/tls.crt"));
        assert_eq!(resolve("./var/x"), Path::new("/etc/zonemux/var/x"));
        assert_eq!(resolve("../x"), Path::new("/etc/zonemux/../x"));
        assert_eq!(resolve("/run/x"), Path::new("/run/x"));
    }
}
