//! The container image: what its Dockerfile copies is there and is not kept out by `.dockerignore`.

use std::fs;

use crate::failure::{At, Failure, Outcome};
use crate::repository::Repository;

const DOCKERFILE: &str = "packaging/container/Dockerfile";
/// Beside the Dockerfile under its name: so it counts for this Dockerfile only, and is found there.
const IGNORE: &str = "packaging/container/Dockerfile.dockerignore";

pub(super) fn check(repository: &Repository) -> Outcome {
    let read = |name: &str| {
        let path = repository.root().join(name);
        fs::read_to_string(&path).at("read", &path)
    };
    let (dockerfile, ignore) = (read(DOCKERFILE)?, read(IGNORE)?);
    let mut faults = instructions(&dockerfile);
    for source in sources(&dockerfile) {
        if !repository.root().join(&source).exists() {
            faults.push(format!("copies `{source}`, which is not in the repository"));
        } else if ignored(&ignore, &source) {
            faults.push(format!("copies `{source}`, which {IGNORE} keeps out"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Failure::new(format!("{DOCKERFILE}: {}", faults.join("; ")))) }
}

/// What the last stage must say for a read-only sidecar without privileges.
fn instructions(dockerfile: &str) -> Vec<String> {
    let last = dockerfile.rfind("\nFROM ").map_or(dockerfile, |at| &dockerfile[at + 1..]);
    ["USER 65532:65532", "EXPOSE 8888 8080", "ENTRYPOINT [\"/usr/bin/zonemux\"]"]
        .into_iter()
        .filter(|instruction| !last.lines().any(|line| line.trim() == *instruction))
        .map(|instruction| format!("its last stage has no `{instruction}`"))
        .collect()
}

/// What `COPY` takes from the repository, not from another stage.
fn sources(dockerfile: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in dockerfile.replace("\\\n", " ").lines() {
        let mut words = line.split_whitespace().peekable();
        if !words.next().is_some_and(|word| word.eq_ignore_ascii_case("COPY")) {
            continue;
        }
        let words: Vec<&str> = words.collect();
        if words.iter().any(|word| word.starts_with("--from=")) {
            continue;
        }
        let paths: Vec<&str> = words.into_iter().filter(|word| !word.starts_with("--")).collect();
        if let Some((_destination, sources)) = paths.split_last() {
            found.extend(sources.iter().map(|source| (*source).to_owned()));
        }
    }
    found
}

/// The file is a list of what is let in: `*` first, then lines with `!`. The last line that fits decides.
fn ignored(ignore: &str, source: &str) -> bool {
    let source = source.trim_start_matches("./").trim_end_matches('/');
    let mut ignored = false;
    for line in ignore.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (pattern, keeps_out) = match line.strip_prefix('!') {
            Some(pattern) => (pattern, false),
            None => (line, true),
        };
        if pattern == "*"
            || pattern == "**"
            || source == pattern
            || source.starts_with(&format!("{pattern}/"))
        {
            ignored = keeps_out;
        }
    }
    ignored
}

#[cfg(test)]
mod tests {
    use super::{ignored, instructions, sources};

    const DOCKERFILE: &str = "FROM a AS build\nUSER 65532:65532\nCOPY --chown=0:0 Cargo.toml \\\n  daemon ./\n\
                              FROM b\nCOPY --from=build /x /y\nEXPOSE 8888 8080\n";

    #[test]
    fn only_what_comes_from_the_repository_is_a_source() {
        assert_eq!(sources(DOCKERFILE), ["Cargo.toml", "daemon"]);
    }

    #[test]
    fn the_last_stage_counts() {
        let faults = instructions(DOCKERFILE);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("USER 65532:65532"), "{faults:?}");
    }

    #[test]
    fn the_last_line_of_the_ignore_file_decides() {
        let ignore = "*\n!daemon\n# comment\ndaemon/benches\n";
        assert!(ignored(ignore, "README.md"));
        assert!(!ignored(ignore, "daemon/src"));
        assert!(ignored(ignore, "daemon/benches/x"));
    }
}
