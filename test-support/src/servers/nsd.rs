//! NSD's configuration.

use std::fmt::Write as _;
use std::process::Command;

use super::{Builder, Key, Role};

/// The command that runs it in the foreground. `nsd-control -c FOLDER/nsd.conf` controls it.
pub(super) fn command(builder: &Builder) -> Command {
    let file = builder.write("nsd.conf", &config(builder));
    let mut command = Command::new("nsd");
    command.args(["-d", "-c"]).arg(file);
    command
}

fn config(builder: &Builder) -> String {
    let (port, options) = (builder.port.number, &builder.options);
    let folder = builder.folder.display();
    // What was transferred is applied at once, and nobody is answered less often.
    let mut text = format!(
        "server:\n  ip-address: 127.0.0.1@{port}\n  username: \"\"\n  chroot: \"\"\n  database: \"\"\n  \
         zonesdir: \"{folder}\"\n  pidfile: \"{folder}/nsd.pid\"\n  xfrdfile: \"{folder}/xfrd.state\"\n  \
         xfrdir: \"{folder}\"\n  zonelistfile: \"{folder}/zone.list\"\n  server-count: 1\n  rrl-ratelimit: 0\n  \
         xfrd-reload-timeout: 0\n{options}\
         remote-control:\n  control-enable: yes\n  control-interface: {folder}/nsd.ctl\n"
    );
    for Key { name, algorithm, secret } in &builder.keys {
        let _infallible =
            writeln!(text, "key:\n  name: {name}\n  algorithm: {algorithm}\n  secret: \"{secret}\"");
    }
    for zone in &builder.zones {
        let name = &zone.name;
        let file = match &zone.role {
            Role::Primary(file) => file.display().to_string(),
            Role::Secondary(..) | Role::Catalog(..) => builder.path(&format!("{name}.secondary")),
        };
        let _infallible = writeln!(
            text,
            "zone:\n  name: {name}\n  zonefile: \"{file}\"\n  provide-xfr: 127.0.0.0/8 NOKEY\n{}",
            zone.options
        );
        if let Some((from, key)) = zone.role.primary() {
            let key = key.map_or("NOKEY", |key| &key.name);
            let _infallible = writeln!(
                text,
                "  allow-notify: 127.0.0.0/8 {key}\n  request-xfr: {}@{} {key}",
                from.ip(),
                from.port()
            );
        }
    }
    text
}
