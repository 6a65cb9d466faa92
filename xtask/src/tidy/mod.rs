//! `cargo xtask tidy`: the conventions of this repository that no other tool checks.

mod dependencies;
mod documents;
mod files;

use std::path::{Path, PathBuf};

use crate::failure::{At, Failure, Outcome};
use crate::repository::Repository;
use crate::terminal;

/// Folders that hold what was built or what a running daemon keeps.
const SKIPPED: [&str; 3] = ["target", ".git", "var"];

/// A file of the repository with its text.
#[derive(Debug)]
pub(crate) struct Document {
    /// Relative to the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

pub(crate) fn run(repository: &Repository) -> Outcome {
    let mut documents = Vec::new();
    collect(repository.root(), Path::new(""), &mut documents)?;
    documents.sort_by(|left, right| left.path.cmp(&right.path));

    let mut faults = Vec::new();
    for document in &documents {
        files::check(document, &mut faults);
        dependencies::check(document, &mut faults);
    }
    documents::check(repository.root(), &documents, &mut faults);

    for fault in &faults {
        terminal::line(fault);
    }
    match faults.len() {
        0 => {
            terminal::line(&format!("{} files are tidy", documents.len()));
            Ok(())
        }
        1 => Err(Failure::new("1 fault, see above")),
        many => Err(Failure::new(format!("{many} faults, see above"))),
    }
}

/// Every text file below `folder`; what is not UTF-8 is data and left alone.
fn collect(root: &Path, folder: &Path, documents: &mut Vec<Document>) -> Outcome {
    let absolute = root.join(folder);
    for entry in std::fs::read_dir(&absolute).at("read", &absolute)? {
        let entry = entry.at("read", &absolute)?;
        let path = folder.join(entry.file_name());
        let kind = entry.file_type().at("examine", &entry.path())?;
        if kind.is_dir() {
            if !SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
                collect(root, &path, documents)?;
            }
        } else if kind.is_file()
            && entry.file_name() != ".git"
            && let Ok(text) = std::fs::read_to_string(entry.path())
        {
            documents.push(Document { path, text });
        }
    }
    Ok(())
}
