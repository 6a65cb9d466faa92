//! The few facts about `config.example.toml` that the tasks need. The daemon reads it properly.

use std::path::Path;

use crate::failure::{At, Failure, Outcome};

/// The backend in the example.
pub(crate) const BACKEND: &str = "lab";

/// The first `host:port` in `listen` of `[section]`, with the environment's override before the file's value,
/// and with `localhost`'s address where the daemon listens on every one.
pub(crate) fn address(config: &Path, section: &str) -> Outcome<String> {
    let variable = format!("ZONEMUX__{}__LISTEN", section.to_uppercase().replace('.', "__"));
    let list = match std::env::var(&variable) {
        Ok(value) => Some(value),
        Err(_) => listen(&std::fs::read_to_string(config).at("read", config)?, section),
    };
    let first = list.as_deref().and_then(quoted).ok_or_else(|| {
        Failure::new(format!("{} has no `listen` with an address in [{section}]", config.display()))
    })?;
    Ok(match first.rsplit_once(':') {
        Some(("[::]" | "0.0.0.0", port)) => format!("127.0.0.1:{port}"),
        _ => first.to_owned(),
    })
}

/// The value of `listen` in `[section]`, as far as it stands on one line: the one in force, else the
/// default that the example shows as `#listen = …`.
fn listen(text: &str, section: &str) -> Option<String> {
    let heading = format!("[{section}]");
    let lines = text.lines().map(str::trim).skip_while(|line| !line.starts_with(&heading)).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let value = |key: &str| {
        lines
            .clone()
            .find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='))
            .map(str::to_owned)
    };
    value("listen").or_else(|| value("#listen"))
}

/// The first string in double quotes.
fn quoted(list: &str) -> Option<&str> {
    list.split('"').nth(1)
}

#[cfg(test)]
mod tests {
    use super::{listen, quoted};

    const TEXT: &str = r#"
# [webhook] listen = "nowhere"
[webhook]   # the ExternalDNS side
# listen = ["127.0.0.1:1"]
listen = ["127.0.0.1:8888", "[::1]:8888"]
[admin]
max = 1
listen=["[::]:8080"]
[shown]
#listen = ["[::]:9090"]
"#;

    #[test]
    fn the_first_address_of_a_section_is_found() {
        assert_eq!(listen(TEXT, "webhook").as_deref().and_then(quoted), Some("127.0.0.1:8888"));
        assert_eq!(listen(TEXT, "admin").as_deref().and_then(quoted), Some("[::]:8080"));
        assert_eq!(listen(TEXT, "shown").as_deref().and_then(quoted), Some("[::]:9090"));
        assert_eq!(listen(TEXT, "control"), None);
    }
}
