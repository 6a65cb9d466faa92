//! Checks a zone file before a server sees it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::command::{self, RunError};
use crate::settings::{Server, Settings, fill};

/// A program that checks a zone file.
#[derive(Debug, Clone)]
pub(crate) struct Checker {
    words: Vec<String>,
    folder: Option<PathBuf>,
}

/// What a checker says of a zone file.
#[derive(Debug)]
pub(crate) enum Verdict {
    Good,
    /// In its own words.
    Bad(String),
}

impl Checker {
    /// The checker that the settings name, or the server's own where it is installed; `None` for
    /// zonemux's own checks only.
    pub(crate) fn new(settings: &Settings, include_base: Option<&Path>) -> Option<Self> {
        let folder = include_base.map(Path::to_owned);
        if let Some(words) = &settings.checker {
            return (!words.is_empty()).then(|| Self { words: words.clone(), folder });
        }
        // Without `-i local`, names outside of the zone would be looked up in the DNS.
        let bind = &["named-checkzone", "-i", "local", "-k", "fail", "{zone}", "{file}"][..];
        // Which names are host names is a rule of BIND's alone.
        let bind_for_others = &["named-checkzone", "-i", "local", "-k", "ignore", "{zone}", "{file}"][..];
        let nsd = &["nsd-checkzone", "{zone}", "{file}"][..];
        let knot = &["kzonecheck", "-o", "{zone}", "{file}"][..];
        let candidates = match settings.server {
            Server::Bind => vec![bind],
            Server::Nsd => vec![nsd],
            Server::Knot => vec![knot],
            Server::None => vec![bind_for_others, knot, nsd],
        };
        let installed = candidates.into_iter().find(|words| command::find(words[0]).is_some())?;
        Some(Self { words: installed.iter().map(|&word| word.to_owned()).collect(), folder })
    }

    /// The program's name.
    pub(crate) fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// Whether names can be let through that BIND refuses unless it is told not to.
    pub(crate) fn minds_names(&self) -> bool {
        self.names_mode().is_some()
    }

    fn names_mode(&self) -> Option<usize> {
        let at = self.words.windows(2).position(|pair| pair[0] == "-k" && pair[1] == "fail")?;
        (self.words[0] == "named-checkzone").then_some(at + 1)
    }

    /// Checks a file; where `any_names`, names that BIND's `check-names` refuses are let through.
    pub(crate) fn check(
        &self,
        zone: &str,
        file: &Path,
        any_names: bool,
        deadline: Instant,
    ) -> Result<Verdict, RunError> {
        let folder = self.folder.as_deref().or_else(|| file.parent());
        let mut command = fill(&self.words, zone, file);
        if let (true, Some(mode)) = (any_names, self.names_mode()) {
            "warn".clone_into(&mut command[mode]);
        }
        let ran = command::run(&command, folder, deadline)?;
        let good = ran.success || (self.words[0] == "kzonecheck" && is_loaded_by_knot(&ran.words));
        Ok(if good { Verdict::Good } else { Verdict::Bad(words(&ran.words)) })
    }
}

/// Whether all that `kzonecheck` finds is what `knotd` loads all the same: it fails for addresses of
/// name servers that lie elsewhere, and can't be told not to.
fn is_loaded_by_knot(said: &str) -> bool {
    let summary = |line: &str| line.trim_start().starts_with(|character: char| character.is_ascii_digit());
    let findings = said
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("Error summary") && !summary(line));
    let mut any = false;
    let all = findings.into_iter().all(|line| {
        any = true;
        line.starts_with('[') && line.ends_with("] missing glue record")
    });
    any && all
}

/// What it says, or that it says nothing.
fn words(said: &str) -> String {
    if said.is_empty() { "it says nothing".to_owned() } else { said.to_owned() }
}

/// The lines of a file that a checker complains of: the number behind the file's name.
pub(crate) fn complaints(said: &str, file: &Path) -> Vec<usize> {
    let Some(name) = file.file_name().and_then(|name| name.to_str()) else {
        return Vec::new();
    };
    let mut lines: Vec<usize> = said.lines().filter_map(|line| number_behind(line, name)).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// `FILE:12: …` of BIND and NSD, `file 'FILE', line 12` and its like of others.
fn number_behind(line: &str, name: &str) -> Option<usize> {
    let behind = &line[line.find(name)? + name.len()..];
    let behind = behind.trim_start_matches(|character: char| !character.is_ascii_digit());
    let end = behind.find(|character: char| !character.is_ascii_digit()).unwrap_or(behind.len());
    behind[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_knot_loads_all_the_same_is_let_through() {
        let glue = "[sub.example.org.] missing glue record\n\nError summary:\n   1\tmissing glue record";
        assert!(is_loaded_by_knot(glue));
        assert!(!is_loaded_by_knot(&format!("[a.example.org.] record exists below DNAME\n{glue}")));
        assert!(!is_loaded_by_knot("error: failed to load"));
        assert!(!is_loaded_by_knot(""));
    }

    #[test]
    fn the_line_is_found_in_each_checkers_words() {
        let file = Path::new("/zones/.db.zonemux-new");
        let said = "dns_rdata_fromtext: /zones/.db.zonemux-new:17: near 'x': bad number\n\
                    zone example.org/IN: loading from master file /zones/.db.zonemux-check failed: bad number\n\
                    [2026-01-01 00:00:00.000] nsd-checkzone[12]: error: /zones/.db.zonemux-new:19: syntax error\n\
                    error: failed to load zone, file '/zones/.db.zonemux-new', line 21\n\
                    /zones/.db.zonemux-new:17: again";
        assert_eq!(complaints(said, file), [17, 19, 21]);
        assert_eq!(complaints("zone example.org/IN: has no NS records", file), [0; 0]);
    }
}
