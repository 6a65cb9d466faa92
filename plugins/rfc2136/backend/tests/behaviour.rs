//! How the backend behaves with real servers.

mod common;

use zonemux_plugin::testing::battery::Battery;
use zonemux_test_support::servers::Kind;

use common::{Site, ZONE};

fn passes(kind: Kind) {
    let site = Site::start(kind);
    Battery::new(ZONE).without("set identifiers").run(&site.open());
}

#[test]
fn passes_the_battery_with_bind() {
    passes(Kind::Bind);
}

#[test]
fn passes_the_battery_with_knot() {
    passes(Kind::Knot);
}

#[test]
fn passes_the_battery_with_powerdns() {
    passes(Kind::PowerDns);
}
