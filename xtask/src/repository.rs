//! Where things are: the repository, what cargo builds, and a place for our own tools.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};

/// The checkout that this program was built in.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    root: PathBuf,
    target: PathBuf,
}

impl Repository {
    /// Finds the checkout from where xtask was compiled, the target directory from where it runs: this
    /// holds with `CARGO_TARGET_DIR` and with `build.target-dir` alike.
    pub(crate) fn locate() -> Outcome<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().filter(|root| root.join("Cargo.toml").is_file()).ok_or_else(|| {
            Failure::new(format!("no repository around {}", manifest.display()))
                .hint("run `cargo xtask` inside the checkout")
        })?;
        let program = std::env::current_exe()
            .map_err(|error| Failure::new(format!("cannot find xtask's own file: {error}")))?;
        let target = program
            .parent()
            .and_then(Path::parent)
            .ok_or_else(|| Failure::new(format!("{} is in no target directory", program.display())))?;
        Ok(Self { root: root.to_owned(), target: target.to_owned() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What `cargo build` made: the daemon and the plugins' `.so` files.
    pub(crate) fn debug(&self) -> PathBuf {
        self.target.join("debug")
    }

    /// What `cargo build --release` made.
    pub(crate) fn release(&self) -> PathBuf {
        self.target.join("release")
    }

    /// Programs that the tests need and that we install ourselves, with their logs.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }
}
