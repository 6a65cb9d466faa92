//! What a plugin logs while somebody asks it how it is: for the log, and for whoever asks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The level of `info`: lines of this one and of worse are heard.
pub(super) const LEVEL: u32 = 3;
/// How many lines are kept for one who listens.
const MOST: usize = 1000;

/// The lines from when somebody began to listen.
#[derive(Debug, Default)]
pub(super) struct Heard(Mutex<Vec<String>>);

impl Heard {
    /// The lines so far.
    pub(super) fn lines(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// All who listen to one plugin.
#[derive(Debug, Default)]
pub(super) struct Ears(Mutex<Vec<Weak<Heard>>>);

impl Ears {
    /// One more, until what this gives is dropped.
    pub(super) fn listen(&self) -> Arc<Heard> {
        let heard = Arc::default();
        let mut ears = self.ears();
        ears.retain(|ear| ear.strong_count() > 0);
        ears.push(Arc::downgrade(&heard));
        heard
    }

    /// Whether anybody wants lines of a level.
    pub(super) fn want(&self, level: u32) -> bool {
        level <= LEVEL && self.ears().iter().any(|ear| ear.strong_count() > 0)
    }

    /// Tells a line to all who want it.
    pub(super) fn tell(&self, level: u32, message: &str, fields: &str) {
        if level > LEVEL {
            return;
        }
        for heard in self.ears().iter().filter_map(Weak::upgrade) {
            let mut lines = heard.0.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() < MOST {
                lines.push(format!("{message} {fields}").trim_end().to_owned());
            }
        }
    }

    fn ears(&self) -> MutexGuard<'_, Vec<Weak<Heard>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_hears_what_is_said_from_then_on() {
        let ears = Ears::default();
        ears.tell(LEVEL, "before", "");
        assert!(!ears.want(LEVEL));
        let (one, other) = (ears.listen(), ears.listen());
        assert!(ears.want(LEVEL) && ears.want(1) && !ears.want(LEVEL + 1));
        ears.tell(LEVEL, "zone found", "serial=1");
        ears.tell(LEVEL + 1, "debug", "");
        assert_eq!(one.lines(), ["zone found serial=1"]);
        drop(one);
        ears.tell(1, "worse", "");
        assert_eq!(other.lines(), ["zone found serial=1", "worse"]);
        drop(other);
        assert!(!ears.want(LEVEL));
    }
}
