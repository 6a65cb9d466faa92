//! Transfers record by record.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::message::{Writer, records};

const APEX: &[u8] = b"\x07example\0";

/// A record: its label and a number; an SOA where there is no label.
type Row = (Option<u8>, u32);

/// The NS record of the zone itself.
const NS: Row = (Some(b'@'), 0);

fn soa(serial: u32) -> Row {
    (None, serial)
}

fn feed(machine: &mut Machine<'_>, rows: &[Row]) -> Result<Step, String> {
    let mut writer = Writer::query(APEX, Rtype::AXFR, Class::In);
    for &(label, number) in rows {
        if (label, number) == NS {
            let host = [&b"\x02ns"[..], APEX].concat();
            writer.prerequisite(APEX, Rtype::NS, Class::In, &host);
        } else if let Some(label) = label {
            let owner = [&[1, label][..], APEX].concat();
            writer.prerequisite(&owner, Rtype::A, Class::In, &number.to_be_bytes());
        } else {
            let rdata = [&[0, 0][..], &number.to_be_bytes(), &[0; 16]].concat();
            writer.prerequisite(APEX, Rtype::SOA, Class::In, &rdata);
        }
    }
    let message = writer.finish();
    let mut last = Step::More;
    for record in records(&message).unwrap() {
        last = machine.record(&record.unwrap())?;
    }
    Ok(last)
}

fn contents(store: &Store) -> BTreeSet<(u8, u32)> {
    let all = store.iter().flat_map(|set| {
        let label = set.name[1];
        set.rdatas().map(move |rdata| (label, u32::from_be_bytes(rdata.try_into().unwrap())))
    });
    all.collect()
}

fn whole(rows: &BTreeSet<(u8, u32)>, serial: u32) -> Store {
    let rows: Vec<Row> = rows.iter().map(|&(label, number)| (Some(label), number)).collect();
    let mut machine = Machine::new(APEX, None);
    let all = [&[soa(serial), NS][..], &rows, &[soa(serial)]].concat();
    assert_eq!(feed(&mut machine, &all), Ok(Step::Done));
    machine.finish().unwrap().0
}

#[test]
fn a_whole_zone_needs_the_soa_at_both_ends() {
    let one = (Some(b'a'), 1);
    let read = |rows: &[Row]| {
        let mut machine = Machine::new(APEX, None);
        feed(&mut machine, rows)?;
        machine.finish()
    };
    let (store, serial, kind) = read(&[soa(7), NS, one, (Some(b'a'), 2), soa(7)]).unwrap();
    assert_eq!((serial, kind, store.len()), (7, Kind::Whole, 1));
    assert!(read(&[soa(7), NS, soa(7)]).unwrap().0.is_empty());
    for (rows, words) in [
        (&[one][..], "does not begin"),
        (&[soa(7)], "not whole"),
        (&[soa(7), one], "not whole"),
        (&[soa(7), one, soa(8)], "changed from serial 7 to 8"),
        (&[soa(7), one, soa(7), one], "behind its end"),
        (&[soa(7), soa(8)], "don't lead"),
        (&[soa(7), soa(7)], "no NS records of the zone itself"),
        (&[soa(7), one, soa(7)], "no NS records of the zone itself"),
    ] {
        assert!(read(rows).unwrap_err().contains(words), "{rows:?}");
    }
}

#[test]
fn steps_that_do_not_fit_are_an_error() {
    let one = (Some(b'a'), 1);
    let read = |rows: &[Row]| {
        let mut machine = Machine::new(APEX, Some((whole(&[(b'a', 1)].into(), 7), 7)));
        feed(&mut machine, rows)?;
        machine.finish()
    };
    let (store, serial, kind) = read(&[soa(7)]).unwrap();
    assert_eq!((store.len(), serial, kind), (1, 7, Kind::Nothing));
    let (store, serial, kind) = read(&[soa(8), soa(7), one, soa(8), soa(8)]).unwrap();
    assert_eq!((store.len(), serial, kind), (0, 8, Kind::Steps));
    let (store, serial, kind) = read(&[soa(9), NS, one, (Some(b'b'), 1), soa(9)]).unwrap();
    assert_eq!((store.len(), serial, kind), (2, 9, Kind::Whole), "a server may send all");
    for (rows, words) in [
        (&[soa(8)][..], "not whole"),
        (&[soa(8), soa(7), one, soa(8)], "not whole"),
        (&[soa(8), soa(7), (Some(b'b'), 1), soa(8), soa(8)], "was not there"),
        (&[soa(8), soa(7), soa(8), one, soa(8)], "was there"),
        (&[soa(9), soa(7), soa(8), soa(9)], "don't lead"),
        (&[soa(8), soa(6), soa(8), soa(8)], "don't lead"),
        (&[soa(7), soa(7)], "no NS records of the zone itself"),
        (&[soa(9), one, soa(9)], "no NS records of the zone itself"),
    ] {
        assert!(read(rows).unwrap_err().contains(words), "{rows:?}");
    }
}

#[test]
fn a_serial_that_went_back_is_not_waited_on() {
    let check = |serial| {
        let mut machine = Machine::new(APEX, Some((whole(&BTreeSet::new(), 7), 7)));
        feed(&mut machine, &[soa(serial)]).unwrap();
        machine.check_serial()
    };
    assert_eq!(check(6), Err("the serial went back to 6".to_owned()));
    assert_eq!((check(7), check(8)), (Ok(()), Ok(())));
}

proptest! {
    #[test]
    fn steps_lead_to_the_same_zone_as_a_whole_transfer(
        versions in proptest::collection::vec(
            proptest::collection::btree_set((b'a'..b'e', 0..4_u32), 0..8), 2..6,
        ),
    ) {
        let latest = u32::try_from(versions.len()).unwrap() - 1;
        let mut rows = vec![soa(latest)];
        for (serial, pair) in (0..).zip(versions.windows(2)) {
            let row = |&(label, number): &(u8, u32)| (Some(label), number);
            rows.push(soa(serial));
            rows.extend(pair[0].difference(&pair[1]).map(row));
            rows.push(soa(serial + 1));
            rows.extend(pair[1].difference(&pair[0]).map(row));
        }
        rows.push(soa(latest));
        let mut machine = Machine::new(APEX, Some((whole(&versions[0], 0), 0)));
        prop_assert_eq!(feed(&mut machine, &rows), Ok(Step::Done));
        let (store, serial, kind) = machine.finish().unwrap();
        prop_assert_eq!((serial, kind), (latest, Kind::Steps));
        let last = versions.last().unwrap();
        prop_assert_eq!(&contents(&store), last);
        prop_assert_eq!(contents(&store), contents(&whole(last, latest)));
    }
}
