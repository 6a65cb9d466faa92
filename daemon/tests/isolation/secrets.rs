//! A process gets its own backend's settings, and nothing of anyone else's.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

use crate::*;

const OWN: &str = "own-secret-3b1f8e";
const OTHER: &str = "other-secret-77ac02";
const OF_ENVIRONMENT: &str = "environment-secret-9d41";

/// Two backends of one plugin, each with a secret.
fn with_secrets() -> (Site, Daemon) {
    let mut site = site();
    site.set("UPSTREAM_PASSWORD", OF_ENVIRONMENT).set("LANG", "C.UTF-8");
    lan(&site, "", &format!("token = \"{OWN}\""));
    site.backend("edge", "flaky", "example.net", &format!("token = \"{OTHER}\""));
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    (site, daemon)
}

/// A file of `/proc` that only root may read of a process that has shut itself off: for others, that is proof
/// enough.
fn read(path: &str) -> Option<Vec<u8>> {
    match fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            assert!(!rustix::process::geteuid().is_root(), "{path}: {error}");
            None
        }
        Err(error) => panic!("{path}: {error}"),
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The sockets among a process's descriptors, and what else there is.
fn descriptors(pid: u32) -> Option<(BTreeSet<String>, Vec<String>)> {
    let folder = match fs::read_dir(format!("/proc/{pid}/fd")) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return None,
        other => other.unwrap(),
    };
    let targets = folder.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let targets = targets.map(|target| target.to_string_lossy().into_owned());
    let (sockets, others): (Vec<_>, Vec<_>) = targets.partition(|target| target.starts_with("socket:"));
    Some((sockets.into_iter().collect(), others))
}

#[test]
fn the_environment_of_the_daemon_is_not_handed_on() {
    let (_site, daemon) = with_secrets();
    let Some(environment) = read(&format!("/proc/{}/environ", pid(&daemon, "lan"))) else { return };
    let environment = String::from_utf8(environment).unwrap();
    let names: Vec<_> =
        environment.split_terminator('\0').filter_map(|entry| entry.split('=').next()).collect();
    assert!(names.contains(&"LANG"), "what libraries need is: {names:?}");
    assert!(!environment.contains(OF_ENVIRONMENT) && !names.contains(&"UPSTREAM_PASSWORD"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("ZONEMUX") || name.starts_with("LD_")), "{names:?}");
    let arguments = fs::read(format!("/proc/{}/cmdline", pid(&daemon, "lan"))).unwrap();
    assert!(!contains(&arguments, OWN) && !contains(&arguments, OTHER));
}

#[test]
fn a_library_that_is_preloaded_into_the_daemon_is_not_in_the_child() {
    let mut site = two();
    let library = zonemux_test_support::plugin("memory");
    site.set("LD_PRELOAD", &library).set("LD_LIBRARY_PATH", "/nowhere").set("LD_AUDIT", "");
    let daemon = ready(&site);
    let is_mapped = |pid: u32| {
        let maps = read(&format!("/proc/{pid}/maps"));
        maps.map(|maps| contains(&maps, &library.display().to_string()))
    };
    assert_eq!(is_mapped(daemon.process().id()), Some(true), "or this would prove nothing");
    for backend in ["lan", "edge"] {
        assert_ne!(is_mapped(pid(&daemon, backend)), Some(true), "{backend}");
    }
    let environment = read(&format!("/proc/{}/environ", pid(&daemon, "lan"))).unwrap_or_default();
    assert!(!contains(&environment, "LD_"));
}

#[test]
fn no_descriptor_of_the_daemon_or_of_another_backend_is_inherited() {
    let (site, daemon) = with_secrets();
    let (lan, edge) = (pid(&daemon, "lan"), pid(&daemon, "edge"));
    let Some((own, others)) = descriptors(lan) else { return };
    let (of_daemon, _) = descriptors(daemon.process().id()).unwrap();
    let (of_edge, _) = descriptors(edge).unwrap();
    assert!(own.is_disjoint(&of_daemon), "{own:?} {of_daemon:?}");
    assert!(own.is_disjoint(&of_edge), "{own:?} {of_edge:?}");
    let records = site.path("lan/records").display().to_string();
    for other in others {
        // Its own folder of /proc, which a library keeps open.
        let own = format!("/proc/{lan}");
        let known = ["/dev/null", "pipe:[", "anon_inode:[event", "/memfd:", &own];
        let expected = known.iter().any(|start| other.starts_with(start)) || other.starts_with(&records);
        assert!(expected, "{other}");
    }
}

/// Everything that a process can write to, where settings are kept.
fn memory(pid: u32) -> Option<Vec<Vec<u8>>> {
    let maps = String::from_utf8(read(&format!("/proc/{pid}/maps"))?).unwrap();
    let file = match File::open(format!("/proc/{pid}/mem")) {
        Ok(file) => file,
        Err(error) => {
            // In a container, root may lack the right as well.
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            return None;
        }
    };
    let regions =
        maps.lines().filter(|line| line.split_whitespace().nth(1).is_some_and(|mode| mode.starts_with("rw")));
    let range = |line: &str| {
        let (from, to) = line.split_whitespace().next()?.split_once('-')?;
        Some((u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?))
    };
    let mut found = Vec::new();
    for (from, to) in regions.filter_map(range) {
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        // A region may have gone meanwhile.
        if file.read_exact_at(&mut bytes, from).is_ok() {
            found.push(bytes);
        }
    }
    Some(found)
}

#[test]
fn no_secret_of_another_backend_is_in_its_memory() {
    let (_site, daemon) = with_secrets();
    let Some(lan) = memory(pid(&daemon, "lan")) else { return };
    let Some(edge) = memory(pid(&daemon, "edge")) else { return };
    let has = |memory: &[Vec<u8>], text: &str| memory.iter().any(|region| contains(region, text));
    assert!(has(&lan, OWN) && has(&edge, OTHER), "or this would prove nothing");
    assert!(!has(&lan, OTHER), "`lan` knows the secret of `edge`");
    assert!(!has(&edge, OWN), "`edge` knows the secret of `lan`");
    assert!(!has(&lan, OF_ENVIRONMENT));
}

#[test]
fn a_crash_tells_no_secret() {
    let (site, daemon) = with_secrets();
    for behaviour in ["segfault", "panic", "garbage"] {
        misbehave(&site, behaviour, &["records"]);
        daemon.webhook().get("/records");
        lan_recovers(&site, &daemon);
    }
    let status = site.run(&["status", "--output", "json"]);
    assert!(!status.stdout.contains(OWN), "{}", status.stdout);
    let log = daemon.stop().stderr;
    assert!(!log.contains(OWN) && !log.contains(OTHER));
}
