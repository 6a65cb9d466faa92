//! Knot's configuration.

use std::fmt::Write as _;
use std::process::Command;

use super::{Builder, Key, Role};

/// The command that runs it in the foreground. `knotc -s FOLDER/knot.sock` controls it.
pub(super) fn command(builder: &Builder) -> Command {
    let file = builder.write("knot.conf", &config(builder));
    let mut command = Command::new("knotd");
    command.arg("-c").arg(file);
    command
}

fn config(builder: &Builder) -> String {
    let (port, options) = (builder.port.number, &builder.options);
    let folder = builder.folder.display();
    let mut text = format!(
        "server:\n    rundir: {folder}\n    listen: 127.0.0.1@{port}\n    udp-workers: 1\n    tcp-workers: 1\n    \
         background-workers: 1\n{options}log:\n  - target: stderr\n    any: info\n\
         database:\n    storage: {folder}\n    journal-db-max-size: 64M\n    catalog-db-max-size: 10M\n    \
         timer-db-max-size: 10M\ncontrol:\n    listen: {folder}/knot.sock\n"
    );
    if !builder.keys.is_empty() {
        text.push_str("key:\n");
    }
    for Key { name, algorithm, secret } in &builder.keys {
        let _infallible = writeln!(text, "  - id: {name}\n    algorithm: {algorithm}\n    secret: {secret}");
    }
    // A primary each, with whom it notifies.
    let primaries =
        || builder.zones.iter().enumerate().filter_map(|(at, zone)| Some((at, zone.role.primary()?)));
    if primaries().next().is_some() {
        text.push_str("remote:\n");
    }
    for (at, (from, key)) in primaries() {
        let key = key.map(|key| format!("\n    key: {}", key.name)).unwrap_or_default();
        let _infallible =
            writeln!(text, "  - id: primary{at}\n    address: {}@{}{key}", from.ip(), from.port());
    }
    text.push_str("acl:\n  - id: transfer\n    address: 127.0.0.0/8\n    action: transfer\n");
    for key in &builder.keys {
        let _infallible =
            writeln!(text, "  - id: update-{0}\n    key: {0}\n    action: [update, transfer]", key.name);
    }
    for (at, (_, key)) in primaries() {
        let key = key.map(|key| format!("\n    key: {}", key.name)).unwrap_or_default();
        let _infallible =
            writeln!(text, "  - id: notify{at}\n    address: 127.0.0.0/8{key}\n    action: notify");
    }
    text.push_str("template:\n  - id: default\n    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\n");
    for (at, (_, _)) in primaries() {
        let _infallible = writeln!(text, "  - id: member{at}\n{}", transferred(at));
    }
    text.push_str("zone:\n");
    for (at, zone) in builder.zones.iter().enumerate() {
        let _infallible = writeln!(text, "  - domain: {}", zone.name);
        let _infallible = match &zone.role {
            Role::Primary(file) => writeln!(text, "    file: \"{}\"\n    acl: transfer", file.display()),
            Role::Secondary(..) => writeln!(text, "{}", transferred(at)),
            Role::Catalog(..) => writeln!(
                text,
                "{}\n    catalog-role: interpret\n    catalog-template: member{at}",
                transferred(at)
            ),
        };
        text.push_str(&zone.options);
    }
    text
}

/// Lines of a zone that comes from a primary; what was transferred is kept in the journal alone.
fn transferred(at: usize) -> String {
    format!(
        "    master: primary{at}\n    acl: [transfer, notify{at}]\n    zonefile-sync: -1\n    zonefile-load: none\n    \
         journal-content: all"
    )
}
