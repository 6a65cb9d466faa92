//! The `zonemux` command: reads its arguments and hands over.

use std::process::ExitCode;

use zonemux::{cli, plugin};

fn main() -> ExitCode {
    // Before anything is read or allocated that a plugin has no business with.
    if std::env::args_os().nth(1).is_some_and(|first| first == plugin::child::ARGUMENT) {
        return plugin::child::main();
    }
    let (mut out, mut err) = (anstream::stdout(), anstream::stderr());
    match cli::parse(std::env::args_os(), &mut out, &mut err) {
        Ok(arguments) => cli::run(&arguments, &mut out, &mut err).into(),
        Err(exit) => exit.into(),
    }
}
