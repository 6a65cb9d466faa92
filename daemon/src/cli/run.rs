//! From arguments to a command.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use tokio::runtime::Builder;

use super::{Arguments, Command, ConfigCommand, Exit, OwnershipCommand, PluginCommand, write_findings};
use super::{Place, export, import, records, release, reload, serve, status};
use super::{changes, check, completions, config_show, history, man, ownership, plugin};
use crate::config::{
    BackendName, ConfigErrors, DescribedSettings, Environment, Loaded, Purpose, Request, load,
};
use crate::generation;

/// Runs what the arguments ask for.
pub fn run(arguments: &Arguments, out: &mut impl Write, err: &mut impl Write) -> Exit {
    let result = dispatch(arguments, out, err);
    match result.and_then(|exit| out.flush().map(|()| exit)) {
        Ok(exit) => exit,
        // The reader went away, as `zonemux config show | head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
        Err(error) => {
            // Nothing is left to tell it to where this fails as well.
            let _told = writeln!(err, "error: {error}");
            Exit::Failure
        }
    }
}

fn dispatch(arguments: &Arguments, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    let output = arguments.output;
    match arguments.command.clone().unwrap_or_default() {
        Command::Serve => {
            let request = request(arguments, Purpose::Serve)?;
            match load(&request) {
                Ok(loaded) => serve::serve(request, loaded, err),
                Err(errors) => check::refuse(&errors, err),
            }
        }
        Command::Check { probe } => check::check(&read(arguments, Purpose::Check)?, probe, output, out, err),
        Command::Config(ConfigCommand::Show) => {
            valid(read(arguments, Purpose::Check)?, err, |loaded, err| {
                let described = described(&loaded)?;
                let described = |backend: &BackendName| described.get(backend).cloned();
                config_show::config_show(&loaded, described, output, out, err)
            })
        }
        Command::Records(wanted) => {
            at_place(arguments, err, |place, err| records::records(place, &wanted, output, out, err))
        }
        Command::Export(wanted) => {
            at_place(arguments, err, |place, err| export::export(place, &wanted, out, err))
        }
        Command::Import(wanted) => {
            at_place(arguments, err, |place, err| import::import(place, &wanted, output, out, err))
        }
        Command::Plan(file) => {
            at_place(arguments, err, |place, err| changes::plan(place, &file, output, out, err))
        }
        Command::Apply { changes: file, allow_deletes } => at_place(arguments, err, |place, err| {
            changes::apply(place, &file, allow_deletes, output, out, err)
        }),
        Command::Release { backend, dry_run } => at_place(arguments, err, |place, err| {
            release::release(place, &backend, dry_run, output, out, err)
        }),
        Command::Status => status::status(&read(arguments, Purpose::Inspect)?, output, out, err),
        Command::History(wanted) => valid(read(arguments, Purpose::Inspect)?, err, |loaded, err| {
            history::history(&loaded, &wanted, output, out, err)
        }),
        Command::Ownership(command) => {
            valid(read(arguments, Purpose::Inspect)?, err, |loaded, err| match command {
                OwnershipCommand::Export { backend } => {
                    ownership::export(&loaded, backend.as_deref(), out, err)
                }
                OwnershipCommand::Import { file, force } => {
                    ownership::import(&loaded, &file, force, output, out, err)
                }
            })
        }
        Command::Reload => reload::reload(&read(arguments, Purpose::Inspect)?, output, out, err),
        Command::Plugin(PluginCommand::List) => {
            valid(read(arguments, Purpose::Inspect)?, err, |loaded, err| {
                plugin::list(&loaded, output, out, err)
            })
        }
        Command::Plugin(PluginCommand::Inspect { file }) => plugin::inspect(&file, output, out, err),
        Command::Plugin(PluginCommand::Schema { file }) => plugin::schema(&file, out, err),
        Command::Completions { shell } => completions::completions(shell, out),
        Command::Man { directory } => man::man(directory.as_deref(), out),
    }
}

/// Runs a command that needs a valid configuration. Where there is none, its faults are the answer.
fn valid<W: Write>(
    outcome: Result<Loaded, ConfigErrors>,
    err: &mut W,
    command: impl FnOnce(Loaded, &mut W) -> io::Result<Exit>,
) -> io::Result<Exit> {
    match outcome {
        Ok(loaded) => command(loaded, err),
        Err(errors) => {
            write_findings(&errors.faults, &errors.warnings, err)?;
            Ok(Exit::Config)
        }
    }
}

/// Runs a command that a daemon does, and this process where none runs.
fn at_place<W: Write>(
    arguments: &Arguments,
    err: &mut W,
    command: impl FnOnce(&Place<'_>, &mut W) -> io::Result<Exit>,
) -> io::Result<Exit> {
    valid(read(arguments, Purpose::Inspect)?, err, |loaded, err| {
        let with_secrets = || read(arguments, Purpose::Serve);
        command(&Place { loaded: &loaded, with_secrets: &with_secrets }, err)
    })
}

fn request(arguments: &Arguments, purpose: Purpose) -> io::Result<Request> {
    let environment = Environment::of_process()?;
    Ok(Request { file: arguments.config.clone(), environment, purpose })
}

fn read(arguments: &Arguments, purpose: Purpose) -> io::Result<Result<Loaded, ConfigErrors>> {
    Ok(load(&request(arguments, purpose)?))
}

/// What the plugins say of the settings that they are given. A schema is made by a plugin's own code, which
/// is loaded for that, and not told the settings.
fn described(loaded: &Loaded) -> io::Result<BTreeMap<BackendName, DescribedSettings>> {
    let mut uses = loaded.config.plugin_uses();
    uses.retain(|used| !used.settings.is_empty());
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let described = runtime.block_on(generation::describe(uses, &Arc::default()));
    // A plugin that hangs must not keep the process.
    runtime.shutdown_background();
    Ok(described)
}
