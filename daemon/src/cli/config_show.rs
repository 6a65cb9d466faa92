//! `zonemux config show`: every value in force, with where it came from.

use std::fmt::Write as _;
use std::io::{self, Write};

use clap::builder::styling::{Effects, Style};
use serde_json::{Value, json};

use super::{Exit, Output, write_findings};
use crate::config::{BackendName, DescribedSettings, Effective, Layer, Loaded};

const ORIGIN: Style = Style::new().effects(Effects::DIMMED);

/// Writes the values to `out`, and warnings to `err`.
///
/// `described` tells what a backend's plugin says of its settings (see [`Loaded::effective`]); nothing
/// where the plugin is not known.
pub fn config_show(
    loaded: &Loaded,
    described: impl Fn(&BackendName) -> Option<DescribedSettings>,
    output: Output,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    write_findings(&[], &loaded.warnings, err)?;
    let values = loaded.effective(described);
    match output {
        Output::Text => {
            for Effective { key, value, is_redacted, origins } in &values {
                let shown = match value {
                    Value::String(text) if *is_redacted => text.clone(),
                    value => toml_value(value),
                };
                let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
                writeln!(out, "{key} = {shown} {ORIGIN}({}){ORIGIN:#}", origins.join(", then "))?;
            }
        }
        Output::Json => {
            let values: Vec<Value> = values.iter().map(value_json).collect();
            writeln!(out, "{:#}", Value::Array(values))?;
        }
    }
    Ok(Exit::Ok)
}

fn value_json(effective: &Effective) -> Value {
    json!({
        "key": effective.key.to_string(),
        "value": effective.value,
        "redacted": effective.is_redacted,
        "origins": effective.origins.iter().map(Layer::from).collect::<Vec<_>>(),
    })
}

/// A value as one would write it in the file.
fn toml_value(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(toml_value).collect::<Vec<_>>().join(", ")),
        Value::Object(table) => {
            let entries: Vec<String> =
                table.iter().map(|(key, value)| format!("{} = {}", quoted(key), toml_value(value))).collect();
            if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A basic string of TOML. No control character is left that a terminal would obey.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // Writing to a text can't fail.
            c if c.is_control() => drop(write!(quoted, "\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_like_toml() {
        let value = json!(["a \"b\" \\", 3, true, 1.5, {}, { "k": "\u{1b}[31m\u{9b}\n" }, []]);
        let text = toml_value(&value);
        assert_eq!(text, r#"["a \"b\" \\", 3, true, 1.5, {}, { "k" = "\u001B[31m\u009B\n" }, []]"#);
    }
}
