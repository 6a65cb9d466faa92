//! The units: read by systemd's own checker, and scored by its own measure of exposure.

use std::fs;
use std::path::Path;

use crate::failure::{At, Failure, Outcome};
use crate::process::Program;
use crate::repository::Repository;
use crate::terminal;

const UNITS: [&str; 2] = ["zonemux.service", "zonemux.socket"];
/// The program in `ExecStart=`: the checker wants it to exist, and here it is installed nowhere.
const INSTALLED: &str = "/usr/bin/zonemux";
/// `systemd-analyze security` gives 0 (locked up) to 100 (open); the unit scored 13 when this was set.
const MOST_EXPOSED: u8 = 20;
/// What the daemon restricts plugins' processes with; systemd's groups for services lack them.
const RESTRICTING: [&str; 4] =
    ["landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp"];
const HINT: &str = "`apt-get install systemd` has it";

pub(super) fn check(repository: &Repository) -> Outcome {
    let folder = std::env::temp_dir().join(format!("zonemux-units-{}", std::process::id()));
    fs::create_dir(&folder).at("create", &folder)?;
    let outcome = verify(repository, &folder);
    drop(fs::remove_dir_all(&folder));
    outcome
}

fn verify(repository: &Repository, folder: &Path) -> Outcome {
    let built = repository.debug().join("zonemux");
    let program = if built.is_file() { built } else { "/bin/true".into() };
    let mut copies = Vec::new();
    for unit in UNITS {
        let original = repository.root().join("packaging/systemd").join(unit);
        let text = fs::read_to_string(&original).at("read", &original)?;
        if unit.ends_with(".service") {
            check_filter(&text)?;
        }
        let copy = folder.join(unit);
        fs::write(&copy, text.replace(INSTALLED, &program.to_string_lossy())).at("write", &copy)?;
        copies.push(copy);
    }

    let (passed, printed) = Program::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .args(&copies)
        .hint(HINT)
        .everything_printed()?;
    // Unknown keys and bad values are only warnings to it; complaints about other units are not ours.
    let complaints: Vec<&str> =
        printed.lines().filter(|line| UNITS.iter().any(|unit| line.contains(unit))).collect();
    if !passed || !complaints.is_empty() {
        return Err(Failure::new(format!("systemd-analyze verify:\n{}", printed.trim())));
    }

    let (passed, printed) = Program::new("systemd-analyze")
        .args(["security", "--offline=yes", "--no-pager", &format!("--threshold={MOST_EXPOSED}")])
        .args([&copies[0]])
        .hint(HINT)
        .everything_printed()?;
    if !passed {
        let open: Vec<&str> = printed.lines().filter(|line| !line.starts_with('✓')).collect();
        return Err(Failure::new(format!(
            "the unit is more exposed than it should be:\n{}",
            open.join("\n")
        )));
    }
    if let Some(level) = printed.lines().find(|line| line.contains("exposure level")) {
        terminal::line(level.trim_start_matches(['→', ' ']));
    }
    Ok(())
}

/// A filter without these would leave plugins unrestricted, with no more than a warning in the log.
fn check_filter(unit: &str) -> Outcome {
    let allowed: Vec<&str> = unit
        .lines()
        .filter_map(|line| line.strip_prefix("SystemCallFilter="))
        .filter(|calls| !calls.starts_with('~'))
        .flat_map(str::split_whitespace)
        .collect();
    match RESTRICTING.iter().find(|call| !allowed.contains(call)) {
        Some(call) => Err(Failure::new(format!("the unit's SystemCallFilter= does not allow {call}"))),
        None => Ok(()),
    }
}
