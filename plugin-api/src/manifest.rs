//! The manifest that `export_plugin!` writes into the file, readable without running it.

use serde::{Deserialize, Serialize};

/// What a plugin file says of itself. JSON in the ELF section
/// [`MANIFEST_SECTION`](crate::MANIFEST_SECTION), padded with spaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format; 1.
    pub manifest: u32,
    /// The package's name.
    pub name: String,
    /// The package's version.
    pub version: String,
    /// The package's description.
    #[serde(default)]
    pub description: String,
    /// The version of the plugin interface, such as `1.0.0`.
    pub abi: String,
    /// The version of the SDK.
    pub sdk: String,
    /// The compiler.
    pub rustc: String,
    /// The target triple.
    pub target: String,
    /// `unwind` or `abort`; the latter ends the process at the first panic.
    pub panic: String,
    /// Whether two instances can't be open at once, because it owns a port or a lock.
    #[serde(default)]
    pub exclusive: bool,
    /// Worker threads of its runtime.
    #[serde(default = "one")]
    pub workers: usize,
    /// Whether it may open sockets other than unix ones, where it runs in a process of its own.
    #[serde(default = "yes")]
    pub network: bool,
    /// Whether it may start other programs there.
    #[serde(default)]
    pub commands: bool,
    /// Dotted paths of the settings that are secret; `None`: not known, so all are treated as such.
    #[serde(default)]
    pub secret_settings: Option<Vec<String>>,
}

fn one() -> usize {
    1
}

/// A plugin that was built before it could be said.
fn yes() -> bool {
    true
}

/// What an author says of a plugin beyond its Cargo package, as the second argument of
/// [`export_plugin!`](crate::export_plugin).
#[derive(Debug, Clone, Copy)]
pub struct PluginOptions {
    /// It owns a port or a lock: the daemon closes one instance before it opens the next.
    pub exclusive: bool,
    /// Worker threads of its runtime, at least 1.
    pub workers: usize,
    /// It reaches its server over a network. Say `false` if it only has files or unix sockets: it then
    /// can't open any other, whatever happens to it.
    pub network: bool,
    /// It starts other programs, such as `rndc`: those of the system, and those that its settings name.
    /// Without this it can start no process at all, not even a copy of itself.
    pub commands: bool,
    /// Dotted paths of the settings that must not be shown; `None`: show none.
    pub secret_settings: Option<&'static [&'static str]>,
}

impl PluginOptions {
    /// Not exclusive, one worker, network but no commands, no setting shown.
    pub const DEFAULT: Self =
        Self { exclusive: false, workers: 1, network: true, commands: false, secret_settings: None };
}

/// Bytes of the section. Longer manifests fail to compile.
pub const MANIFEST_SIZE: usize = 2048;

/// The parts that only the author's crate knows.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    /// `CARGO_PKG_NAME`.
    pub name: &'static str,
    /// `CARGO_PKG_VERSION`.
    pub version: &'static str,
    /// `CARGO_PKG_DESCRIPTION`.
    pub description: &'static str,
    /// Whether the crate is compiled with `panic = "abort"`.
    pub aborts: bool,
}

/// Writes the manifest at compile time.
pub const fn encode(package: Package, options: PluginOptions) -> [u8; MANIFEST_SIZE] {
    let mut out = Writer { bytes: [b' '; MANIFEST_SIZE], length: 0 };
    out.raw("{\"manifest\":1,\"name\":");
    out.string(package.name);
    out.raw(",\"version\":");
    out.string(package.version);
    out.raw(",\"description\":");
    out.string(package.description);
    out.raw(",\"abi\":");
    out.string(zonemux_plugin_abi::VERSION);
    out.raw(",\"sdk\":");
    out.string(env!("CARGO_PKG_VERSION"));
    out.raw(",\"rustc\":");
    out.string(env!("ZONEMUX_RUSTC"));
    out.raw(",\"target\":");
    out.string(env!("ZONEMUX_TARGET"));
    out.raw(",\"panic\":");
    out.string(if package.aborts { "abort" } else { "unwind" });
    out.raw(if options.exclusive { ",\"exclusive\":true" } else { ",\"exclusive\":false" });
    out.raw(",\"workers\":");
    out.number(options.workers);
    out.raw(if options.network { ",\"network\":true" } else { ",\"network\":false" });
    out.raw(if options.commands { ",\"commands\":true" } else { ",\"commands\":false" });
    if let Some(paths) = options.secret_settings {
        out.raw(",\"secret_settings\":[");
        let mut index = 0;
        while index < paths.len() {
            if index > 0 {
                out.raw(",");
            }
            out.string(paths[index]);
            index += 1;
        }
        out.raw("]");
    }
    out.raw("}");
    out.bytes
}

struct Writer {
    bytes: [u8; MANIFEST_SIZE],
    length: usize,
}

impl Writer {
    const fn byte(&mut self, byte: u8) {
        assert!(self.length < MANIFEST_SIZE, "the plugin's manifest is too long: shorten the description");
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    const fn raw(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut index = 0;
        while index < bytes.len() {
            self.byte(bytes[index]);
            index += 1;
        }
    }

    const fn string(&mut self, text: &str) {
        self.byte(b'"');
        let bytes = text.as_bytes();
        let mut index = 0;
        while index < bytes.len() {
            match bytes[index] {
                byte @ (b'"' | b'\\') => {
                    self.byte(b'\\');
                    self.byte(byte);
                }
                // A line break in a multi-line description.
                0..=0x1f => self.byte(b' '),
                byte => self.byte(byte),
            }
            index += 1;
        }
        self.byte(b'"');
    }

    const fn number(&mut self, number: usize) {
        if number >= 10 {
            self.number(number / 10);
        }
        #[expect(clippy::cast_possible_truncation, reason = "a decimal digit")]
        self.byte(b'0' + (number % 10) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_json_whatever_the_description_holds() {
        let package = Package {
            name: "zonemux-x",
            version: "1.2.3",
            description: "says \"hello\\\"\nand more",
            aborts: false,
        };
        let options = PluginOptions {
            exclusive: true,
            workers: 12,
            network: false,
            commands: true,
            secret_settings: Some(&["token", "tsig.secret"]),
        };
        let manifest: Manifest = serde_json::from_slice(&encode(package, options)).unwrap();
        assert_eq!(manifest.description, "says \"hello\\\" and more");
        assert_eq!((manifest.exclusive, manifest.workers, manifest.panic.as_str()), (true, 12, "unwind"));
        assert_eq!((manifest.network, manifest.commands), (false, true));
        assert_eq!(manifest.secret_settings.unwrap(), ["token", "tsig.secret"]);
        assert_eq!(manifest.abi, zonemux_plugin_abi::VERSION);
    }

    #[test]
    fn without_a_list_of_secrets_every_setting_counts_as_one() {
        let package = Package { name: "x", version: "0", description: "", aborts: true };
        let manifest: Manifest = serde_json::from_slice(&encode(package, PluginOptions::DEFAULT)).unwrap();
        assert_eq!((manifest.secret_settings, manifest.panic.as_str()), (None, "abort"));
    }

    #[test]
    fn a_manifest_from_before_these_keys_has_network_and_no_commands() {
        let package = Package { name: "x", version: "0", description: "", aborts: false };
        let mut old: serde_json::Value =
            serde_json::from_slice(&encode(package, PluginOptions::DEFAULT)).unwrap();
        let keys = old.as_object_mut().unwrap();
        assert!(keys.remove("network").is_some() && keys.remove("commands").is_some());
        let manifest: Manifest = serde_json::from_value(old).unwrap();
        assert_eq!((manifest.network, manifest.commands), (true, false));
    }
}
