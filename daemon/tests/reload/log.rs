//! The log's level changes with the configuration.

use crate::{flaky, ready, reloaded};

#[test]
fn another_level_is_in_force_at_once() {
    let site = flaky();
    let daemon = ready(&site);
    let requests = || daemon.logged("control request").len();
    site.layer("log", "[log]\nlevel = \"error\"");
    reloaded(&site);
    let before = requests();
    daemon.status();
    site.layer("log", "[log]\nlevel = \"info\"");
    reloaded(&site);
    daemon.status();
    daemon.wait_logged("configuration reloaded");
    zonemux_test_support::eventually("lines are written again", || (requests() > before).then_some(()));
    assert_eq!(requests(), before + 1, "the two while it was `error` are missing");
}
