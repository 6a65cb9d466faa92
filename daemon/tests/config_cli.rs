//! What the command line says of itself.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use clap::CommandFactory;
use zonemux::cli::{Arguments, Exit, parse, write_findings};
use zonemux::config::{Finding, KeyPath};

/// What a wrong command line gets.
fn usage_fault(line: &str) -> String {
    let mut err = anstream::StripStream::new(Vec::new());
    assert_eq!(parse(line.split(' '), &mut Vec::new(), &mut err), Err(Exit::Usage));
    String::from_utf8(err.into_inner()).unwrap()
}

#[test]
fn help() {
    // A width of its own: the terminal's would be taken otherwise.
    let help = Arguments::command().term_width(100).render_long_help();
    insta::assert_snapshot!(help);
}

#[test]
fn wrong_usage_is_explained() {
    let lines = ["zonemux chekc", "zonemux check --prob", "zonemux plugin inspect", "zonemux plugin"];
    insta::assert_snapshot!(
        lines
            .map(|line| format!(
                "$ {line}
{}",
                usage_fault(line)
            ))
            .join(
                "
"
            )
    );
}

#[test]
fn findings_are_coloured_for_terminals_only() {
    let fault = Finding::at(&KeyPath::of(&["log", "level"]), "unknown key").hint("did you mean `x`?");
    let mut coloured = Vec::new();
    write_findings(std::slice::from_ref(&fault), &[], &mut coloured).unwrap();
    assert!(String::from_utf8(coloured).unwrap().starts_with("\u{1b}["));
    let mut plain = anstream::StripStream::new(Vec::new());
    write_findings(&[fault], &[], &mut plain).unwrap();
    let plain = String::from_utf8(plain.into_inner()).unwrap();
    assert_eq!(plain, "error: `log.level`: unknown key\n  hint: did you mean `x`?\n\n1 fault\n");
}
