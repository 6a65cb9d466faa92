//! Every built-in default, each written once, in the words of the configuration file.

/// The first layer.
pub(super) const CONFIGURATION: &str = r#"
[webhook]
listen = ["127.0.0.1:8888", "[::1]:8888"]
max_body = "32MiB"
deadline = "12s"
gzip = "auto"
socket_mode = "0660"

[admin]
listen = ["[::]:8080"]

[control]
listen = "unix:/run/zonemux/control.sock"

[shutdown]
grace = "25s"

[reload]
watch = false

[log]
level = "info"
format = "auto"

[plugins]
path = ["/usr/lib/zonemux/plugins"]
isolation = "process"
trust = "owner"

[state]
directory = "/var/lib/zonemux"

[journal]
max_size = "64MiB"
keep = 4
"#;

/// What a backend has that the file does not give it. Its isolation is that of `[plugins]`.
pub(super) const BACKEND: &str = r#"
mirrors = []
mirror_required = false
timeout = "10s"
list_timeout = "2m"
apply_timeout = "5m"
ownership = "auto"
max_stale = "24h"
memory_limit = "256MiB"
guards = { read_only = false, dry_run = false, max_deletes = "30%", min_records = 10, types = [], protect = [] }
quarantine = { retry = "10m" }
breaker = { failures = 5, cooldown = "30s" }
"#;

/// What a view has that the file does not give it.
pub(super) const VIEW: &str = r#"
path = "/"
"#;

/// The file that is read when no other is named.
pub(crate) const FILE: &str = "/etc/zonemux/config.toml";
