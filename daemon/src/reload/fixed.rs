//! What can't change while the daemon runs.

use std::fmt::Display;

use crate::config::{Config, Finding, KeyPath};

/// A fault for each key that differs and can't be changed now.
///
/// The state directory is where everything is kept that must outlive a generation; the control socket is
/// where the reload was asked for; the log's form is that of a subscriber which can't be replaced.
pub(super) fn faults(before: &Config, after: &Config, handed_over: bool) -> Vec<Finding> {
    let mut faults = Vec::new();
    let mut fixed = |keys: [&str; 2], differs: bool, in_force: &dyn Display| {
        if differs {
            let message = "can't change while zonemux runs";
            let hint = format!("restart zonemux, or put back \"{in_force}\"");
            faults.push(Finding::at(&KeyPath::of(&keys), message).hint(hint));
        }
    };
    let directory = before.state.directory.display();
    fixed(["state", "directory"], before.state != after.state, &directory);
    let socket = format!("unix:{}", before.control.socket.display());
    fixed(["control", "listen"], before.control != after.control, &socket);
    fixed(["log", "format"], before.log.format != after.log.format, &before.log.format);
    if handed_over && before.webhook.listen != after.webhook.listen {
        let message = "can't change while the service manager's sockets are in use";
        let hint = "change the socket unit instead, or stop it and restart zonemux";
        faults.push(Finding::at(&KeyPath::of(&["webhook", "listen"]), message).hint(hint));
    }
    faults
}
