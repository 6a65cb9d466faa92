//! What every backend must do right, tried on one.
//!
//! ```no_run
//! # use zonemux_plugin::testing::{TestBackend, battery::Battery};
//! # fn mine() -> TestBackend { unimplemented!() }
//! #[test]
//! fn behaves() {
//!     Battery::new("example.org").without("set identifiers").run(&mine());
//! }
//! ```
//!
//! Each behaviour works at names of its own, below `battery.ZONE` but for the apex, and removes what
//! it wrote: the zone may be one of a real server, as long as nobody else writes there.

mod batches;
mod calls;
mod forms;
mod lifecycle;
mod trial;

use super::TestBackend;
use trial::Trial;

/// A behaviour: its name, and what tries it.
type Behaviour = (&'static str, fn(&Trial<'_>) -> Result<(), String>);

const BEHAVIOURS: &[Behaviour] = &[
    ("create", lifecycle::create),
    ("create again", lifecycle::create_again),
    ("update", lifecycle::update),
    ("update of nothing", lifecycle::update_of_nothing),
    ("ttl", lifecycle::ttl),
    ("delete", lifecycle::delete),
    ("delete again", lifecycle::delete_again),
    ("retype", lifecycle::retype),
    ("ownership", lifecycle::ownership),
    ("duplicate targets", forms::duplicate_targets),
    ("set identifiers", forms::set_identifiers),
    ("properties", forms::properties),
    ("wildcard", forms::wildcard),
    ("apex", forms::apex),
    ("spelling of names", forms::spelling_of_names),
    ("internationalised names", forms::internationalised_names),
    ("txt", forms::txt),
    ("types", forms::types),
    ("empty batch", batches::empty),
    ("large batch", batches::large),
    ("refused record", batches::refused_record),
    ("refused retype", batches::refused_retype),
    ("dry run", batches::dry_run),
    ("list while applying", calls::list_while_applying),
    ("cancelled calls", calls::cancelled_calls),
];

/// The behaviours to try.
#[derive(Debug, Clone)]
pub struct Battery {
    zone: String,
    without: Vec<String>,
}

impl Battery {
    /// All behaviours, in a zone of the backend's: canonical.
    pub fn new(zone: impl Into<String>) -> Self {
        Self { zone: zone.into(), without: Vec::new() }
    }

    /// Leaves out a behaviour that the server behind the backend can't have.
    ///
    /// # Panics
    ///
    /// When there is none of that name.
    #[must_use]
    pub fn without(mut self, behaviour: &str) -> Self {
        let names: Vec<&str> = BEHAVIOURS.iter().map(|(name, _)| *name).collect();
        assert!(names.contains(&behaviour), "no behaviour is named {behaviour:?}; there are {names:?}");
        self.without.push(behaviour.to_owned());
        self
    }

    /// Tries every behaviour, and says which failed and why.
    pub fn failures(&self, backend: &TestBackend) -> Vec<(&'static str, String)> {
        let tried = BEHAVIOURS.iter().filter(|(name, _)| !self.without.iter().any(|without| without == name));
        tried
            .filter_map(|&(name, behaviour)| {
                let trial = Trial::new(backend, &self.zone, name);
                let result = behaviour(&trial);
                let cleaned = trial.clean();
                result.and(cleaned).err().map(|reason| (name, reason))
            })
            .collect()
    }

    /// Tries every behaviour.
    ///
    /// # Panics
    ///
    /// When one fails; the message names all that do.
    pub fn run(&self, backend: &TestBackend) {
        let failures = self.failures(backend);
        let lines: Vec<String> = failures.iter().map(|(name, reason)| format!("{name}: {reason}")).collect();
        assert!(failures.is_empty(), "{} behaviours failed:\n  {}", failures.len(), lines.join("\n  "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{json, open};
    use crate::{Backend, Call, Changes, Host, Outcome, Records};

    #[derive(Clone, serde::Deserialize, schemars::JsonSchema)]
    struct Settings {}

    /// Says that everything is done, and does nothing.
    struct Liar;

    impl Backend for Liar {
        type Config = Settings;

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

    #[test]
    fn a_backend_that_does_nothing_fails_nearly_everywhere() {
        let liar = open::<Liar>(json!({}), ["example.org"]).unwrap();
        let failures = Battery::new("example.org").failures(&liar);
        let failed: Vec<_> = failures.iter().map(|(name, _)| *name).collect();
        let passed: Vec<_> =
            BEHAVIOURS.iter().map(|(name, _)| *name).filter(|name| !failed.contains(name)).collect();
        // Nothing is there, which is what these ask for.
        assert_eq!(passed, ["empty batch"]);
    }

    #[test]
    #[should_panic(expected = "no behaviour is named \"set ids\"")]
    fn a_mistyped_behaviour_is_told() {
        let _battery = Battery::new("example.org").without("set ids");
    }
}
