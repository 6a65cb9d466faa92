//! Settings that a plugin refuses.

use super::{is_loaded, refusal, site};

#[test]
fn placeholder() {
    let site = site("memory");
    site.install("memory");
    is_loaded(&site);
    let _ = refusal;
}
