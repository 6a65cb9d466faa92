//! `cargo xtask test`: every check of this repository, step by step, with a summary at the end.
//!
//! A failed step does not stop the others: one run reports everything there is to mend.

mod evolution;
mod mistakes;
mod prerequisites;
mod sanitized;
mod steps;
mod template;
mod toolchains;
mod tools;

use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};
use crate::repository::Repository;
use crate::terminal;
use tools::Tools;

pub(crate) use prerequisites::GO_HINT;

/// One named check.
pub(crate) struct Step {
    /// As in `--only NAME` and in the summary.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) run: fn(&Session) -> Outcome,
}

/// What the steps of one run share.
pub(crate) struct Session {
    pub(crate) repository: Repository,
    pub(crate) tools: Tools,
}

struct Finished {
    name: &'static str,
    taken: Duration,
    outcome: Outcome,
}

/// Runs the steps that `arguments` ask for; all of them without any.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let Some(chosen) = choose(arguments)? else {
        for step in steps::ALL {
            terminal::line(&format!("{:15}{}", step.name, step.title));
        }
        for step in steps::NAMED {
            terminal::line(&format!("{:15}{} (only where it is named)", step.name, step.title));
        }
        return Ok(());
    };
    let repository = Repository::locate()?;
    let tools = Tools::new(&repository)?;
    let session = Session { repository, tools };
    let begun = Instant::now();
    let mut finished = Vec::new();
    for (number, step) in chosen.iter().enumerate() {
        terminal::heading(&format!("{}/{} {}: {}", number + 1, chosen.len(), step.name, step.title));
        let start = Instant::now();
        let outcome = (step.run)(&session);
        if let Err(failure) = &outcome {
            terminal::error(failure);
        }
        let taken = start.elapsed();
        terminal::line(&format!("{}: {} in {}", step.name, verdict(&outcome), terminal::time(taken)));
        finished.push(Finished { name: step.name, taken, outcome });
        if step.name == steps::PREREQUISITES {
            // From here on compilers and the network are there: what takes long starts beside the rest.
            session.tools.start(chosen.iter().map(|step| step.name));
        }
    }
    summary(&finished, begun.elapsed())
}

/// The steps that the command line names, in their own order; nothing where a list is asked for.
fn choose(arguments: &[String]) -> Outcome<Option<Vec<&'static Step>>> {
    let mut names: Vec<&str> = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--list" => return Ok(None),
            "--only" => {
                let name = rest.next().ok_or_else(|| Failure::usage("`--only` needs the name of a step"))?;
                if !every().any(|step| step.name == name) {
                    return Err(Failure::usage(format!("no step is called `{name}`"))
                        .hint("`cargo xtask test --list` shows the steps"));
                }
                names.push(name);
            }
            other => {
                return Err(Failure::usage(format!("unknown argument `{other}`"))
                    .hint("`cargo xtask test [--only STEP]... [--list]`"));
            }
        }
    }
    if names.is_empty() {
        return Ok(Some(steps::ALL.iter().collect()));
    }
    Ok(Some(every().filter(|step| names.contains(&step.name)).collect()))
}

fn every() -> impl Iterator<Item = &'static Step> {
    steps::ALL.iter().chain(steps::NAMED)
}

fn verdict(outcome: &Outcome) -> String {
    match outcome {
        Ok(()) => terminal::good("ok"),
        Err(_) => terminal::bad("FAILED"),
    }
}

fn summary(finished: &[Finished], taken: Duration) -> Outcome {
    terminal::heading("summary");
    for step in finished {
        terminal::line(&format!(
            "{:15}{:>12}  {}",
            step.name,
            terminal::time(step.taken),
            verdict(&step.outcome)
        ));
    }
    let failed: Vec<&str> =
        finished.iter().filter(|step| step.outcome.is_err()).map(|step| step.name).collect();
    let total = finished.len();
    if failed.is_empty() {
        let all = if total == 1 { "1 step".to_owned() } else { format!("all {total} steps") };
        terminal::line(&format!("{all} passed in {}", terminal::time(taken)));
        Ok(())
    } else {
        Err(Failure::new(format!("{} of {total} steps failed: {}", failed.len(), failed.join(", ")))
            .hint(format!("`cargo xtask test --only {}` runs one alone", failed[0])))
    }
}

#[cfg(test)]
mod tests {
    use super::{Finished, choose, steps, summary};
    use crate::failure::Failure;
    use std::time::Duration;

    fn names(arguments: &[&str]) -> Option<Vec<&'static str>> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        choose(&arguments).unwrap().map(|steps| steps.iter().map(|step| step.name).collect())
    }

    #[test]
    fn every_step_runs_unless_some_are_named() {
        assert_eq!(names(&[]).unwrap().len(), steps::ALL.len());
        assert_eq!(names(&["--only", "tidy", "--only", "format"]).unwrap(), ["tidy", "format"]);
        assert_eq!(names(&["--only", "fuzz"]).unwrap(), ["fuzz"]);
        assert_eq!(names(&["--list"]), None);
        let unknown = choose(&["--only".to_owned(), "fmt".to_owned()]).map(drop).unwrap_err();
        assert_eq!(unknown.code(), 64);
    }

    #[test]
    fn one_failed_step_fails_the_whole() {
        let step = |name, outcome| Finished { name, taken: Duration::ZERO, outcome };
        assert!(summary(&[step("a", Ok(()))], Duration::ZERO).is_ok());
        let failure =
            summary(&[step("a", Ok(())), step("b", Err(Failure::new("no")))], Duration::ZERO).unwrap_err();
        assert!(failure.to_string().contains("1 of 2 steps failed: b"), "{failure}");
    }
}
