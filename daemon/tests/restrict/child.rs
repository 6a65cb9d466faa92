//! Runs acts in a restricted process, and brings their outcomes back.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use zonemux::plugin::child::restrict::{Profile, Restrictions, close_inherited, restrict};

/// Says in the child's environment what to do.
const ORDER: &str = "ZONEMUX_TEST_ORDER";
/// Before the outcomes in the child's output, which the test harness writes to as well.
const MARK: &str = "outcomes: ";
/// The account `nobody`.
const NOBODY: u32 = 65534;

/// What a child is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) act: String,
    pub(crate) profile: Profile,
    /// A folder of the test's own that the profile does not name; see [`Setting`].
    pub(crate) folder: PathBuf,
    pub(crate) restricted: bool,
}

/// What came of it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcomes {
    pub(crate) restrictions: Restrictions,
    /// Why descriptors were not closed.
    pub(crate) closed: Option<String>,
    /// `ok`, or the error's name.
    pub(crate) by_attempt: BTreeMap<String, String>,
}

impl Outcomes {
    pub(crate) fn note(&mut self, attempt: &str, outcome: io::Result<impl Sized>) {
        self.by_attempt
            .insert(attempt.to_owned(), outcome.map_or_else(|error| name(&error), |_| "ok".to_owned()));
    }

    pub(crate) fn say(&mut self, what: &str, value: impl Display) {
        self.by_attempt.insert(what.to_owned(), format!("{value}"));
    }

    #[track_caller]
    pub(crate) fn assert(&self, attempt: &str, outcome: &str) {
        assert_eq!(self.by_attempt.get(attempt).map(String::as_str), Some(outcome), "{attempt}: {self:#?}");
    }

    #[track_caller]
    pub(crate) fn assert_all(&self, outcome: &str) {
        assert!(!self.by_attempt.is_empty());
        for attempt in self.by_attempt.keys() {
            self.assert(attempt, outcome);
        }
    }

    pub(crate) fn has_landlock(&self, abi: u32) -> bool {
        self.restrictions.landlock >= Some(abi)
    }
}

fn name(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM) => "EPERM".to_owned(),
        Some(libc::EACCES) => "EACCES".to_owned(),
        Some(libc::ENOSYS) => "ENOSYS".to_owned(),
        _ => error.to_string(),
    }
}

/// A folder with `own/`, which the profile opens, and `foreign/secret`, which nothing does.
pub(crate) struct Setting {
    folder: TempDir,
    pub(crate) profile: Profile,
}

pub(crate) fn setting() -> Setting {
    let folder = tempfile::Builder::new().prefix("restrict").tempdir_in("/var/tmp").unwrap();
    let path = folder.path().to_owned();
    for sub in ["own", "foreign", "shown"] {
        std::fs::create_dir(path.join(sub)).unwrap();
    }
    std::fs::write(path.join("foreign/secret"), "of another backend").unwrap();
    std::fs::write(path.join("shown/text"), "for all").unwrap();
    let profile = Profile {
        parent: std::process::id(),
        memory_limit: 256 << 20,
        network: true,
        commands: false,
        writable: vec![path.join("own")],
        readable: vec![path.join("shown")],
    };
    Setting { folder, profile }
}

impl Setting {
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Acts as this user, and as nobody where this one is root.
    pub(crate) fn act(&self, act: &str) -> Vec<Outcomes> {
        let mut all = vec![self.act_as(act, None, true)];
        if rustix::process::getuid().is_root() {
            for sub in ["", "own", "foreign", "foreign/secret", "shown", "shown/text"] {
                chown(self.folder.path().join(sub), Some(NOBODY), Some(NOBODY)).unwrap();
            }
            all.push(self.act_as(act, Some(NOBODY), true));
        }
        all
    }

    /// Acts without any restriction, to show that it is these that make the difference.
    pub(crate) fn act_freely(&self, act: &str) -> Outcomes {
        self.act_as(act, None, false)
    }

    fn act_as(&self, act: &str, user: Option<u32>, restricted: bool) -> Outcomes {
        let mut child = self.command(act, restricted);
        if let Some(user) = user {
            child.uid(user).gid(user);
        }
        let output = child.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let outcomes = text.lines().find_map(|line| line.split_once(MARK)).map(|(_, outcomes)| outcomes);
        let outcomes = outcomes.unwrap_or_else(|| panic!("{act} as {user:?}: {output:#?}"));
        serde_json::from_str(outcomes).unwrap()
    }

    pub(crate) fn command(&self, act: &str, restricted: bool) -> Command {
        let profile = self.profile.clone();
        command(&Order { act: act.to_owned(), profile, folder: self.path(), restricted })
    }
}

pub(crate) fn command(order: &Order) -> Command {
    let mut child = Command::new("/proc/self/exe");
    child
        .args(["--exact", "child::act", "--ignored", "--nocapture", "--test-threads=1"])
        .env(ORDER, serde_json::to_string(order).unwrap())
        .stdin(Stdio::null());
    child
}

/// The other side. The harness runs it on a thread of its own, whose restrictions are those of all that
/// it starts; the thread that waits for it does nothing.
#[test]
#[ignore = "the other tests run it in processes of their own"]
fn act() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let order: Order = serde_json::from_str(&order).unwrap();
    let mut outcomes = Outcomes::default();
    crate::inherited::before(&order);
    if order.restricted {
        outcomes.closed = close_inherited().map_err(|error| name(&error)).err();
        match restrict(&order.profile) {
            Ok(done) => outcomes.restrictions = done,
            Err(error) => outcomes.say("restrict", error),
        }
    }
    match order.act.as_str() {
        "files" => crate::files::act(&order, &mut outcomes),
        "network" => crate::network::act(&order, &mut outcomes),
        "commands" => crate::commands::act(&order, &mut outcomes),
        "calls" => crate::others::calls(&mut outcomes),
        "others" => crate::others::act(&order, &mut outcomes),
        "limits" => crate::resources::act(&order, &mut outcomes),
        "useful" => crate::useful::act(&order, &mut outcomes),
        "inherited" | "filtered" => crate::inherited::act(&mut outcomes),
        "parent" => crate::inherited::parent(&order),
        "sleeper" => crate::inherited::sleeper(),
        other => panic!("no act `{other}`"),
    }
    let outcomes = serde_json::to_string(&outcomes).unwrap();
    // Not by `println!`, which the harness would keep.
    io::stdout().write_all(format!("\n{MARK}{outcomes}\n").as_bytes()).unwrap();
}
