//! `zonemux man`: manual pages from the definitions of the command line.

use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;

use super::{Arguments, Exit};

/// Writes zonemux(1) in roff, or the pages of all commands into `directory`.
pub fn man(directory: Option<&Path>, out: &mut impl Write) -> io::Result<Exit> {
    match directory {
        Some(directory) => {
            std::fs::create_dir_all(directory)?;
            clap_mangen::generate_to(Arguments::command(), directory)?;
        }
        None => clap_mangen::Man::new(Arguments::command()).render(out)?,
    }
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_commands() {
        let mut page = Vec::new();
        assert_eq!(man(None, &mut page).unwrap(), Exit::Ok);
        let page = String::from_utf8(page).unwrap();
        assert!(page.contains(".TH zonemux 1"), "{page}");
        for command in ["serve", "check", "config", "status", "plugin", "completions", "man"] {
            assert!(page.contains(&format!("zonemux\\-{command}(1)")), "{command}");
        }
    }

    #[test]
    fn every_command_gets_a_page() {
        let directory = tempfile::tempdir().unwrap();
        let pages = directory.path().join("man1");
        man(Some(&pages), &mut Vec::new()).unwrap();
        for page in ["zonemux.1", "zonemux-config-show.1", "zonemux-plugin-inspect.1"] {
            assert!(pages.join(page).is_file(), "{page}");
        }
    }
}
