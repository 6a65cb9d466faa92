//! From merged values to a configuration: walks the tree, and collects every fault on the way.

mod backend;
mod daemon;
mod mirrors;
mod public_key;
mod secret;
mod section;
mod setting;
mod settings;
mod tls;
mod view;

use std::path::PathBuf;

use config::{Value, ValueKind};

use super::checks;
use super::effective::Entry;
use super::environment::Environment;
use super::error::Finding;
use super::key_path::KeyPath;
use super::load::Purpose;
use super::model::Config;
use super::origin::Origin;
use super::plugin_use::{Draft, PluginUse};
use super::value::Listen;
pub(crate) use backend::{BackendOutline, BackendOutlines};
use section::Section;
pub(crate) use view::ViewOutline;

/// The version of the file format that this program reads.
const VERSION: u32 = 1;

/// A value with where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) path: KeyPath,
    pub(crate) origin: Origin,
}

/// What a walk found.
pub(crate) struct Decoded {
    /// There is one if there is no fault.
    pub(crate) config: Option<Config>,
    pub(crate) faults: Vec<Finding>,
    pub(crate) warnings: Vec<Finding>,
    pub(crate) entries: Vec<Entry>,
    /// The control socket, also where something else is faulty.
    pub(crate) control: Option<PathBuf>,
    /// What plugins are found, trusted and judged by, also where something else is faulty.
    pub(crate) plugin_uses: Vec<PluginUse>,
    /// The files of secrets and certificates, whether they could be read or not.
    pub(crate) referenced_files: Vec<PathBuf>,
}

/// The state of a walk.
struct Reader<'a> {
    environment: &'a Environment,
    purpose: Purpose,
    faults: Vec<Finding>,
    warnings: Vec<Finding>,
    entries: Vec<Entry>,
    /// Every address of every listener, for the check of the whole.
    addresses: Vec<Located<Listen>>,
    control: Option<PathBuf>,
    /// What the backends say of their plugins.
    drafts: Vec<Draft>,
    plugin_uses: Vec<PluginUse>,
    referenced_files: Vec<PathBuf>,
}

/// Decodes the merged `root` and checks the whole.
pub(crate) fn decode(root: &Value, environment: &Environment, purpose: Purpose) -> Decoded {
    let mut reader = Reader {
        environment,
        purpose,
        faults: Vec::new(),
        warnings: Vec::new(),
        entries: Vec::new(),
        addresses: Vec::new(),
        control: None,
        drafts: Vec::new(),
        plugin_uses: Vec::new(),
        referenced_files: Vec::new(),
    };
    let config = reader.configuration(root);
    let Reader { faults, warnings, entries, control, plugin_uses, referenced_files, .. } = reader;
    let config = config.filter(|_| faults.is_empty());
    Decoded { config, faults, warnings, entries, control, plugin_uses, referenced_files }
}

impl Reader<'_> {
    fn configuration(&mut self, root: &Value) -> Option<Config> {
        let mut root = Section::root(root)?;
        if !self.version(&mut root) {
            return None;
        }
        let webhook = self.webhook(&mut root);
        let admin = self.admin(&mut root);
        let control = self.control(&mut root);
        self.control = control.as_ref().map(|control| control.socket.clone());
        let shutdown = self.shutdown(&mut root);
        let reload = self.reload(&mut root);
        let log = self.log(&mut root);
        let plugins = self.plugins(&mut root);
        let state = self.state(&mut root);
        let journal = self.journal(&mut root);
        let views = self.views(&mut root);
        let isolation = plugins.as_ref().map(|plugins| plugins.isolation);
        let (mut backends, backend_outlines) = self.backends(&mut root, isolation);
        mirrors::take_zones(&mut backends);
        let directory = state.as_ref().map(|state| state.directory.clone());
        if let Some(plugins) = &plugins {
            let drafts = std::mem::take(&mut self.drafts).into_iter();
            self.plugin_uses = drafts.map(|draft| draft.finish(plugins, directory.clone())).collect();
        }
        self.finish(&root);

        let (views, view_outlines) = self.with_default_view(views, &backend_outlines);
        let trust = plugins.as_ref().map(|plugins| plugins.trust);
        let whole = checks::Whole {
            addresses: &self.addresses,
            trust,
            views: &view_outlines,
            backends: &backend_outlines,
        };
        whole.check(&mut self.faults, &mut self.warnings);

        Some(Config {
            webhook: webhook?,
            admin: admin?,
            control: control?,
            shutdown: shutdown?,
            reload: reload?,
            log: log?,
            plugins: plugins?,
            state: state?,
            journal: journal?,
            views,
            backends,
        })
    }

    /// Whether the format is ours. The keys of another version can't be judged.
    fn version(&mut self, root: &mut Section<'_>) -> bool {
        let add = format!("begin the file with `version = {VERSION}`");
        let Some((path, value)) = root.take("version") else {
            self.faults.push(
                Finding::at(&KeyPath::of(&["version"]), "missing: the version of the file's format")
                    .from_layer(root.origin.clone())
                    .hint(add),
            );
            return true;
        };
        match self.value::<u32>(&path, value) {
            Some(VERSION) => {
                self.record(&path, &VERSION, Origin::of(value));
                true
            }
            Some(other) => {
                let ours = env!("CARGO_PKG_VERSION");
                self.faults.push(
                    Finding::at(
                        &path,
                        format!("zonemux {ours} reads version {VERSION} of the format, not {other}"),
                    )
                    .from_layer(Origin::of(value))
                    .hint("the rest of the configuration was not looked at"),
                );
                false
            }
            None => true,
        }
    }
}

/// The keys of a table in order, so that faults always come in the same order.
fn sorted(value: &Value) -> Vec<(&str, &Value)> {
    let ValueKind::Table(table) = &value.kind else {
        return Vec::new();
    };
    let mut entries: Vec<_> = table.iter().map(|(key, value)| (key.as_str(), value)).collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries
}
