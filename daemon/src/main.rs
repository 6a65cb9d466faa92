//! The `zonemux` command: reads its arguments and hands over.

use std::process::ExitCode;

use zonemux::cli;

fn main() -> ExitCode {
    let (mut out, mut err) = (anstream::stdout(), anstream::stderr());
    match cli::parse(std::env::args_os(), &mut out, &mut err) {
        Ok(arguments) => cli::run(&arguments, &mut out, &mut err).into(),
        Err(exit) => exit.into(),
    }
}
