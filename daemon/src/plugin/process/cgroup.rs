//! A control group of its own for a child.
