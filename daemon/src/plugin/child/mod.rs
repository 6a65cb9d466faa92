//! The inside of a plugin's own process: restricted first, then given the plugin's code, then its settings.
//!
//! The daemon starts itself as this process. Its standard input is one end of a socket pair, over which
//! frames go both ways; its standard error is read line by line. It has nothing else: no
//! environment of the daemon's, no descriptors, and no settings but those of its one backend.

mod calls;
mod handoff;
mod host;
#[cfg(test)]
mod interleaved;
mod lists;
mod pages;
pub mod restrict;
mod serve;
mod setup;
mod wire;

/// What [`handoff`] is made of.
mod sync {
    pub(super) use std::sync::atomic::{AtomicBool, Ordering};
    pub(super) use std::sync::{Condvar, Mutex};
}

use std::process::ExitCode;

use super::frames::{Kind, message};
use serve::Served;
use wire::Outlet;

/// The word by which the daemon starts itself as a plugin's process.
pub const ARGUMENT: &str = "plugin-process";

/// What a process says before it ends because it leaked descriptors.
pub(super) const NO_DESCRIPTOR_LEFT: &str = "no descriptor is left of those that a plugin may have open";

/// The process could not begin.
const CANT_BEGIN: u8 = 70;
/// It is not one that the daemon started.
const USAGE: u8 = 64;

/// Runs a plugin's process to its end.
pub fn main() -> ExitCode {
    // Before this process has any descriptor of its own.
    let closed = restrict::close_inherited();
    let socket = match setup::socket() {
        Ok(socket) => socket,
        Err(error) => {
            say(&format!("this is for the daemon's own use: {error}"));
            return USAGE.into();
        }
    };
    let outlet = Outlet::new(socket);
    let (setup, descriptor) = match setup::receive(&outlet) {
        Ok(received) => received,
        Err(error) => {
            say(&format!("the daemon's first words can't be read: {error}"));
            return CANT_BEGIN.into();
        }
    };
    let mut restrictions = match restrict::restrict(&setup.profile) {
        Ok(restrictions) => restrictions,
        Err(error) => return refuse(&outlet, &message::Refused::Setup(error.to_string())),
    };
    if let Err(error) = closed {
        restrictions.missing.push(format!("descriptors that were inherited stay open: {error}"));
    }
    if let Err(error) = outlet.json(Kind::Restricted, 0, &restrictions) {
        say(&error.to_string());
        return CANT_BEGIN.into();
    }
    let ended = match setup.code {
        message::Code::SharedObject => serve_object(&setup, descriptor, outlet.clone()),
        message::Code::Executable => Err(setup::become_executable(&setup, &descriptor)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(refused) => refuse(&outlet, &refused),
    }
}

fn serve_object(
    setup: &message::Setup,
    descriptor: std::os::fd::OwnedFd,
    outlet: Outlet,
) -> Result<(), message::Refused> {
    setup::leave_standard_streams().map_err(|error| message::Refused::Setup(error.to_string()))?;
    let loaded = super::load::open_descriptor(&descriptor, &setup.name).map_err(setup::refusal)?;
    // The number of a closed descriptor could be another's, whose path the linker takes for this file.
    std::mem::forget(descriptor);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.map_err(|error| message::Refused::Setup(format!("no runtime: {error}")))?;
    let served = Served::new(loaded, outlet);
    tokio::task::LocalSet::new().block_on(&runtime, served.serve())
}

fn refuse(outlet: &Outlet, refused: &message::Refused) -> ExitCode {
    // Where the daemon does not read any more, there is nobody to be told.
    let _told = outlet.json(Kind::Refused, 0, refused);
    CANT_BEGIN.into()
}

/// To the daemon's log, or to whoever started this by hand.
fn say(words: &str) {
    use std::io::Write as _;
    let _told = writeln!(std::io::stderr(), "{words}");
}
