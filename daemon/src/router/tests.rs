use std::sync::Arc;

use proptest::prelude::*;
use zonemux_plugin::dns::{canonical, is_at_or_below};
use zonemux_plugin::{ChangeId, Endpoint, EndpointRef, Endpoints};

use super::split::split_among;
use super::*;
use crate::wire::Changes;

/// Nested, with an IDN, an escape, a reverse zone and one that only looks like another.
const ZONES: [&str; 8] = [
    "example.org",
    "sub.example.org",
    "deep.sub.example.org",
    "xn--bcher-kva.example",
    r"a\.b.example.org",
    "2.0.192.in-addr.arpa",
    "notexample.org",
    "*.example.net",
];

/// Which backend the zones belong to; several zones to one.
const BACKENDS: usize = 3;

fn router() -> Router {
    Router::new(ZONES.iter().enumerate().map(|(index, zone)| (*zone, index % BACKENDS)))
}

#[test]
fn the_longest_suffix_on_a_label_boundary_wins() {
    let router = Router::new([("example.org", 0), ("sub.example.org", 1), ("2.0.192.in-addr.arpa", 2)]);
    let backend = |name: &str| match router.route(name) {
        Route::Backend(backend) => Some(backend),
        Route::Nowhere(_) => None,
    };
    assert_eq!(backend("www.example.org"), Some(0));
    assert_eq!(backend("example.org"), Some(0));
    assert_eq!(backend("WWW.Example.Org."), Some(0));
    assert_eq!(backend("a.sub.example.org"), Some(1));
    assert_eq!(backend("notsub.example.org"), Some(0));
    assert_eq!(backend("notexample.org"), None);
    assert_eq!(backend("org"), None);
    assert_eq!(backend("1.2.0.192.in-addr.arpa"), Some(2));
    assert_eq!(backend("a..example.org"), None);
}

/// Names at, below, beside and far from the zones, in every spelling that a client may send, and some
/// that are no names.
fn name() -> impl Strategy<Value = String> {
    let zone = prop::sample::select(vec![
        "example.org",
        "Sub.EXAMPLE.org",
        "deep.sub.example.org",
        "bücher.example",
        "XN--Bcher-KVA.example",
        r"a\.b.example.org",
        r"a\046b.example.org",
        "b.example.org",
        "2.0.192.in-addr.arpa",
        "notexample.org",
        "*.example.net",
        "example.net",
        "org",
        "elsewhere.test",
    ]);
    let below = r"|([a-cA-Cä*_]{1,3}\.){1,3}|x\\\.|x\\\\\.|a-www\.|\.|x\.\.|a b\.";
    (below, zone, any::<bool>())
        .prop_map(|(below, zone, dot)| format!("{below}{zone}{}", if dot { "." } else { "" }))
}

/// What the words of the design say, without any map: the longest zone that the name is in.
fn expected(dns_name: &str) -> Option<usize> {
    let name = canonical(dns_name).ok()?;
    let zones = ZONES.iter().enumerate().filter(|(_, zone)| is_at_or_below(&name, zone));
    zones.max_by_key(|(_, zone)| zone.len()).map(|(index, _)| index % BACKENDS)
}

/// Endpoints that are told apart by their TTL, their position.
fn endpoints(names: &[String]) -> Endpoints {
    let owned: Vec<Endpoint> =
        (0..).zip(names).map(|(ttl, name)| Endpoint::new(name, "A", ["192.0.2.1"]).with_ttl(ttl)).collect();
    owned.iter().collect()
}

fn positions<'a>(endpoints: impl Iterator<Item = EndpointRef<'a>>) -> Vec<u32> {
    endpoints.map(|endpoint| endpoint.record_ttl()).collect()
}

#[test]
fn a_large_list_is_split_as_its_endpoints_are() {
    // More than is looked at together, and no whole number of that.
    let spellings =
        ["a.example.org", "b.Sub.example.org.", "x..y", r"c.a\.b.example.org", "elsewhere.test", "."];
    let names: Vec<String> =
        (0..1111).map(|index| spellings[index * 7 % spellings.len()].to_owned()).collect();
    let (parts, nowhere) = split_endpoints(&router(), BACKENDS, &endpoints(&names));
    let whose = (0..BACKENDS).map(Some).chain([None]);
    for (part, whose) in parts.iter().chain([&nowhere]).zip(whose) {
        let own: Vec<u32> = (0..)
            .zip(&names)
            .filter(|(_, name)| expected(name) == whose)
            .map(|(position, _)| position)
            .collect();
        assert_eq!(*part, own);
    }
}

proptest! {
    #[test]
    fn a_name_goes_where_the_longest_zone_is(names in proptest::collection::vec(name(), 1..40)) {
        let router = router();
        for name in &names {
            let route = match router.route(name) {
                Route::Backend(backend) => Some(backend),
                Route::Nowhere(_) => None,
            };
            prop_assert_eq!(route, expected(name), "{}", name);
        }
    }

    #[test]
    fn no_change_is_lost_or_doubled_or_overtaken(
        create in proptest::collection::vec(name(), 0..20),
        update in proptest::collection::vec(name(), 0..20),
        delete in proptest::collection::vec(name(), 0..20),
        threads in 1..5_usize,
    ) {
        let lists = [&create, &update, &delete];
        let all: Vec<String> = lists.into_iter().flatten().cloned().collect();
        let mut next = 0_u32..;
        let changes = Arc::new(Changes {
            endpoints: endpoints(&all),
            create: next.by_ref().take(create.len()).collect(),
            update: next.by_ref().take(update.len()).map(|position| (None, position)).collect(),
            delete: next.by_ref().take(delete.len()).collect(),
        });
        let split = split_among(threads, &router(), BACKENDS, &changes);

        let mut merged = Vec::new();
        for (backend, batch) in split.batches.iter().enumerate() {
            let update = positions(batch.update().map(|(_, new)| new));
            for list in [positions(batch.create()), update, positions(batch.delete())] {
                prop_assert!(list.is_sorted(), "one overtook another: {:?}", list);
                prop_assert!(list.iter().all(|&at| expected(&all[at as usize]) == Some(backend)));
                merged.extend(list);
            }
        }
        let refused = split.refused.iter().map(|refused| match refused.change {
            ChangeId::Create(index) => changes.create[index],
            ChangeId::Update(index) => changes.update[index].1,
            ChangeId::Delete(index) => changes.delete[index],
        });
        let refused: Vec<u32> = refused.collect();
        prop_assert!(refused.is_sorted());
        for (&at, refused) in refused.iter().zip(&split.refused) {
            prop_assert_eq!(&refused.dns_name, &all[at as usize]);
            prop_assert_eq!(expected(&refused.dns_name), None);
        }
        merged.extend(refused);
        merged.sort_unstable();
        prop_assert!((0..).zip(&merged).all(|(expected, &position)| position == expected));
        prop_assert_eq!(merged.len(), all.len());
    }

    #[test]
    fn no_endpoint_is_lost_or_doubled_or_overtaken(names in proptest::collection::vec(name(), 0..40)) {
        let list = endpoints(&names);
        let (parts, nowhere) = split_endpoints(&router(), BACKENDS, &list);
        let whose = (0..BACKENDS).map(Some).chain([None]);
        for (part, whose) in parts.iter().chain([&nowhere]).zip(whose) {
            prop_assert!(part.is_sorted(), "one overtook another: {:?}", part);
            prop_assert!(part.iter().all(|&at| expected(&names[at as usize]) == whose));
        }
        let mut merged: Vec<u32> = parts.into_iter().flatten().chain(nowhere).collect();
        merged.sort_unstable();
        prop_assert!((0..).zip(&merged).all(|(expected, &position)| position == expected));
        prop_assert_eq!(merged.len(), names.len());
    }
}
