//! `zonemux completions`: a script for a shell.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Arguments, Exit};

/// Writes the completion script for `shell`.
pub fn completions(shell: Shell, out: &mut impl Write) -> io::Result<Exit> {
    // Into memory first: the generator panics where it can't write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "zonemux", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_has_a_script_with_every_command() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let mut script = Vec::new();
            assert_eq!(completions(shell, &mut script).unwrap(), Exit::Ok);
            let script = String::from_utf8(script).unwrap();
            for command in ["serve", "check", "config", "status", "plugin", "completions", "man"] {
                assert!(script.contains(command), "{shell}: {command}");
            }
        }
    }
}
