//! A clock that is wrong, in a process of its own: it is that of all calls.

mod common;

use zonemux_plugin::ErrorKind;
use zonemux_plugin::testing::ChangesBuilder;
use zonemux_rfc2136_backend::shift_clock;
use zonemux_test_support::servers::Kind;

use common::{Site, record};

#[test]
fn a_clock_that_is_off_is_told_and_nothing_is_done() {
    for kind in [Kind::Bind, Kind::Knot] {
        let site = Site::start(kind);
        let dns = site.open();
        for (shift, words) in [(-1000, "seconds ahead of ours"), (1000, "seconds behind ours")] {
            shift_clock(shift);
            let list = dns.records().unwrap_err();
            let outcome = dns.apply(&ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"])));
            shift_clock(0);
            assert_eq!(list.kind(), ErrorKind::Retryable);
            assert!(
                list.message().contains("(BADTIME)") && list.message().contains(words),
                "{kind:?} {list}"
            );
            assert!(list.message().contains("NTP"), "{list}");
            let reason = match outcome {
                Ok(outcome) => outcome.failures()[0].reason.clone(),
                Err(error) => error.message().to_owned(),
            };
            assert!(reason.contains("(BADTIME)"), "{kind:?} {reason}");
            assert_eq!(dns.records().unwrap().len(), 1);
        }
    }
}
