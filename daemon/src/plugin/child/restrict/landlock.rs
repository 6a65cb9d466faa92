//! The file system, TCP and other processes, by Landlock: as much of it as the kernel has.

use std::fs::File;
use std::path::Path;
use std::sync::OnceLock;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use super::opening::opening;
use super::{Profile, Restrictions, paths};

/// The newest interface that is known here; older kernels get as much of it as they have.
const NEWEST: ABI = ABI::V10;

/// What each version brought, and so what a kernel before it lets a plugin do.
const LACKING: [(ABI, &str); 5] = [
    (ABI::V3, "files can be truncated that can't be written"),
    (ABI::V4, "TCP is kept off by the filter of system calls alone"),
    (ABI::V5, "device files can be controlled"),
    (ABI::V6, "abstract unix sockets can be connected to"),
    (ABI::V9, "unix sockets can be connected to by path where their mode lets this user"),
];

/// Open for the life of the process: the kernel could forget this folder under pressure and make it
/// anew, and the rule would be about the one that is gone.
static OWN_PROCESS: OnceLock<File> = OnceLock::new();

/// Puts the rules in force, or says why there are none.
pub(super) fn enforce(profile: &Profile, done: &mut Restrictions) {
    let status = match rules(profile, done).and_then(RulesetCreated::restrict_self) {
        Ok(status) => status,
        Err(error) => return done.miss("landlock", error),
    };
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } if status.ruleset != RulesetStatus::NotEnforced => {
            effective_abi
        }
        LandlockStatus::NotEnabled => return done.miss("landlock", "not enabled when the system started"),
        _ => return done.miss("landlock", "the kernel lacks it, or a filter of system calls forbids it"),
    };
    done.landlock = Some(abi as u32);
    for (since, lacking) in LACKING {
        let needed = since != ABI::V4 || !profile.network;
        if (abi as u32) < since as u32 && needed {
            done.miss(&format!("landlock before version {}", since as u32), lacking);
        }
    }
    if profile.commands && (abi as u32) < ABI::V6 as u32 {
        done.miss("landlock before version 6", "processes of the same user can be signalled");
    }
}

fn rules(profile: &Profile, done: &mut Restrictions) -> Result<RulesetCreated, RulesetError> {
    let mut handled =
        Ruleset::default().handle_access(AccessFs::from_all(NEWEST))?.scope(Scope::from_all(NEWEST))?;
    if !profile.network {
        handled = handled.handle_access(AccessNet::from_all(NEWEST))?;
    }
    let run = if profile.commands { BitFlags::from(AccessFs::Execute) } else { BitFlags::empty() };
    let read = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::ResolveUnix;
    // Device files are made by nobody, and controlled by nobody.
    let not_made = AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev | AccessFs::Execute;
    let write = AccessFs::from_all(NEWEST) & !not_made;

    let mut rules = handled.create()?;
    for path in paths::system() {
        rules = allow(rules, &path, read | run)?;
    }
    for path in paths::readable(profile.commands) {
        rules = allow(rules, &path, read)?;
    }
    for path in paths::DEVICES {
        rules = allow(rules, Path::new(path), AccessFs::ReadFile | AccessFs::WriteFile)?;
    }
    if let Ok(own) = File::open("/proc/self") {
        rules = rules.add_rule(PathBeneath::new(OWN_PROCESS.get_or_init(|| own), read))?;
    }
    for path in &profile.readable {
        rules = allow(rules, path, read | run)?;
    }
    for path in &profile.writable {
        let opening = opening(path);
        for path in &opening.paths {
            rules = allow(rules, path, write | run)?;
        }
        if let Some(folder) = opening.withheld {
            // The folder and not the path, which may be no path at all but a secret that looks like one.
            let why =
                "shared with others, so nothing can be made in it: give the backend a folder of its own";
            done.miss(&folder.display().to_string(), why);
        }
    }
    Ok(rules)
}

/// What is not there, or not to be reached, needs no rule.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    match PathFd::new(path) {
        Ok(opened) => rules.add_rule(PathBeneath::new(opened, access)),
        Err(_) => Ok(rules),
    }
}
