//! Decoding and encoding together, and what ExternalDNS and others send.

use proptest::prelude::*;
use zonemux_plugin::{Endpoint, EndpointView, Property};

use super::*;

fn names(changes: &Changes, positions: &[u32]) -> Vec<String> {
    positions.iter().map(|position| at(changes, *position).dns_name).collect()
}

fn at(changes: &Changes, position: u32) -> Endpoint {
    changes.endpoints.get(position as usize).unwrap().to_endpoint()
}

fn one(json: &str) -> Endpoint {
    let decoded = endpoints(format!("[{json}]").as_bytes()).unwrap();
    assert_eq!(decoded.len(), 1, "{json}");
    decoded.get(0).unwrap().to_endpoint()
}

fn encoded(endpoints: &[Endpoint]) -> String {
    String::from_utf8(join([&ListEncoder::encode(endpoints.to_vec())]).concat()).unwrap()
}

#[test]
fn both_spellings_and_any_case_are_read() {
    for keys in [
        ["create", "updateOld", "updateNew", "delete"],
        ["Create", "UpdateOld", "UpdateNew", "Delete"],
        ["CREATE", "updateold", "UPDATENEW", "dElEtE"],
    ] {
        let lists = keys.map(|key| format!(r#""{key}":[{{"DNSNAME":"{}","recordtype":"A"}}]"#, &key[..1]));
        let changes = changes(format!("{{{}}}", lists.join(",")).as_bytes()).unwrap();
        let (create, delete) = (&keys[0][..1], &keys[3][..1]);
        assert_eq!(names(&changes, &changes.create), [create]);
        assert_eq!(names(&changes, &changes.delete), [delete]);
        assert_eq!(changes.update, [(Some(1), 2)]);
        assert_eq!(at(&changes, 2).record_type, "A");
    }
}

#[test]
fn null_is_legal_everywhere() {
    let nothing = changes(br#"{"Create":null,"UpdateOld":null,"UpdateNew":null,"Delete":[null]}"#).unwrap();
    assert!(nothing.endpoints.is_empty());
    assert!(changes(b"null").unwrap().endpoints.is_empty());
    assert!(endpoints(b" null\n").unwrap().is_empty());
    let decoded = endpoints(br#"[null,{"dnsName":"a"},null,{}]"#).unwrap();
    assert_eq!(decoded.len(), 1);

    let null_fields = r#"{"dnsName":"a","targets":null,"recordType":null,"setIdentifier":null,
        "recordTTL":null,"labels":null,"providerSpecific":null}"#;
    assert_eq!(one(null_fields), Endpoint { dns_name: "a".to_owned(), ..Endpoint::default() });
    let null_values = r#"{"targets":["x",null],"labels":{"k":null},
        "providerSpecific":[null,{"name":"n","value":null},{}]}"#;
    let property = |name: &str| Property { name: name.to_owned(), value: String::new() };
    let expected = Endpoint {
        targets: vec!["x".to_owned()],
        labels: [("k".to_owned(), String::new())].into(),
        provider_specific: vec![property("n"), property("")],
        ..Endpoint::default()
    };
    assert_eq!(one(null_values), expected);
}

#[test]
fn what_is_not_known_is_ignored_and_what_comes_twice_counts_last() {
    let twice = r#"{"dnsName":"first","future":{"x":[1,2,{"y":null}]},"targets":["1"],"labels":{"a":"1","b":"2","a":"3"},
        "providerSpecific":[{"name":"p","value":"1","more":true}],"recordTTL":1,
        "DNSName":"last","targets":["2","3"],"recordTTL":2,"providerSpecific":[]}"#;
    let expected = Endpoint {
        dns_name: "last".to_owned(),
        targets: vec!["2".to_owned(), "3".to_owned()],
        record_ttl: 2,
        labels: [("a", "3"), ("b", "2")].map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        ..Endpoint::default()
    };
    assert_eq!(one(twice), expected);

    let lists = br#"{"create":[{"dnsName":"a"}],"Create":[{"dnsName":"b"}],"future":[[[]]]}"#;
    let changes = changes(lists).unwrap();
    assert_eq!(names(&changes, &changes.create), ["a", "b"]);
}

#[test]
fn any_number_is_a_ttl() {
    for (ttl, expected) in [
        ("0", 0),
        ("-1", 0),
        ("-9223372036854775809", 0),
        ("300", 300),
        ("300.0", 300),
        ("3e2", 300),
        ("2147483647", 2_147_483_647),
        ("2147483648", 2_147_483_647),
        ("18446744073709551616", 2_147_483_647),
        ("1e300", 2_147_483_647),
        ("-0.5", 0),
    ] {
        assert_eq!(one(&format!(r#"{{"recordTTL":{ttl}}}"#)).record_ttl, expected, "{ttl}");
    }
    for other in ["\"300\"", "[]", "{}", "true"] {
        assert!(endpoints(format!(r#"[{{"recordTTL":{other}}}]"#).as_bytes()).is_err(), "{other}");
    }
}

#[test]
fn nesting_ends_in_an_error_and_not_on_the_stack() {
    let deep = |open: &str, close: &str| format!("[{}{}]", open.repeat(100_000), close.repeat(100_000));
    for body in [deep("[", "]"), deep(r#"{"labels":"#, "}"), deep(r#"{"labels":{"a":"#, "}}")] {
        assert!(endpoints(body.as_bytes()).is_err());
    }
    // What is skipped is skipped without recursion.
    let skipped = format!(r#"[{{"x":{}{},"dnsName":"a"}}]"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(endpoints(skipped.as_bytes()).unwrap().len(), 1);
}

#[test]
fn what_go_encodes_is_what_we_encode() {
    let full = Endpoint {
        dns_name: "www.example.org".to_owned(),
        targets: vec!["192.0.2.1".to_owned(), "192.0.2.2".to_owned()],
        record_type: "A".to_owned(),
        set_identifier: "north".to_owned(),
        record_ttl: 300,
        labels: [("owner", "me"), ("resource", "ingress/default/www")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        provider_specific: vec![
            Property { name: "webhook/comment".to_owned(), value: "\"quoted\"".to_owned() },
            Property { name: "empty".to_owned(), value: String::new() },
        ],
    };
    let bare = Endpoint::new("a.example.org", "TXT", ["v=spf1 -all"]);
    assert_eq!(
        encoded(&[full, bare, Endpoint::default()]),
        concat!(
            r#"[{"dnsName":"www.example.org","targets":["192.0.2.1","192.0.2.2"],"recordType":"A","#,
            r#""setIdentifier":"north","recordTTL":300,"labels":{"owner":"me","resource":"ingress/default/www"},"#,
            r#""providerSpecific":[{"name":"webhook/comment","value":"\"quoted\""},{"name":"empty"}]},"#,
            r#"{"dnsName":"a.example.org","targets":["v=spf1 -all"],"recordType":"TXT"},{}]"#,
        )
    );
}

#[test]
fn lists_are_joined_and_an_empty_one_is_a_list() {
    let joined = |lists: &[&EncodedList]| String::from_utf8(join(lists.iter().copied()).concat()).unwrap();
    let empty = ListEncoder::new().finish();
    let a = ListEncoder::encode([Endpoint::new("a", "A", ["1"])]);
    let b = ListEncoder::encode([Endpoint::new("b", "A", ["2"]), Endpoint::new("c", "A", ["3"])]);
    assert_eq!((b.count, b.bytes), (2, b.chunks.concat().len() as u64));
    assert_eq!(joined(&[]), "[]");
    assert_eq!(joined(&[&empty, &empty]), "[]");
    let together = joined(&[&empty, &a, &empty, &b, &empty]);
    let decoded = endpoints(together.as_bytes()).unwrap();
    let names: Vec<_> = decoded.iter().map(|endpoint| endpoint.dns_name()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn a_long_list_comes_in_chunks_cut_between_endpoints() {
    let list = ListEncoder::encode((0..5000).map(|number| Endpoint::new(format!("n{number}"), "A", ["1"])));
    assert!(list.chunks.len() > 2);
    for chunk in &list.chunks {
        assert!((1..70 * 1024).contains(&chunk.len()));
        assert_eq!(chunk.last(), Some(&b'}'));
    }
    assert_eq!(endpoints(&join([&list]).concat()).unwrap().len(), 5000);
}

#[test]
fn the_filter_is_an_object_with_a_list() {
    let zones = ["example.org".to_owned(), "2.0.192.in-addr.arpa".to_owned()];
    assert_eq!(domain_filter(&zones), r#"{"include":["example.org","2.0.192.in-addr.arpa"]}"#);
}

#[test]
fn a_batch_has_names_without_a_trailing_dot_and_a_list_has_them_as_sent() {
    let names =
        [("a.example.org.", "a.example.org"), ("a", "a"), (".", "."), (r"a\\.", r"a\."), ("a..", "a.")];
    for (sent, read) in names {
        let endpoint = format!(r#"{{"dnsName":"{sent}"}}"#);
        let batch = changes(format!(r#"{{"create":[{endpoint}]}}"#).as_bytes()).unwrap();
        assert_eq!(batch.endpoints.get(0).unwrap().dns_name(), read, "{sent}");
        let list = endpoints(format!("[{endpoint}]").as_bytes()).unwrap();
        assert_eq!(list.get(0).unwrap().dns_name(), sent.replace(r"\\", r"\"), "{sent}");
    }
}

/// Any endpoint but the one without anything in it.
fn any_endpoint() -> impl Strategy<Value = Endpoint> {
    let pairs = || prop::collection::vec((any::<String>(), any::<String>()), 0..4);
    // Trailing dots have a test of their own.
    let texts = (".*[^.]", "[A-Z]{0,5}", "[\\x00-\\x1f\u{2028}\"\\\\a]{0,6}");
    (texts, prop::collection::vec(any::<String>(), 0..4), 0..=0x7fff_ffff_u32, pairs(), pairs()).prop_map(
        |((dns_name, record_type, set_identifier), targets, record_ttl, labels, properties)| Endpoint {
            dns_name,
            targets,
            record_type,
            set_identifier,
            record_ttl,
            labels: labels.into_iter().collect(),
            provider_specific: properties.into_iter().map(|(name, value)| Property { name, value }).collect(),
        },
    )
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(list in prop::collection::vec(any_endpoint(), 0..6)) {
        let json = encoded(&list);
        let decoded: Vec<_> = endpoints(json.as_bytes()).unwrap().iter().map(|e| e.to_endpoint()).collect();
        prop_assert_eq!(&decoded, &list);
        // Another decoder finds the same names in it.
        let others: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
        let names: Vec<_> = others.iter().map(|value| value["dnsName"].as_str().unwrap_or_default()).collect();
        prop_assert_eq!(names, list.iter().map(|endpoint| endpoint.dns_name.as_str()).collect::<Vec<_>>());
    }

    #[test]
    fn what_serde_json_writes_is_decoded(list in prop::collection::vec(any_endpoint(), 0..6)) {
        let batch = serde_json::json!({ "create": list, "delete": null }).to_string();
        let changes = changes(batch.as_bytes()).unwrap();
        let decoded: Vec<_> = changes.create.iter().map(|position| at(&changes, *position)).collect();
        prop_assert_eq!(decoded, list);
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(endpoints(&body).is_err_and(|error| error.to_string().is_empty()), false);
        prop_assert_eq!(changes(&body).is_err_and(|error| error.to_string().is_empty()), false);
    }

    #[test]
    fn no_damage_makes_it_panic(
        list in prop::collection::vec(any_endpoint(), 1..3),
        at in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let mut json = encoded(&list).into_bytes();
        let at = at.index(json.len());
        prop_assert!(endpoints(&json[..at]).is_err(), "a list that is cut is no list");
        json[at] = byte;
        if let Err(error) = endpoints(&json) {
            prop_assert!(error.to_string().len() < 2000);
        }
    }
}
