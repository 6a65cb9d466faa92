//! Code of ours that a plugin's code calls.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code of ours on a plugin's thread, from where nothing may unwind: a panic answers the default, which of
/// what is asked here is no.
pub(super) fn contain<T: Default>(code: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(code)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_here_and_is_a_no() {
        assert!(contain(|| true));
        assert!(!contain(|| -> bool { panic!("on purpose") }));
    }
}
