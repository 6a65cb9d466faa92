//! Answers that don't come, or are not what they should be.

mod common;

use zonemux_plugin::testing::{self, ChangesBuilder, TestBackend, json};
use zonemux_plugin::{Endpoint, ErrorKind};
use zonemux_rfc2136_backend::Rfc2136;
use zonemux_test_support::servers::Kind;

use common::proxy::{Proxy, Reply, is_transfer, is_update};
use common::{Site, ZONE, apply, failures, record};

/// What becomes of an answer.
type Spoil = fn(Vec<u8>) -> Reply;

fn start() -> (Site, Proxy, TestBackend) {
    let site = Site::start(Kind::Bind);
    let proxy = Proxy::start(site.server.address());
    let dns = open(&site, &proxy);
    (site, proxy, dns)
}

/// Opens a backend behind a proxy, which knows nothing of the zone yet.
fn open(site: &Site, proxy: &Proxy) -> TestBackend {
    let mut settings = site.settings();
    settings["server"] = json!(proxy.address());
    settings["timeout"] = json!("5s");
    testing::open::<Rfc2136>(settings, [ZONE]).expect("it opens")
}

fn create(records: &[Endpoint]) -> ChangesBuilder {
    records.iter().cloned().fold(ChangesBuilder::new(), ChangesBuilder::create)
}

#[test]
fn an_update_whose_answer_was_lost_is_looked_for() {
    let (site, proxy, dns) = start();
    let www = record("www", "A", &["192.0.2.1"]);
    apply(&dns, &create(std::slice::from_ref(&www)));
    // It was done, and the answer does not arrive: cut off before, in the middle, or changed.
    let spoiled: [Spoil; 5] = [
        |_| Reply::Swallow,
        |_| Reply::Cut(vec![0, 90, 1, 2]),
        |mut answer| {
            answer[0] ^= 1;
            Reply::Send(answer)
        },
        |mut answer| {
            let end = answer.len() - 20;
            answer[end] ^= 1;
            Reply::Send(answer)
        },
        |answer| Reply::Send(answer[..10].to_vec()),
    ];
    let mut before = www;
    for (round, spoil) in spoiled.into_iter().enumerate() {
        let mut left = 1;
        proxy.set(move |question, answer| {
            if is_update(question) && left > 0 {
                left -= 1;
                return spoil(answer);
            }
            Reply::Send(answer)
        });
        let after = record("www", "A", &[&format!("192.0.2.{}", round + 10)]);
        let new = record(&format!("new{round}"), "TXT", &["new"]);
        apply(&dns, &ChangesBuilder::new().update(before, after.clone()).create(new));
        assert_eq!(site.dig("www.example.org", "A"), after.targets, "round {round}");
        proxy.pass();
        assert_eq!(dns.records().unwrap().len(), 3 + round);
        before = after;
    }
}

#[test]
fn what_can_not_be_looked_for_is_not_known() {
    let (site, proxy, dns) = start();
    dns.records().unwrap();
    proxy.set(|_, _| Reply::Swallow);
    let error = dns.apply(&create(&[record("www", "A", &["192.0.2.1"])])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Retryable);
    assert!(error.message().contains("it is not known whether an update was done"), "{error}");
    proxy.pass();
    assert_eq!(site.dig("www.example.org", "A"), ["192.0.2.1"], "it was");
    apply(&dns, &create(&[record("www", "A", &["192.0.2.1"])]));
}

#[test]
fn a_server_that_dies_before_anything_is_sent_has_done_nothing() {
    let site = Site::start(Kind::Bind);
    let dns = site.open();
    dns.records().unwrap();
    let builder = site.server.kill();
    let failed =
        failures(&dns, &create(&[record("www", "A", &["192.0.2.1"]), record("web", "A", &["192.0.2.1"])]));
    assert_eq!(failed.len(), 2, "{failed:#?}");
    assert!(failed[0].reason.contains("no server can be reached"), "{failed:#?}");
    assert_eq!(failed[0].kind, ErrorKind::Retryable);
    assert!(dns.records().is_err());
    let server = builder.start();
    assert_eq!(dns.records().unwrap().len(), 1);
    drop(server);
}

/// It is killed with the update in its journal and the answer on its way, and started again on what it has.
#[test]
fn a_server_that_is_killed_before_it_answers_is_looked_at_when_it_is_back() {
    let site = Site::start(Kind::Bind);
    let proxy = Proxy::start(site.server.address());
    let dns = open(&site, &proxy);
    dns.records().unwrap();
    let Site { server, key, folder } = site;
    let (give, server_now) = std::sync::mpsc::channel();
    let mut server = Some(server);
    proxy.set(move |question, answer| {
        if let Some(server) = server.take_if(|_| is_update(question)) {
            give.send(server.kill().start()).unwrap();
            return Reply::Swallow;
        }
        Reply::Send(answer)
    });
    let records = [record("www", "A", &["192.0.2.1"]), record("web", "TXT", &["web"])];
    let outcome = dns.apply(&create(&records));
    let site = Site { server: server_now.recv().unwrap(), key, folder };
    let found = site.dig("www.example.org", "A");
    // What it had written to its journal before it was killed is done, and nothing else is said.
    match outcome {
        Ok(outcome) if outcome.failures().is_empty() => assert_eq!(found, ["192.0.2.1"]),
        Ok(outcome) => panic!("{:#?}", outcome.failures()),
        Err(error) => assert!(error.message().contains("it is not known whether"), "{error}"),
    }
    proxy.pass();
    assert_eq!(dns.records().unwrap().len(), 1 + 2 * found.len());
    apply(&dns, &create(&records));
    assert_eq!(dns.records().unwrap().len(), 3);
}

#[test]
fn a_transfer_that_is_not_whole_is_no_list() {
    let (site, proxy, dns) = start();
    let hosts: Vec<Endpoint> =
        (0..3000).map(|index| record(&format!("h{index}"), "TXT", &[&"t".repeat(60)])).collect();
    apply(&dns, &create(&hosts));
    let spoiled: [(Spoil, &str); 6] = [
        (|_| Reply::Swallow, "broke off"),
        (|answer| Reply::Cut([&[0xff, 0xff][..], &answer].concat()), "broke off"),
        (
            |mut answer| {
                answer[1] ^= 1;
                Reply::Send(answer)
            },
            "belongs to something else",
        ),
        (
            |mut answer| {
                let end = answer.len() - 20;
                answer[end] ^= 1;
                Reply::Send(answer)
            },
            "signature of its answer is wrong",
        ),
        (
            |mut answer| {
                answer.truncate(answer.len() / 2);
                Reply::Send(answer)
            },
            "can't be read",
        ),
        (
            |mut answer| {
                answer[300] ^= 0xff;
                Reply::Send(answer)
            },
            "",
        ),
    ];
    for (spoil, words) in spoiled {
        let dns = open(&site, &proxy);
        // The second message of each transfer.
        let mut count = 0;
        proxy.set(move |question, answer| {
            if is_transfer(question) {
                count += 1;
                if count % 2 == 0 {
                    return spoil(answer);
                }
            }
            Reply::Send(answer)
        });
        let error = dns.records().expect_err(words);
        assert!(error.message().contains(words), "{words}: {error}");
        proxy.pass();
        assert_eq!(dns.records().unwrap().len(), 3001);
    }
}

#[test]
fn a_broken_transfer_of_what_changed_is_followed_by_a_whole_one() {
    let (site, proxy, dns) = start();
    let hosts: Vec<Endpoint> = (0..200).map(|index| record(&format!("h{index}"), "TXT", &["text"])).collect();
    apply(&dns, &create(&hosts));
    assert_eq!(dns.records().unwrap().len(), 201);
    apply(&open(&site, &proxy), &ChangesBuilder::new().delete(hosts[0].clone()));
    let mut left = 1;
    proxy.set(move |question, answer| {
        if is_transfer(question) && left > 0 {
            left -= 1;
            return Reply::Swallow;
        }
        Reply::Send(answer)
    });
    assert_eq!(dns.records().unwrap().len(), 200);
}
