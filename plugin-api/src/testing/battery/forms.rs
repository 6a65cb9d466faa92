//! Records in all the forms in which they come.

use super::trial::{Trial, settled};
use crate::endpoint::{Endpoint, Property};
use crate::testing::ChangesBuilder;

type Tried = Result<(), String>;

pub(super) fn duplicate_targets(trial: &Trial<'_>) -> Tried {
    let doubled = trial.record("www", "AAAA", &["2001:db8::1", "2001:DB8:0::1", "2001:db8::2"]);
    trial.apply(&ChangesBuilder::new().create(doubled))?;
    trial.expect(&[trial.record("www", "AAAA", &["2001:db8::1", "2001:db8::2"])])
}

pub(super) fn set_identifiers(trial: &Trial<'_>) -> Tried {
    let in_set = |set: &str, target: &str| {
        let mut endpoint = trial.record("www", "A", &[target]);
        set.clone_into(&mut endpoint.set_identifier);
        endpoint
    };
    let (blue, green) = (in_set("blue", "192.0.2.1"), in_set("green", "192.0.2.2"));
    trial.create(&[blue.clone(), green.clone()])?;
    trial.expect(&[blue.clone(), green.clone()])?;
    trial.apply(&ChangesBuilder::new().delete(trial.adjusted(&blue)?))?;
    trial.expect(&[green])
}

/// Those that survive adjusting are listed back as they were.
pub(super) fn properties(trial: &Trial<'_>) -> Tried {
    let mut endpoint = trial.record("www", "A", &["192.0.2.1"]);
    for (name, value) in [("webhook/zone", "b"), ("webhook/comment", "hello, \"world\"")] {
        endpoint.provider_specific.push(Property { name: name.into(), value: value.into() });
    }
    trial.create(std::slice::from_ref(&endpoint))?;
    trial.expect(&[endpoint])
}

pub(super) fn wildcard(trial: &Trial<'_>) -> Tried {
    let records =
        [trial.record("*", "A", &["192.0.2.1"]), trial.record("*.deep", "CNAME", &[&trial.name("web")])];
    trial.create(&records)?;
    trial.expect(&records)
}

pub(super) fn apex(trial: &Trial<'_>) -> Tried {
    let before = trial.at_apex("CAA")?;
    if !before.is_empty() {
        return Err(format!(
            "{} has a CAA record already, which this behaviour would overwrite",
            trial.zone()
        ));
    }
    let endpoint = Endpoint::new(trial.zone(), "CAA", ["0 issue \"ca.example.net\""]).with_ttl(300);
    let adjusted = trial.adjusted(&endpoint)?;
    trial.apply(&ChangesBuilder::new().create(adjusted.clone()))?;
    let listed = settled(&trial.at_apex("CAA")?, std::slice::from_ref(&adjusted));
    trial.apply(&ChangesBuilder::new().delete(adjusted))?;
    listed.and(settled(&trial.at_apex("CAA")?, &[]))
}

/// Case and the trailing dot make no difference, and are not listed.
pub(super) fn spelling_of_names(trial: &Trial<'_>) -> Tried {
    let plain = trial.record("www", "A", &["192.0.2.1"]);
    let mut shouted = plain.clone();
    shouted.dns_name = format!("{}.", plain.dns_name.to_ascii_uppercase());
    trial.apply(&ChangesBuilder::new().create(shouted.clone()))?;
    trial.expect(std::slice::from_ref(&plain))?;
    let listed = trial.listed()?;
    if listed.iter().any(|endpoint| endpoint.dns_name != plain.dns_name) {
        return Err(format!("{} is listed as {}", shouted.dns_name, listed[0].dns_name));
    }
    trial.apply(&ChangesBuilder::new().delete(shouted))?;
    trial.expect(&[])
}

pub(super) fn internationalised_names(trial: &Trial<'_>) -> Tried {
    let record = trial.record("bücher", "A", &["192.0.2.1"]);
    trial.create(std::slice::from_ref(&record))?;
    trial.expect(std::slice::from_ref(&record))?;
    let ascii = trial.record("xn--bcher-kva", "A", &["192.0.2.1"]);
    trial.apply(&ChangesBuilder::new().delete(trial.adjusted(&ascii)?))?;
    trial.expect(&[])
}

/// Listed back in the form that adjusting answered: the planner compares text.
pub(super) fn txt(trial: &Trial<'_>) -> Tried {
    let long = "x".repeat(300);
    let texts = [
        "v=spf1 include:example.org -all",
        "\"in quotes, with a comma\"",
        "\"two\" \"strings\"",
        r#""a \"quoted\" word and a back\\slash""#,
        "v=DKIM1; k=rsa; p=MIGf",
        long.as_str(),
    ];
    let records: Vec<Endpoint> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| trial.record(&format!("text{index}"), "TXT", &[*text]))
        .collect();
    trial.create(&records)?;
    trial.expect(&records)?;
    let two = trial.record("text0", "TXT", &["one", "other"]);
    trial.apply(&ChangesBuilder::new().update(trial.adjusted(&records[0])?, trial.adjusted(&two)?))?;
    let expected: Vec<Endpoint> = [two].into_iter().chain(records[1..].iter().cloned()).collect();
    trial.expect(&expected)
}

/// Every type that `ExternalDNS` knows, where the backend takes it.
pub(super) fn types(trial: &Trial<'_>) -> Tried {
    let host = trial.name("host");
    let records = [
        trial.record("mx", "MX", &[&format!("10 {host}")]),
        trial.record("_sip._tcp", "SRV", &[&format!("0 5 5060 {host}.")]),
        trial.record("sub", "NS", &[&host]),
        trial.record("ptr", "PTR", &[&host]),
        trial.record("naptr", "NAPTR", &["100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:info@example.org!\" ."]),
        trial.record("dname", "DNAME", &["elsewhere.example.net"]),
    ];
    let taken = trial.record_types();
    let taken = |record: &Endpoint| taken.is_empty() || taken.contains(&record.record_type);
    let records: Vec<Endpoint> = records.into_iter().filter(taken).collect();
    trial.create(&records)?;
    trial.expect(&records)
}
