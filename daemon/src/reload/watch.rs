//! Notices that a file has changed from which the configuration was made.
//!
//! Files are looked at again and again, and not announced by the kernel: what a path leads to changes when
//! any link on its way is replaced, which is how Kubernetes updates mounted configuration and secrets, and
//! network file systems announce nothing. A few dozen `stat` calls a second cost nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config::{Config, Trust};
use crate::plugin::{candidates, signature_of};

/// What is found at the end of a path, however it leads there; nothing where nothing is. A change of
/// owner or mode counts too: a plugin that was not trusted may be now.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Identity {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// Paths, and what was found at each when it was last looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched(BTreeMap<PathBuf, Option<Identity>>);

impl Watched {
    /// What a configuration was made from: its sources, and the files of its plugins (with their
    /// signatures, where these count), which are looked for by `config`.
    pub fn new(sources: &[PathBuf], config: &Config) -> Self {
        Self::default().moved_to(sources, config)
    }

    /// The same paths, looked at now.
    #[must_use]
    pub fn look_again(&self) -> Self {
        Self(self.0.keys().map(|path| (path.clone(), Identity::of(path))).collect())
    }

    /// Other paths. Those that were watched before are not looked at again: whatever they have become
    /// since is news.
    #[must_use]
    pub fn moved_to(&self, sources: &[PathBuf], config: &Config) -> Self {
        let plugins = config.backends.values();
        let plugins = plugins.flat_map(|backend| candidates(&backend.plugin, &config.plugins.path));
        let is_signed = config.plugins.trust == Trust::Signature;
        let plugins = plugins.flat_map(|plugin| {
            let signature = is_signed.then(|| signature_of(&plugin));
            signature.into_iter().chain([plugin])
        });
        let paths = sources.iter().cloned().chain(plugins);
        let seen = |path: PathBuf| {
            let identity = self.0.get(&path).cloned().unwrap_or_else(|| Identity::of(&path));
            (path, identity)
        };
        Self(paths.map(seen).collect())
    }

    /// A path at which something else was found then.
    pub fn difference<'a>(&'a self, then: &Self) -> Option<&'a Path> {
        let differs = |(path, identity): &(&PathBuf, &Option<Identity>)| then.0.get(*path) != Some(*identity);
        self.0.iter().find(differs).map(|(path, _)| path.as_path())
    }
}
