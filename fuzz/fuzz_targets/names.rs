//! Names, zones and targets, as the world spells them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zonemux_plugin::dns::{ZoneMap, canonical, canonical_target, check_target, is_at_or_below, same_target, suffixes, txt};

const TYPES: [&str; 10] = ["A", "AAAA", "CNAME", "TXT", "MX", "SRV", "NS", "NAPTR", "CAA", "unknown"];

fuzz_target!(|text: &str| {
    // Three texts of one, so that they are often related.
    let mut parts = text.splitn(3, '\n');
    let (one, two) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    names(one, two);
    targets(one, two);
    texts(text);
});

fn names(name: &str, zone: &str) {
    let Ok(name) = canonical(name) else { return };
    assert_eq!(canonical(&name).as_deref(), Ok(&*name), "canonical form is final");
    assert!(suffixes(&name).all(|suffix| is_at_or_below(&name, suffix)));
    let Ok(zone) = canonical(zone) else { return };
    let mut zones = ZoneMap::new();
    zones.insert(&zone, ());
    let found = zones.find(&name);
    assert_eq!(found.is_some(), is_at_or_below(&name, &zone), "{name} in {zone}");
    let mut each = None;
    zones.get_each(&[&*name], |_, value| each = value.expect("canonical already"));
    assert_eq!(each.is_some(), found.is_some());
}

fn targets(one: &str, two: &str) {
    for record_type in TYPES {
        let spelled = canonical_target(record_type, one);
        assert_eq!(canonical_target(record_type, &spelled), spelled, "{record_type}: one spelling is final");
        assert!(same_target(record_type, one, &spelled), "{record_type}: {one} is {spelled}");
        assert_eq!(same_target(record_type, one, two), same_target(record_type, two, one), "{record_type}");
        let _judged = check_target(record_type, one);
    }
}

fn texts(text: &str) {
    if let Ok(strings) = txt::strings(text) {
        let quoted = txt::quote(&strings);
        assert_eq!(txt::strings(&quoted).as_ref(), Ok(&strings), "{quoted}");
        assert!(txt::same(text, &quoted));
    }
    let _judged = txt::check(text);
}
