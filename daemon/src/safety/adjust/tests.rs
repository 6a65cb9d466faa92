use proptest::prelude::*;
use zonemux_plugin::{Capabilities, Endpoint, EndpointView, Endpoints, Property};

use super::{Rules, Settings, Summary};

fn adjust(rules: &Rules, endpoint: &Endpoint) -> Option<Endpoint> {
    let list: Endpoints = [endpoint].into_iter().collect();
    let adjusted = Summary::default().adjust(rules, list.get(0)?)?;
    assert_eq!(adjusted.is_changed(), adjusted.to_endpoint() != *endpoint);
    Some(adjusted.to_endpoint())
}

fn ttl(operator: (u32, u32, u32), backend: (u32, u32), sent: u32) -> u32 {
    let (default_ttl, min_ttl, max_ttl) = operator;
    let settings = Settings { default_ttl, min_ttl, max_ttl, types: Vec::new() };
    let rules = Rules::new(&settings, &Capabilities::default().with_ttl_range(backend.0, backend.1));
    let sent = Endpoint::new("www.example.org", "A", ["192.0.2.1"]).with_ttl(sent);
    adjust(&rules, &sent).unwrap().record_ttl
}

#[test]
fn a_ttl_that_the_backend_can_not_store_is_not_updated_in_every_loop() {
    assert_eq!(ttl((0, 0, 0), (0, 0), 0), 0, "not set stays so");
    assert_eq!(ttl((300, 0, 0), (0, 0), 0), 300);
    assert_eq!(ttl((300, 0, 0), (0, 0), 60), 60);
    assert_eq!(ttl((0, 60, 600), (0, 0), 0), 0, "bounds set nothing");
    assert_eq!(ttl((0, 60, 600), (0, 0), 5), 60);
    assert_eq!(ttl((0, 60, 600), (0, 0), 3600), 600);
    assert_eq!(ttl((0, 60, 600), (1000, 0), 300), 1000, "the backend wins");
    assert_eq!(ttl((0, 60, 0), (0, 30), 300), 30, "the backend wins");
    assert_eq!(ttl((300, 0, 0), (0, 120), 0), 120, "a default is stored too");
}

#[test]
fn a_target_that_is_listed_in_another_spelling_is_not_updated_in_every_loop() {
    for (record_type, sent, expected) in [
        ("A", &["192.0.2.2", "192.0.2.1", "192.0.2.2"][..], &["192.0.2.2", "192.0.2.1"][..]),
        ("AAAA", &["2001:DB8:0::1", "2001:db8::1"], &["2001:db8::1"]),
        ("CNAME", &["Web.Example.org."], &["web.example.org"]),
        ("CNAME", &["bücher.example"], &["xn--bcher-kva.example"]),
        ("MX", &["10 Mail.example.org.", "010 mail.example.org"], &["10 mail.example.org"]),
        ("SRV", &["1 2 443 Host.example.org."], &["1 2 443 host.example.org"]),
        ("TXT", &["v=spf1 -all", "\"v=spf1 -all\""], &["\"v=spf1 -all\""]),
        ("TXT", &["Case Counts."], &["\"Case Counts.\""]),
        ("A", &["not an address"], &["not an address"]),
        ("A", &[], &[]),
    ] {
        let sent = Endpoint::new("www.example.org", record_type, sent.iter().copied());
        assert_eq!(adjust(&Rules::default(), &sent).unwrap().targets, expected, "{sent:?}");
    }
}

#[test]
fn a_property_that_is_never_listed_is_not_added_in_every_loop() {
    let property = |(name, value): &(&str, &str)| Property { name: (*name).into(), value: (*value).into() };
    let check = |known: Option<&[&str]>, sent: &[(&str, &str)], expected: &[(&str, &str)]| {
        let mut capabilities = Capabilities::default();
        if let Some(known) = known {
            capabilities = capabilities.with_properties(known.iter().copied());
        }
        let rules = Rules::new(&Settings::default(), &capabilities);
        let mut endpoint = Endpoint::new("www.example.org", "A", ["192.0.2.1"]);
        endpoint.provider_specific = sent.iter().map(property).collect();
        let expected: Vec<_> = expected.iter().map(property).collect();
        assert_eq!(adjust(&rules, &endpoint).unwrap().provider_specific, expected);
    };
    let (one, two) = (("webhook/one", "1"), ("webhook/two", "2"));
    check(None, &[one, two], &[one, two]);
    check(Some(&[]), &[one, two], &[]);
    check(Some(&["webhook/two"]), &[one, two], &[two]);
    check(Some(&["webhook/one"]), &[one], &[one]);
    check(Some(&["webhook/on", "webhook"]), &[one], &[]);
    // The planner reads the last of one name, and would find the first to differ from it.
    check(None, &[one, two, ("webhook/one", "3")], &[two, ("webhook/one", "3")]);
}

#[test]
fn a_type_that_is_never_stored_is_not_created_in_every_loop() {
    let capabilities = Capabilities::default().with_record_types(["A", "txt"]);
    let forbidding = Settings { types: vec!["A".into(), "CNAME".into()], ..Settings::default() };
    let mut summary = Summary::default();
    let list: Vec<_> =
        ["A", "TXT", "CNAME", "MX"].map(|of| Endpoint::new("www.example.org", of, ["x"])).into();
    let list: Endpoints = list.iter().collect();
    let mut kept = |rules: &Rules| -> Vec<String> {
        let kept = list.iter().filter_map(|endpoint| summary.adjust(rules, endpoint));
        kept.map(|endpoint| endpoint.record_type().to_owned()).collect()
    };
    assert_eq!(kept(&Rules::default()), ["A", "TXT", "CNAME", "MX"]);
    assert_eq!(kept(&Rules::new(&Settings::default(), &capabilities)), ["A", "TXT"]);
    assert_eq!(kept(&Rules::new(&forbidding, &Capabilities::default())), ["A", "CNAME"]);
    assert_eq!(kept(&Rules::new(&forbidding, &capabilities)), ["A"]);
    assert_eq!((summary.endpoints, summary.left_out), (16, 7));
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let name = "[a-cA-C*ü]{1,3}\\.example\\.org\\.?";
    let target = "192\\.0\\.2\\.[1-3]|2001:(DB8|0db8)::[1-3]|[wW]ww\\.[eE]xample\\.org\\.?|[\"\\\\a 0-9.]{0,8}\
        |[0-9]{1,3} mail\\.org\\.?|[0-9] [0-9] 0?[0-9] Host\\.org\\.?|bücher\\.example";
    let record_type = "A|AAAA|CNAME|TXT|MX|SRV|NAPTR|CAA|X";
    let properties = proptest::collection::vec(("webhook/[ab]|alias", "[xy]?"), 0..4);
    (name, record_type, proptest::collection::vec(target, 0..4), 0..700_u32, "|blue", properties).prop_map(
        |(name, record_type, targets, ttl, set_identifier, properties)| Endpoint {
            set_identifier,
            labels: [("owner".to_owned(), "me".to_owned())].into(),
            provider_specific: properties.into_iter().map(|(name, value)| Property { name, value }).collect(),
            ..Endpoint::new(name, record_type, targets).with_ttl(ttl)
        },
    )
}

fn rules() -> impl Strategy<Value = Rules> {
    let types = || proptest::collection::vec("A|AAAA|CNAME|TXT|MX", 0..3);
    let ttl = || 0..600_u32;
    let properties = proptest::option::of(proptest::collection::vec("webhook/[ab]", 0..2));
    ((ttl(), ttl(), ttl()), (ttl(), ttl()), types(), types(), properties).prop_map(
        |((default_ttl, min_ttl, max_ttl), (min, max), types, record_types, properties)| {
            // The configuration lets no other order through.
            let (min_ttl, max_ttl) = (min_ttl.min(max_ttl), min_ttl.max(max_ttl));
            let settings = Settings { default_ttl, min_ttl, max_ttl, types };
            let mut capabilities =
                Capabilities::default().with_record_types(record_types).with_ttl_range(min, max);
            capabilities.properties = properties;
            Rules::new(&settings, &capabilities)
        },
    )
}

proptest! {
    #[test]
    fn adjusting_twice_is_adjusting_once(rules in rules(), endpoint in endpoint()) {
        if let Some(once) = adjust(&rules, &endpoint) {
            prop_assert_eq!(adjust(&rules, &once), Some(once));
        }
    }

    #[test]
    fn what_external_dns_knows_an_endpoint_by_is_kept(rules in rules(), endpoint in endpoint()) {
        if let Some(adjusted) = adjust(&rules, &endpoint) {
            prop_assert_eq!(adjusted.dns_name, endpoint.dns_name);
            prop_assert_eq!(adjusted.record_type, endpoint.record_type);
            prop_assert_eq!(adjusted.set_identifier, endpoint.set_identifier);
            prop_assert_eq!(adjusted.labels, endpoint.labels);
        }
    }

    #[test]
    fn no_record_is_lost_or_made_up(endpoint in endpoint()) {
        let adjusted = adjust(&Rules::default(), &endpoint).unwrap();
        let sent = endpoint.targets.iter().map(String::as_str);
        let kept = adjusted.targets.iter().map(String::as_str);
        prop_assert!(zonemux_plugin::dns::Difference::between(&endpoint.record_type, sent, kept).is_empty());
    }
}
