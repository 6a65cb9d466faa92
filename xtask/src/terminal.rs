//! The one place that prints. Colours only on a terminal, and not where `NO_COLOR` is set.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what this module is for")]

use std::io::IsTerminal;
use std::time::Duration;

use crate::failure::Failure;

/// A line of ordinary output.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// The heading of a step.
pub(crate) fn heading(text: &str) {
    println!("\n{}", paint("1;36", &format!("=== {text} ===")));
}

/// A command that is about to run, so that it can be run alone.
pub(crate) fn command(text: &str) {
    println!("{}", paint("2", &format!("$ {text}")));
}

/// A failure with its hint, on standard error.
pub(crate) fn error(failure: &Failure) {
    eprintln!("{failure}");
}

pub(crate) fn good(text: &str) -> String {
    paint("32", text)
}

pub(crate) fn bad(text: &str) -> String {
    paint("1;31", text)
}

fn paint(style: &str, text: &str) -> String {
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\u{1b}[{style}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// A time for people: `0.4 s`, `12 s`, `3 min 07 s`.
pub(crate) fn time(taken: Duration) -> String {
    let seconds = taken.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", taken.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::time;
    use std::time::Duration;

    #[test]
    fn times_read_well() {
        assert_eq!(time(Duration::from_millis(440)), "0.4 s");
        assert_eq!(time(Duration::from_secs(12)), "12 s");
        assert_eq!(time(Duration::from_secs(187)), "3 min 07 s");
    }
}
