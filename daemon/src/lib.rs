//! zonemux
