//! The command line as a person meets it. What clap and the configuration say of themselves is compared
//! elsewhere; here is what only a process has: its exit code, and which stream it writes to.

use std::fmt::Write as _;

use zonemux_test_support::Finished;

use crate::{memory, site};

const COMMANDS: [&str; 14] = [
    "serve",
    "check",
    "config",
    "records",
    "plan",
    "apply",
    "status",
    "release",
    "reload",
    "history",
    "ownership",
    "plugin",
    "completions",
    "man",
];

fn run(arguments: &[&str]) -> Finished {
    site().run(arguments)
}

#[test]
fn help_goes_to_standard_output() {
    let help = run(&["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for command in COMMANDS {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command} in {}", help.stdout);
    }
    assert_eq!(run(&["help", "plugin"]).code, Some(0));
}

#[test]
fn version_is_one_line() {
    let version = run(&["--version"]);
    assert_eq!((version.code, version.stdout), (Some(0), format!("zonemux {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn wrong_usage_is_64_on_standard_error() {
    let lines: [&[&str]; 6] = [
        &["srve"],
        &["check", "--prob"],
        &["plugin", "inspect"],
        &["status", "--output", "yaml"],
        &["completions", "tcsh"],
        &["config"],
    ];
    let mut shown = String::new();
    for line in lines {
        let wrong = run(line);
        assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(64), ""), "{line:?}");
        writeln!(shown, "$ zonemux {}\n{}", line.join(" "), wrong.stderr).unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn completions_and_manual_pages_are_there() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]);
        assert_eq!(script.code, Some(0), "{shell}");
        assert!(script.stdout.contains("zonemux") && script.stdout.lines().count() > 20, "{shell}");
    }
    let page = run(&["man"]);
    assert_eq!(page.code, Some(0));
    assert!(page.stdout.contains(".TH zonemux 1"), "{}", page.stdout);

    let site = site();
    let pages = site.run(&["man", "--directory", &site.path("man").to_string_lossy()]);
    assert_eq!(pages.code, Some(0), "{pages:?}");
    let mut names: Vec<String> = std::fs::read_dir(site.path("man"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    insta::assert_snapshot!(names.join("\n"));
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let site = memory();
    let mut command = std::process::Command::new("sh");
    command.args([
        "-c",
        "\"$0\" --config config.toml config show | head -n 1 >/dev/null; echo \"${PIPESTATUS:-0}\"",
    ]);
    command.arg(env!("CARGO_BIN_EXE_zonemux"));
    site.prepare(&mut command);
    let finished = zonemux_test_support::Process::spawn(command).wait();
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{finished:?}");
}

#[test]
fn colours_are_for_terminals() {
    let site = memory();
    site.layer("wrong", "[log]\nlevl = \"info\"");
    let check = site.run(&["check"]);
    assert_eq!(check.code, Some(78));
    assert!(!check.stderr.contains('\u{1b}'), "{}", check.stderr);
}
