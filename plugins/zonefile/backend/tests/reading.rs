//! What the reader makes of zone files, compared with what `named-compilezone` makes of them.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

use common::{Folder, ZONE};
use proptest::prelude::*;
use serde_json::json;

/// A part of a generated file: a line, or several.
fn part() -> impl Strategy<Value = String> {
    let owner = prop_oneof![
        "[a-d]",
        Just("@".to_owned()),
        "[a-c]\\.[a-b]",
        Just(format!("x.{ZONE}.")),
        "\\*\\.[ab]",
        Just("a\\.b".to_owned()),
        Just("c\\;d".to_owned()),
        Just("\\065z".to_owned()),
        Just("UPPER".to_owned()),
        Just("\"q\"".to_owned()),
        Just("\"q w;(\\\"\"".to_owned()),
        Just(String::new()),
    ];
    let middle = prop_oneof![
        Just(""),
        Just("IN"),
        Just("60"),
        Just("1h30m IN"),
        Just("in 5M"),
        Just("CLASS1 7"),
        Just("1W")
    ];
    let rdata = prop_oneof![
        "[0-9]{1,2}".prop_map(|number| format!("A 192.0.2.{number}")),
        "[0-9a-f]{1,3}".prop_map(|number| format!("AAAA 2001:DB8:0::{number}")),
        "[a-d]{1,2}".prop_map(|name| format!("MX 010 {name}")),
        "[a-d]{1,2}".prop_map(|name| format!("MX ( 20\n\t{name}.example.net. ) ; far")),
        "[a-z ;()]{0,8}".prop_map(|text| format!("TXT \"{text}\" plain\\;x \\098\\255")),
        Just("TXT \"\\\"quoted\\\"\" \"\" a\\ b".to_owned()),
        Just("txt ( \"a\" ; one\n \"b\" ) ; two".to_owned()),
        "[0-9]{1,2}".prop_map(|number| format!("SRV 0 {number} 443 srv")),
        Just("NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:i@example.org!\" .".to_owned()),
        Just("CAA 0 issue \"ca.example.net\"".to_owned()),
        Just("TYPE65280 \\# 3 ab CDef".to_owned()),
        Just("PTR host\\.name".to_owned()),
        "[ab=\\\\ ]{0,3}"
            .prop_filter("no open escape", |text| !text.ends_with('\\'))
            .prop_map(|text| format!("TXT k=\"v {text}w\" a=\"\"b \\=\"c\"=\"d\"")),
        Just("HTTPS 1 . alpn=\"h2,h3\" port=8".to_owned()),
        Just("SSHFP 1 2 ( 123456789abcdef67890123456789abcdef67890123456789abcdef123456789 )".to_owned()),
    ];
    let record = (owner, middle, rdata, 1..3_usize).prop_map(|(owner, middle, rdata, spaces)| {
        format!("{owner}{}{middle} {rdata}", [" ", "\t"][spaces - 1])
    });
    prop_oneof![
        8 => record,
        1 => "[a-c]".prop_map(|origin| format!("$ORIGIN {origin}.{ZONE}.")),
        1 => Just(format!("$ORIGIN {ZONE}.")),
        1 => prop_oneof![Just("$TTL 2h"), Just("$TTL 90"), Just("$ttl 1d12h")].prop_map(str::to_owned),
        1 => Just("; a comment with ( and \"".to_owned()),
        1 => Just("   ; only space and a comment\n\t\n".to_owned()),
        1 => "[0-9]".prop_map(|to| format!("$GENERATE 0-2{to}/7 g-${{3,4,x}} 40 A 192.0.2.$")),
        1 => "-?[0-9]{1,2}".prop_map(|offset| format!("$GENERATE 1-3 o${{{offset},3}} 40 TXT ${{{offset},9,x}}.${{{offset},3,n}}")),
        1 => "[a-d]".prop_map(|name| format!("$GENERATE 1-2 {name} 70 A 192.0.2.$")),
        1 => "[1-9]".prop_map(|to| format!("$GENERATE 1-{to} ${{0,3,n}}.r CNAME \\$-$.example.net.")),
        1 => Just("$INCLUDE part".to_owned()),
        1 => Just("$INCLUDE \"part\" sub ; with an origin".to_owned()),
    ]
}

/// Lines that take their TTL from elsewhere.
fn timed() -> impl Strategy<Value = Vec<String>> {
    let middle = prop_oneof![
        Just(""),
        Just("IN"),
        Just("60"),
        Just("1h30m IN"),
        Just("in 5M"),
        Just("0 "),
        Just("1W")
    ];
    let directive = prop_oneof![Just("$TTL 2h"), Just("$TTL 90"), Just("$INCLUDE ttl"), Just("")];
    proptest::collection::vec((middle, directive), 0..6).prop_map(|lines| {
        let line = |(index, (middle, directive))| format!("ttl{index} {middle} A 192.0.2.1\n{directive}");
        lines.into_iter().enumerate().map(line).collect()
    })
}

type Row = (String, String, Vec<String>);

/// The zone as BIND reads it: one absolute line for each record, which we read again.
fn compiled(folder: &Folder, zone: &str) -> Option<BTreeSet<Row>> {
    folder.write("zone", zone);
    let out = folder.path("compiled");
    let output = Command::new("named-compilezone")
        .args(["-i", "none", "-k", "ignore", "-s", "full", "-w"])
        .arg(folder.path(""))
        .arg("-o")
        .arg(&out)
        .args([ZONE, "zone"])
        .output()
        .unwrap();
    output.status.success().then(|| {
        let include = format!("$INCLUDE {}\n", folder.path("zone.zonemux").display());
        let text = folder.read("compiled");
        assert!(!text.contains('$') || !text.lines().any(|line| line.starts_with('$')), "{text}");
        folder.write("zone", &(text + &include));
        rows(folder).unwrap_or_else(|error| panic!("{error}: {}", folder.read("zone")))
    })
}

fn rows(folder: &Folder) -> Result<BTreeSet<Row>, String> {
    let dns = folder
        .try_open(json!({ "checker": [], "server": "bind", "verify": "none", "reload": ["true"] }))
        .map_err(|error| error.to_string())?;
    let listed = dns.records().map_err(|error| error.to_string())?;
    let rows = listed.into_iter().map(|mut it| {
        if it.record_type.starts_with("TYPE") || it.record_type == "SSHFP" {
            // Hexadecimal digits in whatever case and groups.
            it.targets.iter_mut().for_each(|target| {
                let words: Vec<&str> = target.split(' ').collect();
                let fixed = 2;
                *target = words[..fixed].join(" ") + " " + &words[fixed..].concat().to_ascii_uppercase();
            });
        }
        it.targets.sort();
        (it.dns_name, format!("{} {}", it.record_type, it.record_ttl), it.targets)
    });
    Ok(rows.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn files_are_read_as_bind_reads_them(
        parts in proptest::collection::vec(part(), 0..14),
        included in proptest::collection::vec(part().prop_filter("no circle", |part| !part.starts_with("$INCLUDE")), 0..4),
        timed in timed(),
        ttl in prop_oneof![Just("$TTL 1h\n"), Just("")],
    ) {
        let folder = Folder::empty();
        folder.write("ttl", "$TTL 77\nin-it A 192.0.2.1\n");
        folder.write("part", &(included.join("\n") + "\n"));
        let mut zone = format!("{ttl}@ IN SOA ns h ( 7 ; serial\n 1h 10M 2W\n 300 )\n NS ns\nns 50 A 192.0.2.1\n");
        for part in timed.iter().chain([&"z A 192.0.2.1".to_owned()]).chain(&parts) {
            writeln!(zone, "{part}").unwrap();
        }
        let Some(expected) = compiled(&folder, &zone) else {
            // BIND refuses it; whether we do is the checker's matter. Another one is tried in its place.
            return Err(TestCaseError::reject("refused"));
        };
        let include = format!("$INCLUDE {}\n", folder.path("zone.zonemux").display());
        folder.write("zone", &(zone.clone() + &include));
        let read = rows(&folder);
        prop_assert_eq!(read, Ok(expected), "{}", zone);
    }
}
