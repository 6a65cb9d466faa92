//! The project's own tasks: `cargo xtask run`, `test`, `bench`, `tidy` and `new-plugin`.
//!
//! Kept to the standard library, so that it compiles in seconds on a machine that has built nothing yet.

mod bench;
mod failure;
mod new_plugin;
mod packaging;
mod process;
mod repository;
mod run;
mod terminal;
mod test;
mod tidy;

use std::process::ExitCode;

use failure::{Failure, Outcome};
use repository::Repository;

const USAGE: &str = "\
Usage: cargo xtask TASK

Tasks:
  run                                 build daemon and plugins, serve config.example.toml
  test [--only STEP]... [--list]      every check of this repository; ends non-zero on any failure
  bench [-- ARGUMENTS]                cost of the daemon with 100,000 records, then `cargo bench`
  tidy                                the conventions that no other tool checks
  new-plugin NAME [--directory DIR]   a plugin to start from, outside this repository
  help                                this text

Exit codes: 0 done, 1 a task failed, 64 the command line is wrong.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::error(&failure);
            ExitCode::from(failure.code())
        }
    }
}

fn dispatch(arguments: &[String]) -> Outcome {
    let Some((task, rest)) = arguments.split_first() else {
        return Err(Failure::usage("no task given").hint("`cargo xtask help` lists the tasks"));
    };
    match task.as_str() {
        "help" | "--help" | "-h" => {
            terminal::line(USAGE);
            Ok(())
        }
        "run" => {
            no_arguments(task, rest)?;
            run::run(&Repository::locate()?)
        }
        // Started by `run` itself: waits beside the daemon, then prints what to try.
        "run-guide" => run::guide::from_arguments(rest),
        "test" => test::run(rest),
        "bench" => bench::run(&Repository::locate()?, rest),
        "tidy" => {
            no_arguments(task, rest)?;
            tidy::run(&Repository::locate()?)
        }
        "new-plugin" => new_plugin::run(&Repository::locate()?, rest),
        other => {
            Err(Failure::usage(format!("unknown task `{other}`")).hint("`cargo xtask help` lists the tasks"))
        }
    }
}

fn no_arguments(task: &str, rest: &[String]) -> Outcome {
    match rest.first() {
        None => Ok(()),
        Some(extra) => Err(Failure::usage(format!("`{task}` takes no arguments, got `{extra}`"))
            .hint("`cargo xtask help` lists the tasks")),
    }
}
