//! zonemux
fn main() {}
