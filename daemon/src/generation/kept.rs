//! Which backends go on as they are when the configuration is read anew.

use crate::config;

/// Whether an open instance made for `before` does for `after` as well, if the plugin's file is the same.
///
/// What a plugin or its [`Backend`](crate::backend::Backend) was told when it was made must be equal.
/// The rest is policy of the daemon's own, which each generation applies anew.
pub fn same_instance(before: &config::Backend, after: &config::Backend) -> bool {
    // Without `..`: whoever adds a key decides here on which side it stands.
    let config::Backend {
        zones,
        isolation,
        timeout,
        list_timeout,
        apply_timeout,
        memory_limit,
        settings,
        // What counts is the file's content, and that it is trusted now.
        plugin: _,
        sha256: _,
        // Policy.
        mirrors: _,
        mirror_required: _,
        ownership: _,
        max_stale: _,
        guards: _,
        quarantine: _,
        breaker: _,
        ttl: _,
    } = before;
    *zones == after.zones
        && *isolation == after.isolation
        && *timeout == after.timeout
        && *list_timeout == after.list_timeout
        && *apply_timeout == after.apply_timeout
        && *memory_limit == after.memory_limit
        && *settings == after.settings
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{BackendName, load_text};

    fn backend(keys: &str, settings: &str) -> config::Backend {
        let text = format!(
            "version = 1\n[backends.lan]\nplugin = \"memory\"\nzones = [\"example.org\"]\n{keys}\n\
             [backends.lan.settings]\n{settings}\n"
        );
        let loaded = load_text(Path::new("/etc/zonemux/config.toml"), &text).unwrap();
        let lan: BackendName = "lan".parse().unwrap();
        loaded.config.backends[&lan].clone()
    }

    #[test]
    fn what_a_plugin_was_told_makes_another_instance() {
        let before = backend("", "token = \"hunter2\"\n# a comment");
        assert!(same_instance(&before, &backend("", "token = \"hunter2\"")));
        assert!(!same_instance(&before, &backend("", "token = \"hunter3\"")));
        assert!(!same_instance(&before, &backend("", "")));
        for key in ["timeout = \"11s\"", "list_timeout = \"1m\"", "apply_timeout = \"1m\""] {
            assert!(!same_instance(&before, &backend(key, "token = \"hunter2\"")), "{key}");
        }
    }

    #[test]
    fn policy_and_pins_do_not() {
        let before = backend("", "");
        let digest = "0".repeat(64);
        assert!(same_instance(&before, &backend(&format!("sha256 = \"{digest}\""), "")));
        let mut after = before.clone();
        after.guards.read_only = true;
        after.max_stale = "1h".parse().unwrap();
        assert!(same_instance(&before, &after));
    }
}
