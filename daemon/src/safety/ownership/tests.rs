use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use zonemux_plugin::{Endpoint, Property};

use super::*;
use crate::store::memory::Memory;
use crate::wire;

fn txt(name: &str, owner: &str) -> Endpoint {
    let text = format!("\"heritage=external-dns,external-dns/owner={owner},external-dns/resource=x\"");
    Endpoint::new(name, "TXT", [text])
}

fn labelled(name: &str, owned: &str) -> Endpoint {
    let mut txt = txt(name, "me");
    txt.labels.insert("ownedRecord".into(), owned.into());
    txt
}

fn key(name: &str, record_type: &str) -> RecordKey {
    RecordKey { name: name.into(), record_type: record_type.into(), set_identifier: String::new() }
}

fn entry(txt: &Endpoint, record: Option<RecordKey>) -> (RecordKey, Option<OwnershipEntry>) {
    let entry = OwnershipEntry::new(txt, record).unwrap();
    (entry.key(), Some(entry))
}

fn open(memory: &Arc<Memory>) -> Ownership {
    let store: Arc<dyn Store> = memory.clone();
    Ownership::open(&store, "lan").unwrap()
}

fn text(list: &EncodedList) -> String {
    let body: Vec<u8> = wire::join([list]).concat();
    String::from_utf8(body).unwrap()
}

/// Backends by name, as a daemon has them.
struct Tables(BTreeMap<String, Mutex<Ownership>>);

impl Tables {
    fn of(memory: &Arc<Memory>) -> Self {
        let names = ["edge", "lan"];
        let store: Arc<dyn Store> = memory.clone();
        let tables = names.map(|name| (name.to_owned(), Mutex::new(Ownership::open(&store, name).unwrap())));
        Self(tables.into())
    }
}

impl OwnershipTables for Tables {
    fn backends(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn with(&self, backend: &str, run: &mut dyn FnMut(&mut Ownership)) {
        if let Some(table) = self.0.get(backend) {
            run(&mut table.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

#[test]
fn a_users_txt_is_never_taken_for_ownership() {
    for target in ["v=spf1 -all", "\"about heritage=external-dns\"", "heritage=external-dnsx", "\"kPq0==\""] {
        let mut txt = Endpoint::new("a-www.example.org", "TXT", [target]);
        txt.labels.insert("ownedRecord".into(), "www.example.org".into());
        assert_eq!(OwnershipEntry::new(&txt, None), None, "the label alone does not do: {target}");
    }
    let two = Endpoint::new("x.example.org", "TXT", ["heritage=external-dns", "mine"]);
    assert_eq!(OwnershipEntry::new(&two, None), None);
    for target in ["heritage=external-dns", "\"heritage=external-dns,external-dns/owner=me\""] {
        assert!(OwnershipEntry::new(&Endpoint::new("x", "TXT", [target]), None).is_some(), "{target}");
    }
}

#[test]
fn ownership_is_listed_as_it_was_sent_while_its_record_is_there_and_survives_its_absence() {
    let memory = Arc::default();
    let mut ownership = open(&memory);
    let www = Endpoint {
        set_identifier: "north".into(),
        provider_specific: vec![Property { name: "webhook/x".into(), value: "y".into() }],
        ..labelled("x-a.*.Wild.example.org", "*.wild.example.org").with_ttl(0)
    };
    let unknown = txt("owner.example.org", "me");
    let record = key("*.wild.example.org", "A");
    ownership.commit([entry(&www, Some(record.clone())), entry(&unknown, None)]).unwrap();
    let ownership = open(&memory);
    let there = ownership.listed(|key| *key == record, |_| false);
    assert_eq!(there.count, 2);
    let expected =
        format!("[{},{}]", serde_json::to_string(&unknown).unwrap(), serde_json::to_string(&www).unwrap());
    let read = |text: &str| serde_json::from_str::<Vec<Endpoint>>(text).unwrap();
    assert_eq!(read(&text(&there)), read(&expected));
    let gone = ownership.listed(|_| false, |_| false);
    assert_eq!(read(&text(&gone)), [unknown]);
    assert_eq!(ownership.len(), 2, "hidden, not lost");
    assert_eq!(text(&ownership.listed(|_| true, |_| false)), text(&there));
}

#[test]
fn a_txt_that_the_client_deletes_is_gone() {
    let memory = Arc::default();
    let mut ownership = open(&memory);
    let www = labelled("a-www.example.org", "www.example.org");
    ownership.commit([entry(&www, None)]).unwrap();
    ownership.commit([(key("a-www.example.org", "TXT"), None), (key("never", "TXT"), None)]).unwrap();
    assert!(open(&memory).is_empty());
}

#[test]
fn what_is_there_already_is_not_written_again() {
    let memory: Arc<Memory> = Arc::default();
    let mut ownership = open(&memory);
    let www = labelled("a-www.example.org", "www.example.org");
    ownership.commit([entry(&www, None)]).unwrap();
    memory.set_full(true);
    ownership.commit([entry(&www, None)]).unwrap();
    assert!(ownership.commit([entry(&txt("b.example.org", "me"), None)]).is_err());
    assert_eq!(ownership.len(), 1);
}

#[test]
fn the_record_is_the_one_of_its_unit_else_what_the_label_says() {
    let (a, cname) = (key("www.example.org", "A"), key("www.example.org", "CNAME"));
    let of_unit = |txt: &Endpoint| owned_record(txt, |key| [&a, &cname].contains(&key));
    let nobody = |txt: &Endpoint| owned_record(txt, |_| false);
    let www = labelled("cname-www.example.org", "www.example.org");
    assert_eq!(of_unit(&www), Some(cname.clone()));
    assert_eq!(nobody(&www), Some(cname.clone()));
    // Neither the TXT's name nor its label say the type.
    let untyped = labelled("owner.www.example.org", "www.example.org");
    assert_eq!((of_unit(&untyped), nobody(&untyped)), (Some(a.clone()), None));
    // No label: a guess counts only where there is such a record.
    let unlabelled = txt("cname-www.example.org", "me");
    assert_eq!((of_unit(&unlabelled), nobody(&unlabelled)), (Some(cname.clone()), None));
    let north = Endpoint { set_identifier: "north".into(), ..www };
    assert_eq!(of_unit(&north).unwrap().set_identifier, "north");
    assert_eq!(owned_record(&Endpoint::new("a-www.example.org", "TXT", ["mine"]), |_| true), None);
    // A TXT at its record's own name, as old registries write it, does not own itself.
    assert_eq!(owned_record(&txt("www.example.org", "me"), |key| key.record_type == "TXT"), None);
}

#[test]
fn ownership_moves_to_another_machine() {
    let (here, there) = (Arc::default(), Arc::default());
    let tables = Tables::of(&here);
    tables.with("lan", &mut |table| {
        let www = labelled("a-www.example.org", "www.example.org");
        table
            .commit([
                entry(&www, Some(key("www.example.org", "A"))),
                entry(&txt("z.example.org", "me"), None),
            ])
            .unwrap();
    });
    let document = export(&tables, None).unwrap().to_json().unwrap();
    insta::assert_snapshot!(document, @r##"
    {
      "format": "zonemux ownership",
      "version": 1,
      "backends": {
        "lan": [
          {
            "txt": {
              "dnsName": "a-www.example.org",
              "targets": [
                "\"heritage=external-dns,external-dns/owner=me,external-dns/resource=x\""
              ],
              "recordType": "TXT",
              "labels": {
                "ownedRecord": "www.example.org"
              }
            },
            "record": {
              "dnsName": "www.example.org",
              "recordType": "A"
            }
          },
          {
            "txt": {
              "dnsName": "z.example.org",
              "targets": [
                "\"heritage=external-dns,external-dns/owner=me,external-dns/resource=x\""
              ],
              "recordType": "TXT"
            }
          }
        ]
      }
    }
    "##);
    let other = Tables::of(&there);
    let added = Imported { added: 2, ..Imported::default() };
    let done = |imported| ImportAnswer::Done { backends: BTreeMap::from([("lan".to_owned(), imported)]) };
    assert_eq!(import(&other, document.as_bytes(), false), done(added));
    assert_eq!(export(&other, None).unwrap().to_json().unwrap(), document);
    let unchanged = Imported { unchanged: 2, ..Imported::default() };
    assert_eq!(import(&other, document.as_bytes(), false), done(unchanged));
    assert_eq!(export(&other, Some("edge")).unwrap().backends["edge"], []);
    assert_eq!(export(&other, Some("nowhere")), None);
}

#[test]
fn another_owner_is_not_overwritten_unless_forced() {
    let memory = Arc::default();
    let tables = Tables::of(&memory);
    let commit = |name, owner| {
        tables.with("lan", &mut |table| table.commit([entry(&txt(name, owner), None)]).unwrap());
    };
    commit("www.example.org", "theirs");
    let document = export(&tables, None).unwrap().to_json().unwrap().replace("theirs", "mine");
    let ImportAnswer::Conflicts { conflicts } = import(&tables, document.as_bytes(), false) else {
        panic!("expected a conflict");
    };
    assert_eq!(
        conflicts[0].to_string(),
        "www.example.org TXT of backend lan belongs to theirs here, and to mine in the document"
    );
    let owner = || {
        let mut owner = None;
        tables.with("lan", &mut |table| {
            owner = table.entries().next().and_then(|entry| entry.owner().map(str::to_owned));
        });
        owner.unwrap()
    };
    assert_eq!(owner(), "theirs");
    assert!(matches!(import(&tables, document.as_bytes(), true), ImportAnswer::Done { .. }));
    assert_eq!(owner(), "mine");
}

#[test]
fn a_document_with_faults_stores_nothing_and_names_each() {
    let memory = Arc::default();
    let tables = Tables::of(&memory);
    let faults = |document: &str| match import(&tables, document.as_bytes(), true) {
        ImportAnswer::Faults { faults } => faults,
        other => panic!("{other:?}"),
    };
    let head = r#""format": "zonemux ownership", "version": 1"#;
    let good = r#"{"txt": {"dnsName": "a.org", "recordType": "TXT", "targets": ["heritage=external-dns"]}}"#;
    let document = format!(
        r#"{{{head}, "backends": {{"lan": [{good},
            {{"txt": {{"dnsName": "a..org", "recordType": "A", "targets": ["heritage=external-dns", "x"]}},
              "record": {{"dnsName": "", "recordType": ""}}}},
            {{"txt": {{"dnsName": "b.org", "targets": [1]}}}},
            {{"text": {{}}}},
            {good}]}}}}"#
    );
    insta::assert_snapshot!(faults(&document).join("\n"), @r##"
    `backends.lan[1].txt.dnsName`: label 2 of "a..org" is empty: two dots in a row, or one at the start
    `backends.lan[1].txt.recordType`: expected "TXT", got "A"
    `backends.lan[1].txt.targets`: expected one text that begins with `heritage=external-dns`
    `backends.lan[1].record.dnsName`: the name is empty
    `backends.lan[1].record.recordType`: it is empty
    `backends.lan[2].txt.targets[0]`: invalid type: integer `1`, expected a string
    `backends.lan[3].text`: unknown field `text`, expected `txt` or `record`
    `backends.lan[4].txt`: the same TXT as in `backends.lan[0]`
    "##);
    tables.with("lan", &mut |table| assert!(table.is_empty()));
    insta::assert_snapshot!(
        [
            "{",
            "[]",
            r#"{"format": "zonemux ownership", "version": 2, "backends": {}}"#,
            r#"{"format": "zonemux ownership", "backends": {}}"#,
            &format!(r#"{{{head}, "backends": {{"nowhere": [{good}]}}}}"#),
        ]
        .map(|document| faults(document).join("\n"))
        .join("\n"),
        @r##"
    not JSON: EOF while parsing an object at line 1 column 1
    expected a document of `zonemux ownership export`, with "format": "zonemux ownership"
    `version`: expected 1: the document was written by a newer zonemux
    missing field `version`
    `backends.nowhere`: there is no backend of this name here
    "##
    );
}

#[test]
fn an_import_that_can_not_be_stored_says_what_was() {
    let memory: Arc<Memory> = Arc::default();
    let tables = Tables::of(&memory);
    tables.with("lan", &mut |table| table.commit([entry(&txt("a.org", "me"), None)]).unwrap());
    let document = export(&tables, None).unwrap().to_json().unwrap().replace("a.org", "b.org");
    memory.set_full(true);
    let ImportAnswer::Failed { backends, error, hint } = import(&tables, document.as_bytes(), false) else {
        panic!("expected a failure");
    };
    assert!(backends.is_empty() && error.contains("no room") && hint.is_some(), "{error}");
}
