//! Decodes settings, and finds all that is wrong with their form.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::mem;

use serde_json::Value;
use serde_path_to_error::Segment;
use zeroize::Zeroize;

use crate::backend::Backend;
use crate::fault::Fault;

/// Whoever makes more mistakes than these learns of the rest in the next round.
const MOST: usize = 100;

/// Decodes settings. Where their form is right, `validate` says what is wrong with their content.
pub(super) fn read<B: Backend>(settings: &str) -> Result<B::Config, Vec<Fault>> {
    match serde_json::from_str::<B::Config>(settings) {
        Ok(config) => {
            let faults = B::validate(&config);
            if faults.is_empty() { Ok(config) } else { Err(faults) }
        }
        Err(error) => match serde_json::from_str(settings) {
            Ok(tree) => Err(Search { tree: Wiped(tree), taken: BTreeSet::new() }.faults::<B>()),
            Err(_) => Err(vec![Fault::new("", format!("no JSON: {error}"))]),
        },
    }
}

/// serde stops at the first fault. So what is wrong is taken out, and the rest decoded again, until
/// nothing is wrong any more or the whole table is.
struct Search {
    tree: Wiped,
    /// What was taken out, by where it stood at first.
    taken: BTreeSet<Place>,
}

/// A place among the settings, outermost step first.
type Place = Vec<Step>;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Index(usize),
}

impl Search {
    fn faults<B: Backend>(mut self) -> Vec<Fault> {
        let mut faults: Vec<Fault> = Vec::new();
        while faults.len() < MOST {
            let decoded: Result<B::Config, _> = serde_path_to_error::deserialize(&self.tree.0);
            let Err(error) = decoded else { break };
            let now = self.place(error.path());
            let at_first = self.at_first(&now);
            let words = error.inner().to_string();
            match words.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
                Some((key, _)) => faults.extend(self.missing::<B>(&at_first, key)),
                // What is wrong with something of which a part was taken out may be just that.
                None if self.has_lost_something(&at_first) => {}
                None => faults.push(Fault::new(shown(&at_first), message(&words, find(&self.tree.0, &now)))),
            }
            if !self.take_out(&now, at_first) {
                break;
            }
        }
        faults
    }

    /// Keys that a table lacks, unless they were there: `key`, and of the outermost table all others.
    fn missing<B: Backend>(&self, table: &Place, key: &str) -> Vec<Fault> {
        let mut keys = vec![key.to_owned()];
        if table.is_empty() {
            let schema = schemars::schema_for!(B::Config);
            let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
            let others = required.filter_map(Value::as_str).filter(|other| *other != key);
            keys.extend(others.filter(|other| self.tree.0.get(other).is_none()).map(str::to_owned));
        }
        let was_there = |key: &String| self.taken.contains(&[&table[..], &[Step::Key(key.clone())]].concat());
        keys.retain(|key| !was_there(key));
        keys.iter().map(|key| Fault::new(shown(table), format!("missing field `{key}`"))).collect()
    }

    /// The innermost place on serde's way that is there.
    fn place(&self, path: &serde_path_to_error::Path) -> Place {
        let (mut place, mut value) = (Place::new(), &self.tree.0);
        for segment in path {
            let (step, inner) = match segment {
                Segment::Seq { index } => (Step::Index(*index), value.get(index)),
                Segment::Map { key } | Segment::Enum { variant: key } => {
                    (Step::Key(key.clone()), value.get(key))
                }
                Segment::Unknown => break,
            };
            let Some(inner) = inner else { break };
            value = inner;
            place.push(step);
        }
        place
    }

    /// Where something stood before elements were taken out of the lists on the way to it.
    fn at_first(&self, now: &[Step]) -> Place {
        let mut place = Place::new();
        for step in now {
            let mut step = step.clone();
            if let Step::Index(index) = &mut step {
                let siblings = self.taken.iter().filter_map(|taken| match taken.split_last() {
                    Some((Step::Index(taken), list)) if *list == place => Some(*taken),
                    _ => None,
                });
                // They come in rising order.
                for taken in siblings {
                    if taken <= *index {
                        *index += 1;
                    }
                }
            }
            place.push(step);
        }
        place
    }

    fn has_lost_something(&self, place: &Place) -> bool {
        self.taken.iter().any(|taken| taken.len() > place.len() && taken.starts_with(place))
    }

    /// Whether there was something to take out; the whole is not.
    fn take_out(&mut self, now: &Place, at_first: Place) -> bool {
        let Some((last, outer)) = now.split_last() else { return false };
        let Some(outer) = find_mut(&mut self.tree.0, outer) else { return false };
        let taken = match (last, outer) {
            (Step::Key(key), Value::Object(table)) => table.remove(key),
            (Step::Index(index), Value::Array(items)) if *index < items.len() => Some(items.remove(*index)),
            _ => None,
        };
        self.taken.insert(at_first);
        taken.map(Wiped).is_some()
    }
}

/// What is said of a fault. serde's words name the value that it found; it may be a secret, so they are
/// kept only where they are about a key.
fn message(words: &str, found: Option<&Value>) -> String {
    let about_a_key = ["unknown field", "unknown variant", "duplicate field"];
    if about_a_key.iter().any(|start| words.starts_with(start)) {
        return words.to_owned();
    }
    let mut message = String::from("a value of the wrong form");
    if let Some(found) = found {
        let kind = match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "a table",
        };
        // Writing to a string can't fail.
        let _written = write!(message, ": found {kind}");
    }
    // "expected value" is said where nothing is known.
    if let Some((_, expected)) = words.rsplit_once("expected ").filter(|(_, expected)| *expected != "value") {
        let _written = write!(message, ", expected {expected}");
    }
    message
}

/// Such as `servers[2].name`; empty for the whole.
fn shown(place: &[Step]) -> String {
    let mut text = String::new();
    for step in place {
        // Writing to a string can't fail.
        let _written = match step {
            Step::Index(index) => write!(text, "[{index}]"),
            Step::Key(key) if text.is_empty() => write!(text, "{key}"),
            Step::Key(key) => write!(text, ".{key}"),
        };
    }
    text
}

fn find<'v>(tree: &'v Value, place: &[Step]) -> Option<&'v Value> {
    place.iter().try_fold(tree, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

fn find_mut<'v>(tree: &'v mut Value, place: &[Step]) -> Option<&'v mut Value> {
    place.iter().try_fold(tree, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    })
}

/// A tree whose texts, which may be secrets, are wiped from memory when it is dropped.
struct Wiped(Value);

impl Drop for Wiped {
    fn drop(&mut self) {
        let mut left = vec![mem::take(&mut self.0)];
        while let Some(value) = left.pop() {
            match value {
                Value::String(mut text) => text.zeroize(),
                Value::Array(items) => left.extend(items),
                Value::Object(table) => left.extend(table.into_iter().map(|(_, value)| value)),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::{Call, Changes, Host, Outcome, Records, Secret};

    #[derive(Clone, Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        #[expect(dead_code, reason = "only decoded")]
        token: Secret,
        port: Option<u16>,
        #[expect(dead_code, reason = "only decoded")]
        #[serde(default)]
        servers: Vec<Server>,
    }

    #[derive(Clone, Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only decoded")]
    struct Server {
        name: String,
        mode: Option<Mode>,
    }

    #[derive(Clone, Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "kebab-case")]
    #[expect(dead_code, reason = "only decoded")]
    enum Mode {
        Fast,
        Tuned { level: u8, pair: (u8, u8) },
    }

    struct Nothing;

    impl Backend for Nothing {
        type Config = Settings;

        fn validate(config: &Settings) -> Vec<Fault> {
            let too_low = config.port.is_some_and(|port| port < 1024);
            too_low.then(|| Fault::new("port", "below 1024")).into_iter().collect()
        }

        async fn open(_: Settings, _: Host) -> crate::Result<Self> {
            Ok(Self)
        }

        async fn records(&self, _: &Call, _: &mut Records) -> crate::Result<()> {
            Ok(())
        }

        async fn apply_changes(&self, _: &Call, _: Changes) -> crate::Result<Outcome> {
            Ok(Outcome::applied())
        }
    }

    fn fault(settings: &str) -> (String, String) {
        let faults = read::<Nothing>(settings).err().expect("a fault");
        (faults[0].path.clone(), faults[0].message.clone())
    }

    #[test]
    fn faults_name_the_key_and_never_the_value() {
        let pairs = [
            (r#"{"token": 17, "port": 5}"#, "token", "found a number"),
            (r#"{"token": "hunter2", "port": "hunter2"}"#, "port", "found a string, expected u16"),
            (r#"{"token": "hunter2", "portt": 1}"#, "portt", "unknown field `portt`"),
            (r"{}", "", "missing field `token`"),
            (r#"{"token": "hunter2", "port": 5}"#, "port", "below 1024"),
        ];
        for (settings, path, words) in pairs {
            let (found, message) = fault(settings);
            assert_eq!(found, path, "{settings}");
            assert!(message.contains(words), "{settings}: {message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    fn faults(settings: &str) -> Vec<String> {
        let faults = read::<Nothing>(settings).err().expect("faults");
        faults.iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect()
    }

    #[test]
    fn every_fault_of_form_is_told_at_once() {
        let settings = r#"{
            "port": "hunter2", "portt": 1,
            "servers": [
                { "name": 1 },
                { "name": "a" },
                { "nmae": "b", "mode": "slow" },
                "hunter2",
                { "name": "c", "mode": { "tuned": { "level": 300, "pair": [1, "hunter2"] } } },
                { "name": "d", "mode": "fats" }
            ]
        }"#;
        assert_eq!(
            faults(settings),
            [
                "port: a value of the wrong form: found a string, expected u16",
                "portt: unknown field `portt`, expected one of `token`, `port`, `servers`",
                "servers[0].name: a value of the wrong form: found a number, expected a string",
                "servers[2].mode: unknown variant `slow`, expected `fast` or `tuned`",
                "servers[2].nmae: unknown field `nmae`, expected `name` or `mode`",
                "servers[2]: missing field `name`",
                "servers[3]: a value of the wrong form: found a string, expected struct Server",
                "servers[4].mode.tuned.level: a value of the wrong form: found a number, expected u8",
                "servers[4].mode.tuned.pair[1]: a value of the wrong form: found a string, expected u8",
                "servers[5].mode: unknown variant `fats`, expected `fast` or `tuned`",
                ": missing field `token`",
            ]
        );
    }

    #[test]
    fn what_was_taken_out_is_not_missed() {
        assert_eq!(
            faults(r#"{"token": 7}"#),
            ["token: a value of the wrong form: found a number, expected a string"]
        );
        assert_eq!(faults("[]").len(), 1);
        assert_eq!(faults("7").len(), 1);
    }

    #[test]
    fn a_flood_of_faults_ends() {
        let keys: Vec<String> = (0..1_000).map(|key| format!("\"key-{key}\": 1")).collect();
        assert_eq!(faults(&format!("{{{}}}", keys.join(","))).len(), MOST);
    }
}
