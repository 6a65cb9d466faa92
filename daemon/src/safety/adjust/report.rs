//! What the operator is told of adjusting.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use zonemux_plugin::{Capabilities, EndpointRef};

use super::endpoint::Adjusted;
use super::rules::{Rules, Settings};

/// Why an endpoint is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// The backend can't store its type.
    Unsupported,
    /// `guards.types` forbids its type.
    Forbidden,
}

/// The most types that are remembered and told: clients may make up any word.
const MOST_TYPES: usize = 16;
/// The longest word that is told as a type.
const LONGEST_TYPE: usize = 16;

type Types = BTreeSet<(Reason, String)>;

/// What became of the endpoints of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many there were.
    pub endpoints: usize,
    /// How many of them were changed.
    pub changed: usize,
    /// How many of them were left out.
    pub left_out: usize,
    types: Types,
}

impl Summary {
    /// Adjusts an endpoint and counts what became of it; `None`: it is left out.
    pub fn adjust<'a>(&mut self, rules: &Rules, endpoint: EndpointRef<'a>) -> Option<Adjusted<'a>> {
        self.endpoints += 1;
        match rules.adjust(endpoint) {
            Ok(adjusted) => {
                self.changed += usize::from(adjusted.is_changed());
                Some(adjusted)
            }
            Err(reason) => {
                self.left_out += 1;
                remember(&mut self.types, reason, endpoint.record_type());
                None
            }
        }
    }
}

/// How the endpoints of one backend are adjusted, and what its operator was told of it.
#[derive(Debug, Default)]
pub struct AdjustPolicy {
    settings: Settings,
    /// Each left-out type is told once, not once in every loop.
    told: Mutex<Types>,
}

impl AdjustPolicy {
    /// The policy of an operator's settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings, told: Mutex::default() }
    }

    /// The rules for what the backend says it can do.
    pub fn rules(&self, capabilities: &Capabilities) -> Rules {
        Rules::new(&self.settings, capabilities)
    }

    /// Tells what became of a call's endpoints.
    pub fn tell(&self, backend: &str, request_id: &str, summary: &Summary) {
        let &Summary { endpoints, changed, left_out, .. } = summary;
        tracing::debug!(backend, request_id, endpoints, changed, left_out, "endpoints adjusted");
        if !self.note(summary) {
            return;
        }
        let unsupported = words(&summary.types, Reason::Unsupported);
        let forbidden = words(&summary.types, Reason::Forbidden);
        tracing::warn!(
            backend,
            request_id,
            left_out,
            unsupported,
            forbidden,
            "records of some types are left out: the backend can't store them, or `guards.types` forbids them"
        );
    }

    /// Whether there is a type that was not told before.
    fn note(&self, summary: &Summary) -> bool {
        if summary.types.is_empty() {
            return false;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = told.len();
        for (reason, record_type) in &summary.types {
            remember(&mut told, *reason, record_type);
        }
        told.len() > before
    }
}

fn remember(types: &mut Types, reason: Reason, record_type: &str) {
    let is_word = record_type.len() <= LONGEST_TYPE
        && record_type.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let word = if is_word { record_type } else { "other" };
    // Asked first: a batch may have a hundred thousand of one type.
    let known = types.iter().any(|(known, told)| *known == reason && told == word);
    if !known && types.len() < MOST_TYPES {
        types.insert((reason, word.to_owned()));
    }
}

fn words(types: &Types, reason: Reason) -> String {
    let words: Vec<&str> =
        types.iter().filter(|(of, _)| *of == reason).map(|(_, word)| word.as_str()).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(types: &[&str]) -> Summary {
        let mut summary = Summary::default();
        for record_type in types {
            remember(&mut summary.types, Reason::Unsupported, record_type);
        }
        summary
    }

    #[test]
    fn a_type_is_told_once_and_not_in_every_loop() {
        let policy = AdjustPolicy::default();
        assert!(!policy.note(&summary(&[])));
        assert!(policy.note(&summary(&["MX"])));
        assert!(!policy.note(&summary(&["MX"])));
        assert!(policy.note(&summary(&["SRV", "MX"])));
        assert!(!policy.note(&summary(&["SRV"])), "two views in turn are no news");
    }

    #[test]
    fn words_that_a_client_makes_up_fill_no_memory() {
        let policy = AdjustPolicy::default();
        for number in 0..100 {
            policy.note(&summary(&[&format!("TYPE{number}")]));
            policy.note(&summary(&[&"X".repeat(1000 + number)]));
        }
        let told = policy.told.lock().unwrap();
        assert_eq!(told.len(), MOST_TYPES);
        assert!(told.iter().all(|(_, word)| word.len() <= LONGEST_TYPE));
    }
}
