//! From a plugin's name in the configuration to a file.

use std::path::{Path, PathBuf};

use super::error::{PluginError, Refusal};
use crate::config::PluginReference;

/// The file behind a reference: a path is taken as it is; a name is looked for in each folder as
/// `libzonemux_NAME.so`, then as `NAME.so`.
pub fn locate(reference: &PluginReference, folders: &[PathBuf]) -> Result<PathBuf, PluginError> {
    match reference {
        PluginReference::File(path) | PluginReference::Program(path) => Ok(path.clone()),
        PluginReference::Name(name) => {
            let tried = candidates(reference, folders);
            match tried.iter().find(|path| path.exists()) {
                Some(found) => Ok(found.clone()),
                None => Err(PluginError::new(name, Refusal::NotFound { tried })),
            }
        }
    }
}

/// Every path that a reference may lead to, in the order in which they are tried.
pub fn candidates(reference: &PluginReference, folders: &[PathBuf]) -> Vec<PathBuf> {
    match reference {
        PluginReference::File(path) | PluginReference::Program(path) => vec![path.clone()],
        PluginReference::Name(name) => folders.iter().flat_map(|folder| in_folder(folder, name)).collect(),
    }
}

fn in_folder(folder: &Path, name: &str) -> [PathBuf; 2] {
    // A crate's library has underscores where its name has hyphens.
    let library = name.replace('-', "_");
    [folder.join(format!("libzonemux_{library}.so")), folder.join(format!("{name}.so"))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_searched_in_order_and_every_path_is_named() {
        let first = tempfile::tempdir().unwrap();
        let second = tempfile::tempdir().unwrap();
        let folders = [first.path().to_owned(), second.path().to_owned()];
        let name = PluginReference::Name("my-dns".into());

        let error = locate(&name, &folders).unwrap_err();
        let tried = match &error.reason {
            Refusal::NotFound { tried } => tried.clone(),
            other => panic!("{other:?}"),
        };
        let expected = [
            first.path().join("libzonemux_my_dns.so"),
            first.path().join("my-dns.so"),
            second.path().join("libzonemux_my_dns.so"),
            second.path().join("my-dns.so"),
        ];
        assert_eq!(tried, expected);
        assert!(expected.iter().all(|path| error.to_string().contains(&*path.to_string_lossy())));

        std::fs::write(second.path().join("libzonemux_my_dns.so"), "").unwrap();
        assert_eq!(locate(&name, &folders).unwrap(), expected[2]);
        std::fs::write(first.path().join("my-dns.so"), "").unwrap();
        assert_eq!(locate(&name, &folders).unwrap(), expected[1]);
    }
}
