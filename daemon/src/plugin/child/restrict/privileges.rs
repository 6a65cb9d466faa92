//! Capabilities, where the daemon runs with some.

use rustix::thread::{CapabilitySet, CapabilitySets};

use super::{RestrictError, Restrictions};

/// What a DNS backend may need of root's rights: a port below 1024, and files of another account (a name
/// server's). Landlock still decides which files.
const KEPT: CapabilitySet = CapabilitySet::NET_BIND_SERVICE
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER);

/// Drops all others, for good, and for every program it starts.
pub(super) fn drop_all_but_few(done: &mut Restrictions) -> Result<(), RestrictError> {
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| RestrictError::Refused { what: "no_new_privs", source: error.into() })?;
    let has = match rustix::thread::capabilities(None) {
        Ok(has) => has,
        Err(error) => {
            done.miss("capabilities", error);
            return Ok(());
        }
    };
    if has.permitted.is_empty() && has.inheritable.is_empty() {
        return Ok(());
    }
    done.unless("ambient capabilities", rustix::thread::clear_ambient_capability_set());
    // While there is the right to: a program that is started as root takes all that the set holds.
    if has.effective.contains(CapabilitySet::SETPCAP) {
        for capability in CapabilitySet::all().difference(KEPT).iter() {
            match rustix::thread::remove_capability_from_bounding_set(capability) {
                // The kernel does not know it.
                Ok(()) | Err(rustix::io::Errno::INVAL) => {}
                Err(error) => done.miss("the capabilities of programs it starts", error),
            }
        }
    }
    let kept = has.permitted & KEPT;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    done.unless("capabilities", rustix::thread::set_capabilities(None, sets));
    Ok(())
}
