//! Guards: what an operator does not let through, whatever ExternalDNS asks for.

mod deletes;
mod held;
mod rules;

pub use deletes::DeleteGuard;
pub use held::{Held, HeldEntry, HeldUnit, LATELY};
pub use rules::{Action, Refusal, Rules};
