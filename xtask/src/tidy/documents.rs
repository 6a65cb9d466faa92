//! Markdown that cannot rot unseen: links lead somewhere, and every document is reachable from an index.

use std::path::{Component, Path, PathBuf};

use super::Document;

const INDEX: &str = "README.md";

pub(super) fn check(root: &Path, documents: &[Document], faults: &mut Vec<String>) {
    let markdown: Vec<&Document> = documents
        .iter()
        .filter(|document| document.path.extension().is_some_and(|found| found == "md"))
        .collect();
    let mut indexed = Vec::new();
    for document in &markdown {
        let folder = document.path.parent().unwrap_or(Path::new(""));
        let index = document.path.file_name().is_some_and(|name| name == INDEX);
        for (number, link) in links(&document.text) {
            let target = normal(&folder.join(link));
            if !root.join(&target).exists() {
                faults.push(format!("{}:{number}: `{link}` leads nowhere", document.path.display()));
            }
            if index {
                indexed.push(target);
            }
        }
    }
    for document in markdown.iter().filter(|document| document.path.starts_with("docs")) {
        let folder = document.path.parent().map(Path::to_owned);
        let found = indexed.iter().any(|target| {
            *target == document.path || (ends_in_index(&document.path) && folder.as_ref() == Some(target))
        });
        if !found {
            faults.push(format!("{}: no {INDEX} links to it", document.path.display()));
        }
    }
}

fn ends_in_index(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == INDEX)
}

/// Relative links of a document with their line numbers, without the part behind `#`. Blocks of code are
/// left out: what looks like a link there is none.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut code = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        if code {
            continue;
        }
        for rest in line.split("](").skip(1) {
            let link = rest.split([')', '#', ' ']).next().unwrap_or_default();
            if !link.is_empty() && !link.contains(':') {
                found.push((number + 1, link));
            }
        }
    }
    found
}

/// Takes `a/../` out of a path, without asking the file system.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::{Document, check, links};
    use std::path::Path;

    fn faults(documents: &[(&str, &str)]) -> Vec<String> {
        let documents: Vec<Document> = documents
            .iter()
            .map(|(path, text)| Document { path: path.into(), text: (*text).to_owned() })
            .collect();
        let mut faults = Vec::new();
        // Only links that leave the given documents ask the file system; these tests have none but `gone.md`.
        check(Path::new("/nonexistent"), &documents, &mut faults);
        faults.retain(|fault| !fault.contains("leads nowhere") || fault.contains("gone.md"));
        faults
    }

    #[test]
    fn a_document_needs_an_index_that_links_to_it() {
        assert_eq!(
            faults(&[
                ("README.md", "[d](docs/README.md)"),
                ("docs/README.md", "[a](a.md)"),
                ("docs/a.md", "")
            ]),
            Vec::<String>::new()
        );
        assert_eq!(
            faults(&[("README.md", "[d](docs/)"), ("docs/README.md", ""), ("docs/a.md", "")]),
            ["docs/a.md: no README.md links to it"]
        );
    }

    #[test]
    fn a_dead_link_is_a_fault_with_its_line() {
        assert_eq!(faults(&[("a.md", "\n[x](gone.md#part)")]), ["a.md:2: `gone.md` leads nowhere"]);
    }

    #[test]
    fn code_and_the_web_hold_no_relative_links() {
        let text = "[a](b.md) [c](https://example.org)\n```\n[d](e.md)\n```\n[f](#g)";
        assert_eq!(links(text), [(1, "b.md")]);
    }
}
