//! Dependencies are declared once, in the `Cargo.toml` of a workspace, each with its reason above it.

use super::Document;

/// What others begin with, and what is never edited.
const EXEMPT: [&str; 2] = ["plugin-api/template", "fixtures"];

pub(super) fn check(document: &Document, faults: &mut Vec<String>) {
    let path = &document.path;
    let exempt = EXEMPT.iter().any(|folder| path.starts_with(folder));
    if path.file_name().is_none_or(|name| name != "Cargo.toml") || exempt {
        return;
    }
    reasons(document, faults);
    inherited(document, faults);
}

/// Each line of `[workspace.dependencies]` stands below a comment of its own, or below another crate of its
/// family (`clap`, `clap_complete`). Our own crates need no reason, and a heading (`# ---`) is none.
fn reasons(document: &Document, faults: &mut Vec<String>) {
    let mut above = "";
    for (number, section, line) in lines(&document.text) {
        if section == "[workspace.dependencies]"
            && let Some((name, value)) = entry(line)
        {
            let reason = above.starts_with('#') && !above.starts_with("# ---");
            let sibling = entry(above).is_some_and(|(elder, _)| family(elder) == family(name));
            if !reason && !sibling && !value.contains("path =") {
                faults.push(format!(
                    "{}:{number}: `{name}` has no comment above it that says why it is here",
                    document.path.display()
                ));
            }
        }
        above = line;
    }
}

/// Packages take every dependency from their workspace.
fn inherited(document: &Document, faults: &mut Vec<String>) {
    for (number, section, line) in lines(&document.text) {
        if section.ends_with("dependencies]")
            && section != "[workspace.dependencies]"
            && let Some((name, _)) = entry(line)
            && !line.replace(' ', "").contains("workspace=true")
        {
            faults.push(format!(
                "{}:{number}: `{name}` is not taken from [workspace.dependencies]",
                document.path.display()
            ));
        }
    }
}

/// Line number, the section it is in, the line.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    let mut section = "";
    text.lines().enumerate().map(move |(number, line)| {
        let line = line.trim();
        if line.starts_with('[') {
            section = line;
        }
        (number + 1, section, line)
    })
}

fn entry(line: &str) -> Option<(&str, &str)> {
    if line.starts_with('#') || line.starts_with('[') {
        return None;
    }
    line.split_once('=').map(|(name, value)| (name.trim().trim_end_matches(".workspace"), value))
}

fn family(name: &str) -> &str {
    name.split(['-', '_']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::{Document, check};

    fn faults(path: &str, text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        check(&Document { path: path.into(), text: text.to_owned() }, &mut faults);
        faults
    }

    #[test]
    fn a_dependency_without_a_reason_is_a_fault() {
        let text = "[workspace.dependencies]\n# --- data ---\nserde = \"1\"\n# The command line.\nclap = \"4\"\n\
                    clap_complete = \"4\"\nour = { path = \"our\" }\n[workspace.lints]\nx = \"warn\"\n";
        let found = faults("Cargo.toml", text);
        assert_eq!(found, ["Cargo.toml:3: `serde` has no comment above it that says why it is here"]);
    }

    #[test]
    fn members_inherit() {
        let text = "[package]\nname = \"x\"\n[dependencies]\nserde.workspace = true\n\
                    hyper = { workspace = true }\nlibc = \"0.2\"\n";
        assert_eq!(
            faults("daemon/Cargo.toml", text),
            ["daemon/Cargo.toml:6: `libc` is not taken from [workspace.dependencies]"]
        );
        assert_eq!(faults("plugin-api/template/Cargo.toml", text), Vec::<String>::new());
        let alone = "[dependencies]\na.workspace = true\n[workspace]\n[workspace.dependencies]\na = \"1\"\n";
        assert_eq!(
            faults("fuzz/Cargo.toml", alone),
            ["fuzz/Cargo.toml:5: `a` has no comment above it that says why it is here"]
        );
    }
}
