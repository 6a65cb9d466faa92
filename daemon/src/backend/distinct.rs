//! An endpoint without its repeated targets.

use std::collections::HashSet;

use zonemux_plugin::{EndpointRef, EndpointView};

/// An endpoint that gives the first of each target: no backend stores one twice, and a plan that
/// compares a list with repetitions would never fall quiet.
#[derive(Debug, Clone, Copy)]
pub struct Distinct<'a>(pub EndpointRef<'a>);

impl EndpointView for Distinct<'_> {
    fn dns_name(&self) -> &str {
        self.0.dns_name()
    }

    fn record_type(&self) -> &str {
        self.0.record_type()
    }

    fn set_identifier(&self) -> &str {
        self.0.set_identifier()
    }

    fn record_ttl(&self) -> u32 {
        self.0.record_ttl()
    }

    fn targets(&self) -> impl ExactSizeIterator<Item = &str> {
        targets(&self.0)
    }

    fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.labels()
    }

    fn provider_specific(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.provider_specific()
    }
}

/// Almost every endpoint has one target, and costs nothing here.
fn targets<'a>(endpoint: &EndpointRef<'a>) -> impl ExactSizeIterator<Item = &'a str> + use<'a> {
    let all = endpoint.targets();
    let (mut single, mut several) = (None, Vec::new());
    if all.len() > 1 {
        let mut seen = HashSet::with_capacity(all.len());
        several.extend(all.filter(|target| seen.insert(*target)));
    } else {
        single = all.clone().next();
    }
    let length = several.len() + usize::from(single.is_some());
    let mut targets = single.into_iter().chain(several);
    (0..length).map(move |_| targets.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use zonemux_plugin::{Endpoint, Endpoints};

    use super::*;

    #[test]
    fn the_first_of_each_target_stays_in_its_place() {
        let sent = [vec![], vec!["a"], vec!["b", "a", "b", "c", "a"]];
        let expected = [vec![], vec!["a"], vec!["b", "a", "c"]];
        let list: Vec<Endpoint> =
            sent.into_iter().map(|targets| Endpoint::new("x.example.org", "A", targets)).collect();
        let list: Endpoints = list.iter().collect();
        for (endpoint, expected) in list.iter().zip(expected) {
            assert_eq!(Distinct(endpoint).to_endpoint().targets, expected);
        }
    }
}
