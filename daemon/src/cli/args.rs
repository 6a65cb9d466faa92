//! Commands and flags. Help, completions and man pages are made from these definitions.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::Exit;

/// One daemon between ExternalDNS and all of a site's DNS.
///
/// zonemux speaks the ExternalDNS webhook protocol on one side and drives any number of DNS backends on
/// the other, each a plugin that is loaded at run time.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "zonemux", version, after_help = EXIT_STATUS, subcommand_value_name = "COMMAND")]
pub struct Arguments {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "The configuration file [default: $ZONEMUX_CONFIG, else /etc/zonemux/config.toml]"
    )]
    pub config: Option<PathBuf>,

    /// The form in which a command prints data.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,

    /// What to do; `serve` where none is named.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXIT_STATUS: &str =
    "Exit status: 0 success, 1 failure at run time, 64 wrong usage, 78 wrong configuration.";

/// The form in which a command prints data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Default, Subcommand)]
pub enum Command {
    /// Run the daemon (the default).
    #[default]
    Serve,
    /// Check the configuration and the plugins, and report every fault.
    ///
    /// Outside the systemd unit its credentials are missing; that is only a warning here.
    Check {
        /// Also open each backend and list its zones.
        #[arg(long)]
        probe: bool,
    },
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print what a backend or a view has, fresh from the backends.
    Records(super::records::Wanted),
    /// Print what a backend or a view has as a zone file, fresh from the backends.
    ///
    /// It has neither SOA nor the NS of the apex, which are the server's own. Records that can't stand in a
    /// zone file are in it as comments; then the exit status is 1.
    Export(super::export::Exported),
    /// Write the records of a zone file, through the guards and into the journal.
    ///
    /// What is there already stays; what is there and differs makes it end with 1 before anything is written,
    /// but for `--replace`. Nothing is deleted. SOA, the NS of the apex and DNSSEC's records are left out.
    /// Exit status: 0 all of it is so now, 3 a guard is against some of it, 1 something else was not done.
    Import(super::import::ZoneFile),
    /// Say what a changes file would do, guards included; nothing is written.
    ///
    /// Exit status: 0 nothing to do, 2 there are changes, 3 a guard is against some of them.
    Plan(super::changes::ChangesFile),
    /// Do what a changes file says, through the guards and into the journal.
    ///
    /// Every change is compared with a fresh list first: a record that is not as `updateOld` or
    /// `delete` says is left as it is. Exit status: 0 all of it is so now, 3 a guard is against some of
    /// it, 1 something else was not done.
    Apply {
        /// The changes.
        #[command(flatten)]
        changes: super::changes::ChangesFile,
        /// Delete more than `guards.max_deletes` lets through, for this once.
        #[arg(long)]
        allow_deletes: bool,
    },
    /// Ask a running daemon how it is; exit 0 when all of it is up.
    Status,
    /// Let through what the deletion guard holds of a backend at this moment, for 24 hours.
    ///
    /// Nothing is deleted by this: it happens when ExternalDNS asks for it again.
    Release {
        /// The backend.
        backend: String,
        /// Only print what is held.
        #[arg(long)]
        dry_run: bool,
    },
    /// Have a running daemon read its configuration anew, and print what comes of it.
    ///
    /// The same as SIGHUP, which waits for nothing. Where anything is wrong, nothing changes, every fault
    /// is printed, and the exit code is 78.
    Reload,
    /// Print what was to be changed and what became of it, oldest first.
    History(super::history::Wanted),
    /// Give out or take over the ownership records that zonemux keeps for backends.
    #[command(subcommand)]
    Ownership(OwnershipCommand),
    /// Look at plugins.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page.
    Man {
        /// Write the page of every command into this folder instead.
        #[arg(long, value_name = "FOLDER")]
        directory: Option<PathBuf>,
    },
}

/// What to do with the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Print every value in force and where it came from; secrets are redacted.
    ///
    /// So is every setting that its plugin does not know, since it may be a secret with a misspelt key. To
    /// tell, plugins are loaded, as `check` does.
    Show,
}

/// What to do with the ownership records that are kept for backends.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum OwnershipCommand {
    /// Print them as a JSON document.
    Export {
        /// Only those of this backend.
        #[arg(long, value_name = "BACKEND")]
        backend: Option<String>,
    },
    /// Take over the records of such a document; nothing is stored unless all of it is right.
    ///
    /// Records that are here and not in the document stay. One that is in both takes the document's
    /// text. Where that names another owner, nothing is stored without `--force`.
    Import {
        /// The document; `-` reads it from standard input.
        file: PathBuf,
        /// Overwrite records that name another owner.
        #[arg(long)]
        force: bool,
    },
}

/// What to do with plugins.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum PluginCommand {
    /// List the plugins on the search path.
    List,
    /// Print a plugin's manifest without running it.
    Inspect {
        /// The plugin's file.
        file: PathBuf,
    },
    /// Print the JSON Schema of a plugin's settings.
    Schema {
        /// The plugin's file.
        file: PathBuf,
    },
}

/// Reads the command line, the program's name first. Help and version go to `out`, a fault to `err`;
/// then there is nothing to do but to exit.
pub fn parse<I>(arguments: I, out: &mut impl Write, err: &mut impl Write) -> Result<Arguments, Exit>
where
    I: IntoIterator,
    I::Item: Into<OsString> + Clone,
{
    Arguments::try_parse_from(arguments).map_err(|error| {
        let message = error.render();
        let (written, exit) = match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                (write!(out, "{}", message.ansi()), Exit::Ok)
            }
            // clap's own code for this, 2, would be taken for "there are changes" of `plan`.
            _ => (write!(err, "{}", message.ansi()), Exit::Usage),
        };
        if written.is_err() { Exit::Failure } else { exit }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn flags_stand_before_or_after_the_command() {
        let parse = |line: &str| parse(line.split(' '), &mut Vec::new(), &mut Vec::new()).unwrap();
        let before = parse("zonemux --config a.toml --output json config show");
        assert_eq!(before, parse("zonemux config show --config a.toml --output json"));
        assert_eq!(before.command, Some(Command::Config(ConfigCommand::Show)));
        assert_eq!(parse("zonemux").command.unwrap_or_default(), Command::Serve);
    }

    #[test]
    fn wrong_usage_is_64_and_help_is_not() {
        let run = |line: &str| {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let exit = parse(line.split(' '), &mut out, &mut err).unwrap_err();
            (exit, !out.is_empty(), !err.is_empty())
        };
        assert_eq!(run("zonemux --help"), (Exit::Ok, true, false));
        assert_eq!(run("zonemux --version"), (Exit::Ok, true, false));
        assert_eq!(run("zonemux sevre"), (Exit::Usage, false, true));
        assert_eq!(run("zonemux --bogus"), (Exit::Usage, false, true));
        assert_eq!(run("zonemux plugin"), (Exit::Usage, false, true));
        assert_eq!(run("zonemux plugin inspect"), (Exit::Usage, false, true));
        assert_eq!(run("zonemux --output yaml"), (Exit::Usage, false, true));
    }
}
