//! Where the served process finds its binary, plugins, configuration and state.
//!
//! In the checkout where that works. Not below `/root`, say, which an unprivileged account cannot enter: then
//! a copy with the same relative paths is served from [`COPY`].

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown};
use std::path::{Path, PathBuf};

use super::account::Account;
use super::{PLUGINS, example, trust};
use crate::failure::{At, Failure, Outcome};
use crate::process::{Program, user_id};
use crate::repository::Repository;

const CONFIG: &str = "config.example.toml";
/// Kept across restarts, and below folders that only root can change, as the daemon asks for plugins.
const COPY: &str = "/var/lib/zonemux-example";

/// A set of files that the served process can use.
#[derive(Debug)]
pub(crate) struct Layout {
    binary: PathBuf,
    plugins: PathBuf,
    config: PathBuf,
    /// The plugin's SHA-256, where its folder alone does not make it trusted.
    pin: Option<String>,
    notes: Vec<String>,
}

impl Layout {
    /// Uses the checkout, or makes the copy. `account` is who serves, where that is not us.
    pub(crate) fn prepare(repository: &Repository, account: Option<&Account>) -> Outcome<Self> {
        let mut layout = Self {
            binary: repository.release().join("zonemux"),
            plugins: repository.release(),
            config: repository.root().join(CONFIG),
            pin: None,
            notes: Vec::new(),
        };
        if !layout.config.is_file() {
            return Err(Failure::new(format!("{} is missing", layout.config.display())));
        }
        match account {
            None => layout.pin_where_needed()?,
            Some(account) => {
                layout.notes.push(format!("root does not serve: the account is `{}`", account.name));
                if let Err(reason) = layout.usable_by(account) {
                    layout.copy()?;
                    layout.notes.push(format!("{reason}, so a copy is served from {COPY}"));
                }
            }
        }
        let state = layout.make_state(account)?;
        layout.notes.push(format!("records and state are kept in {}", state.display()));
        Ok(layout)
    }

    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// What the person at the terminal should know about this choice.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The daemon's command line and environment.
    pub(crate) fn daemon(&self) -> Program {
        let program = Program::new(&self.binary)
            .args([Path::new("--config"), &self.config, Path::new("serve")])
            .env("ZONEMUX_PLUGIN_PATH", &self.plugins)
            .directory(self.folder());
        match &self.pin {
            Some(hash) => {
                program.env(&format!("ZONEMUX__BACKENDS__{}__SHA256", example::BACKEND.to_uppercase()), hash)
            }
            None => program,
        }
    }

    /// The configuration's folder: its relative paths start here.
    fn folder(&self) -> &Path {
        self.config.parent().unwrap_or(Path::new("/"))
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> {
        [self.binary.clone(), self.config.clone()]
            .into_iter()
            .chain(PLUGINS.iter().map(|name| self.plugins.join(name)))
    }

    /// Whether `account` can read everything here and will trust the plugins; the reason where not.
    fn usable_by(&self, account: &Account) -> Result<(), String> {
        if let Some(file) = self.files().find(|file| !trust::reachable(file, account)) {
            return Err(format!("`{}` cannot read {}", account.name, file.display()));
        }
        for name in PLUGINS {
            let file = self.plugins.join(name);
            if trust::trusted(&file, account.user).is_err() {
                return Err(format!("others than root can change {}", file.display()));
            }
        }
        Ok(())
    }

    /// In a folder that group or others may write to, the plugin's hash takes the place of its owner.
    fn pin_where_needed(&mut self) -> Outcome {
        let Some(user) = user_id() else { return Ok(()) };
        let file = self.plugins.join(PLUGINS[0]);
        if let Err(failure) = trust::trusted(&file, user) {
            let printed = Program::new("sha256sum").args([&file]).output()?;
            let hash = printed.split_whitespace().next().unwrap_or_default();
            self.pin = Some(hash.to_owned());
            let reason = failure.to_string();
            let reason = reason.lines().next().unwrap_or_default().trim_start_matches("error: ");
            self.notes.push(format!("{reason}, so the plugin is pinned by its SHA-256"));
        }
        Ok(())
    }

    /// Copies everything to [`COPY`], with the relative paths of the checkout, and points there.
    fn copy(&mut self) -> Outcome {
        let root = PathBuf::from(COPY);
        let plugins = root.join("target/release");
        for folder in [&root, &root.join("target"), &plugins] {
            make_folder(folder)?;
        }
        let (binary, config) = (plugins.join("zonemux"), root.join(CONFIG));
        replace(&self.binary, &binary, 0o755)?;
        replace(&self.config, &config, 0o644)?;
        for name in PLUGINS {
            replace(&self.plugins.join(name), &plugins.join(name), 0o644)?;
        }
        (self.binary, self.config, self.plugins) = (binary, config, plugins);
        Ok(())
    }

    /// `./var` of the example configuration, owned by the account that serves.
    fn make_state(&self, account: Option<&Account>) -> Outcome<PathBuf> {
        let state = self.folder().join("var");
        fs::create_dir_all(&state).at("create", &state)?;
        if let Some(account) = account {
            fs::set_permissions(&state, Permissions::from_mode(0o750)).at("set the mode of", &state)?;
            give(&state, account)?;
        }
        Ok(state)
    }
}

/// A folder of root's that everyone may read: one that someone else prepared is refused.
fn make_folder(folder: &Path) -> Outcome {
    if !folder.is_dir() {
        fs::create_dir(folder).at("create", folder)?;
    }
    let metadata = fs::symlink_metadata(folder).at("examine", folder)?;
    if !metadata.is_dir() || metadata.uid() != 0 {
        return Err(Failure::new(format!("{} is not a folder of root's", folder.display()))
            .hint("move it away, then try again"));
    }
    chown(folder, Some(0), Some(0)).at("own", folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o755)).at("set the mode of", folder)
}

/// Copies beside the old file and renames over it: a daemon that still runs keeps what it opened.
fn replace(from: &Path, to: &Path, mode: u32) -> Outcome {
    let new = to.with_extension("new");
    fs::copy(from, &new).at("copy to", &new)?;
    fs::set_permissions(&new, Permissions::from_mode(mode)).at("set the mode of", &new)?;
    fs::rename(&new, to).at("rename to", to)
}

/// Gives a folder and all in it to `account`, links themselves and not what they point at.
fn give(path: &Path, account: &Account) -> Outcome {
    lchown(path, Some(account.user), Some(account.group)).at("change the owner of", path)?;
    if fs::symlink_metadata(path).at("examine", path)?.is_dir() {
        for entry in fs::read_dir(path).at("read", path)? {
            give(&entry.at("read", path)?.path(), account)?;
        }
    }
    Ok(())
}
