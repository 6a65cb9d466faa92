//! Bodies as ExternalDNS sends them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zonemux::wire;
use zonemux_plugin::EndpointView;

fuzz_target!(|body: &[u8]| {
    if let Ok(endpoints) = wire::endpoints(body) {
        let list = wire::ListEncoder::encode(endpoints.iter());
        let again = wire::endpoints(&list.to_json()).expect("what we encode we can decode");
        assert_eq!(again.len(), endpoints.len());
        for (before, after) in endpoints.iter().zip(again.iter()) {
            assert_eq!(before.to_endpoint(), after.to_endpoint());
        }
    }
    if let Ok(changes) = wire::changes(body) {
        let positions = changes.create.iter().chain(&changes.delete);
        let updates = changes.update.iter().flat_map(|(old, new)| old.iter().chain([new]));
        for position in positions.chain(updates) {
            assert!(changes.endpoints.get(*position as usize).is_some(), "a change without an endpoint");
        }
    }
});
