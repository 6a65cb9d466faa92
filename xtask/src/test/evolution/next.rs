//! An SDK of the next minor version of the interface: a copy of the present one with every kind of addition that the
//! rules allow. For a plugin that is built with it, the present daemon is an older one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{At, Outcome};
use crate::repository::Repository;

use super::{between, copy, empty, lost, read};

/// One addition: the file, a text that stands there once, and what stands there instead.
struct Change {
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

const CHANGES: &[Change] = &[
    Change { file: "plugin-api/abi/Cargo.toml", from: "version = \"1.0.0\"", to: "version = \"1.1.0\"" },
    // A method of the daemon's, which an older daemon does not have: the plugin gets the default.
    Change {
        file: "plugin-api/abi/src/host.rs",
        from: "    fn metric(&self, metric: &RMetricRef<'_>);\n",
        to: "    fn metric(&self, metric: &RMetricRef<'_>);\n\n    /// Added.\n    fn added(&self) -> RString {\n        \
             RString::from(\"the default\")\n    }\n",
    },
    Change {
        file: "plugin-api/src/host.rs",
        from: "    pub(crate) fn raw(&self)",
        to: "    /// Added.\n    pub fn added(&self) -> String {\n        \
             self.inner.host.as_ref().map(|host| host.added().into_string()).unwrap_or_default()\n    }\n\n    \
             pub(crate) fn raw(&self)",
    },
    // Methods of the plugin's, which an older daemon never calls.
    Change {
        file: "plugin-api/abi/src/objects.rs",
        from: "    fn close(&self, call: RCall) -> FfiFuture<RResult<(), RError>>;\n",
        to: "    fn close(&self, call: RCall) -> FfiFuture<RResult<(), RError>>;\n\n    /// Added.\n    \
             fn added(&self) -> u64 {\n        0\n    }\n",
    },
    Change {
        file: "plugin-api/src/glue/backend.rs",
        from: "    fn check(&self, call: RCall)",
        to: "    fn added(&self) -> u64 {\n        1\n    }\n\n    fn check(&self, call: RCall)",
    },
    // A field behind the last one of the root module.
    Change {
        file: "plugin-api/abi/src/module.rs",
        from: "settings: RStr<'_>) -> RResult<RPluginBox, RVec<RFault>>,\n",
        to: "settings: RStr<'_>) -> RResult<RPluginBox, RVec<RFault>>,\n    /// Added.\n    \
             pub added: extern \"C\" fn() -> RString,\n",
    },
    Change {
        file: "plugin-api/src/glue/module.rs",
        from: "configure: configure::<D> }",
        to: "configure: configure::<D>, added: schema::<D> }",
    },
    // Pairs in the lists that are there for them.
    Change {
        file: "plugin-api/src/host.rs",
        from: "            value,\n            ext: RSlice::EMPTY,",
        to: "            value,\n            ext: RSlice::from_slice(&[RPairRef { key: RStr::from_str(\"added\"), \
             value: RStr::from_str(\"yes\") }]),",
    },
    Change {
        file: "plugin-api/src/glue/task.rs",
        from: "        ext: RVec::new(),",
        to: "        ext: RVec::from(vec![zonemux_plugin_abi::RPair { key: \"added\".into(), \
             value: \"yes\".into() }]),",
    },
    // Words that an older daemon does not know.
    Change {
        file: "plugin-api/src/capabilities.rs",
        from: "    pub properties: Option<Vec<String>>,\n",
        to: "    pub properties: Option<Vec<String>>,\n    /// Added.\n    pub added: Vec<(String, u64)>,\n",
    },
    Change {
        file: "plugin-api/src/manifest.rs",
        from: "out.raw(\"{\\\"manifest\\\":1,\\\"name\\\":\");",
        to: "out.raw(\"{\\\"manifest\\\":1,\\\"added\\\":{\\\"any\\\":[1,null]},\\\"name\\\":\");",
    },
    // The plugin uses what it got.
    Change {
        file: "plugin/src/lib.rs",
        from: "token = settings.token.is_some(), \"opened\"",
        to: "token = settings.token.is_some(), added = host.added(), \"opened\"",
    },
];

/// Makes the SDK and a plugin for it, whose own source is the frozen one's. Files that stay the same keep their
/// times: then nothing is built again.
pub(super) fn create(repository: &Repository, frozen: &Path, folder: &Path) -> Outcome<PathBuf> {
    let fresh = folder.with_extension("new");
    empty(&fresh)?;
    for part in ["src", "abi/src", "build.rs", "Cargo.toml", "abi/Cargo.toml"] {
        let (from, to) =
            (repository.root().join("plugin-api").join(part), fresh.join("plugin-api").join(part));
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            let parent = to.parent().unwrap_or(&fresh);
            fs::create_dir_all(parent).at("create", parent)?;
            fs::copy(&from, &to).at("copy to", &to)?;
        }
    }
    copy(&frozen.join("plugin"), &fresh.join("plugin"))?;
    let manifest = repository.root().join("Cargo.toml");
    let text = workspace(&read(&manifest)?).ok_or_else(|| lost(&manifest, "members = ["))?;
    let root = fresh.join("Cargo.toml");
    fs::write(&root, text).at("write", &root)?;
    let lock = fresh.join("Cargo.lock");
    fs::copy(repository.root().join("Cargo.lock"), &lock).at("copy to", &lock)?;
    for Change { file, from, to } in CHANGES {
        let path = fresh.join(file);
        let text = apply(&read(&path)?, from, to).ok_or_else(|| lost(&path, from))?;
        fs::write(&path, text).at("write", &path)?;
    }
    update(&fresh, folder)?;
    fs::remove_dir_all(&fresh).at("remove", &fresh)?;
    Ok(folder.to_owned())
}

/// The repository's own workspace with other members: its versions of what is below the SDK.
fn workspace(manifest: &str) -> Option<String> {
    let package = between(manifest, "[workspace.package]", "\n[workspace.dependencies]")?;
    let dependencies = between(manifest, "\n[workspace.dependencies]", "\n[profile.")?;
    Some(format!(
        "[workspace]\nresolver = \"3\"\nmembers = [\"plugin\", \"plugin-api\", \"plugin-api/abi\"]\n\n\
         [workspace.package]{package}\n[workspace.dependencies]{dependencies}\n"
    ))
}

fn apply(text: &str, from: &str, to: &str) -> Option<String> {
    (text.matches(from).count() == 1).then(|| text.replace(from, to))
}

/// Brings a folder to another's content. Of a file that is gone from the SDK nothing refers to its copy.
fn update(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to).at("create", to)?;
    for entry in fs::read_dir(from).at("read", from)? {
        let entry = entry.at("read", from)?;
        let (source, destination) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            update(&source, &destination)?;
        } else {
            let text = fs::read(&source).at("read", &source)?;
            if fs::read(&destination).ok().as_ref() != Some(&text) {
                fs::write(&destination, text).at("write", &destination)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{apply, workspace};

    #[test]
    fn a_change_needs_its_place_exactly_once() {
        assert_eq!(apply("a b c", "b", "x").as_deref(), Some("a x c"));
        assert_eq!(apply("a c", "b", "x"), None);
        assert_eq!(apply("b b", "b", "x"), None);
    }

    #[test]
    fn the_copy_is_a_workspace_with_the_same_dependencies() {
        let manifest = "[workspace]\nmembers = [\n  \"daemon\",\n]\n\n[workspace.package]\nedition = \"2024\"\n\n\
                        # Each.\n[workspace.dependencies]\nserde = \"1\"\n\n[workspace.lints.rust]\nx = \"y\"\n\
                        [profile.dev]\ndebug = 1\n";
        let made = workspace(manifest).unwrap();
        assert!(made.contains("members = [\"plugin\", ") && made.contains("edition = \"2024\""), "{made}");
        assert!(made.contains("serde = \"1\"") && made.contains("[workspace.lints.rust]"), "{made}");
        assert!(!made.contains("daemon") && !made.contains("profile"), "{made}");
    }
}
