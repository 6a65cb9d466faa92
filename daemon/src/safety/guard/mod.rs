//! Guards: what an operator does not let through, whatever ExternalDNS asks for.

mod deletes;
mod rules;

pub use deletes::DeleteGuard;
pub use rules::{Action, Refusal, Rules};
