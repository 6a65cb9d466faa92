//! What holds for single files: their length, and words that have no place in them.

use super::Document;

/// A file has one subject; beyond this many lines it has two.
const LONGEST: usize = 400;
const SOURCES: [&str; 4] = ["rs", "go", "sh", "py"];
/// Folders of one machine, which mean nothing on another. Split, so that this file does not hold them.
const FORBIDDEN: [&str; 2] = [concat!("/", "work/"), concat!("/", "root/")];

pub(super) fn check(document: &Document, faults: &mut Vec<String>) {
    let path = document.path.display();
    let source = document.path.extension().is_some_and(|found| SOURCES.iter().any(|known| found == *known));
    let lines = document.text.lines().count();
    if source && lines > LONGEST {
        faults.push(format!("{path}: {lines} lines, {LONGEST} at most: split it by subject"));
    }
    for (number, line) in document.text.lines().enumerate() {
        for word in FORBIDDEN {
            if line.contains(word) {
                faults.push(format!("{path}:{}: `{word}` is a folder of one machine", number + 1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Document, FORBIDDEN, check};

    fn faults(path: &str, text: String) -> Vec<String> {
        let mut faults = Vec::new();
        check(&Document { path: path.into(), text }, &mut faults);
        faults
    }

    #[test]
    fn long_sources_and_local_paths_are_faults() {
        assert_eq!(faults("a.rs", "line\n".repeat(400)), Vec::<String>::new());
        assert_eq!(
            faults("a.rs", "line\n".repeat(401)),
            ["a.rs: 401 lines, 400 at most: split it by subject"]
        );
        assert_eq!(faults("data.json", "line\n".repeat(401)), Vec::<String>::new());
        let local = faults("a.md", format!("fine\nsee {}x", FORBIDDEN[0]));
        assert_eq!(local.len(), 1);
        assert!(local[0].starts_with("a.md:2: "), "{local:?}");
    }
}
