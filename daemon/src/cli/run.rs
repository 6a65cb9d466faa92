//! From arguments to a command.

use std::io::{self, Write};

use super::{Arguments, Command, ConfigCommand, Exit, OwnershipCommand, PluginCommand, write_findings};
use super::{check, completions, config_show, history, man, ownership, plugin, serve, status};
use crate::assemble;
use crate::config::{BackendName, ConfigErrors, Environment, Loaded, Purpose, Request, load};

/// Runs what the arguments ask for.
pub fn run(arguments: &Arguments, out: &mut impl Write, err: &mut impl Write) -> Exit {
    let result = match arguments.command.clone().unwrap_or_default() {
        Command::Serve => read(arguments, Purpose::Serve).and_then(|outcome| serve::serve(outcome, err)),
        Command::Check { probe } => read(arguments, Purpose::Check)
            .and_then(|outcome| check::check(&outcome, probe, arguments.output, out, err)),
        Command::Config(ConfigCommand::Show) => read(arguments, Purpose::Check).and_then(|outcome| {
            let secret_settings = |backend: &BackendName| secret_settings(&outcome, backend);
            config_show::config_show(&outcome, secret_settings, arguments.output, out, err)
        }),
        Command::Status => read(arguments, Purpose::Inspect)
            .and_then(|outcome| status::status(&outcome, arguments.output, out, err)),
        Command::History(wanted) => read(arguments, Purpose::Inspect)
            .and_then(|outcome| history::history(&outcome, &wanted, arguments.output, out, err)),
        Command::Ownership(command) => read(arguments, Purpose::Inspect).and_then(|outcome| match outcome {
            Ok(loaded) => match command {
                OwnershipCommand::Export { backend } => {
                    ownership::export(&loaded, backend.as_deref(), out, err)
                }
                OwnershipCommand::Import { file, force } => {
                    ownership::import(&loaded, &file, force, arguments.output, out, err)
                }
            },
            Err(errors) => write_findings(&errors.faults, &errors.warnings, err).map(|()| Exit::Config),
        }),
        Command::Plugin(PluginCommand::List) => read(arguments, Purpose::Inspect)
            .and_then(|outcome| plugin::list(&outcome, arguments.output, out, err)),
        Command::Plugin(PluginCommand::Inspect { file }) => {
            plugin::inspect(&file, arguments.output, out, err)
        }
        Command::Plugin(PluginCommand::Schema { file }) => plugin::schema(&file, out, err),
        Command::Completions { shell } => completions::completions(shell, out),
        Command::Man { directory } => man::man(directory.as_deref(), out),
    };
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

fn read(arguments: &Arguments, purpose: Purpose) -> io::Result<Result<Loaded, ConfigErrors>> {
    let environment = Environment::of_process()?;
    Ok(load(&Request { file: arguments.config.clone(), environment, purpose }))
}

/// What a backend's plugin calls secret, read from its file without running it.
fn secret_settings(outcome: &Result<Loaded, ConfigErrors>, backend: &BackendName) -> Option<Vec<String>> {
    let config = &outcome.as_ref().ok()?.config;
    let image = assemble::image(config, config.backends.get(backend)?).ok()?;
    image.manifest.secret_settings
}
