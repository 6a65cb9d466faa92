//! PowerDNS's configuration and database.

use std::fs::File;
use std::process::{Command, Stdio};

use super::{Builder, Key, Role};

/// Where Debian's package `pdns-backend-sqlite3` has the tables.
const SCHEMA: &str = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";

/// The command that runs it in the foreground, with a database that is filled the first time. Lines of a zone's
/// options are its metadata: `TSIG-ALLOW-AXFR KEY`.
pub(super) fn command(builder: &Builder) -> Command {
    builder.write("pdns.conf", &config(builder));
    if !builder.folder.join("pdns.db").exists() {
        fill(builder);
    }
    let mut command = Command::new("pdns_server");
    command.arg(directory(builder));
    command
}

fn directory(builder: &Builder) -> String {
    format!("--config-dir={}", builder.folder.display())
}

fn config(builder: &Builder) -> String {
    let (port, options) = (builder.port.number, &builder.options);
    let folder = builder.folder.display();
    // Nothing is remembered, and nothing is looked up elsewhere.
    format!(
        "launch=gsqlite3\ngsqlite3-database={folder}/pdns.db\ngsqlite3-dnssec=yes\nlocal-address=127.0.0.1\n\
         local-port={port}\nsocket-dir={folder}\nsetuid=\nsetgid=\ndaemon=no\nguardian=no\ndnsupdate=yes\n\
         allow-dnsupdate-from=127.0.0.0/8\nallow-axfr-ips=\nquery-cache-ttl=0\ncache-ttl=0\nnegquery-cache-ttl=0\n\
         zone-cache-refresh-interval=0\nsecurity-poll-suffix=\n{options}"
    )
}

fn fill(builder: &Builder) {
    let schema = File::open(SCHEMA).expect("Debian's package pdns-backend-sqlite3 is installed");
    let mut sqlite = Command::new("sqlite3");
    sqlite.arg(builder.folder.join("pdns.db")).stdin(schema);
    run(&mut sqlite);
    let utility = |words: &[&str]| run(Command::new("pdnsutil").arg(directory(builder)).args(words));
    for Key { name, algorithm, secret } in &builder.keys {
        utility(&["import-tsig-key", name, algorithm, secret]);
    }
    for zone in &builder.zones {
        let Role::Primary(file) = &zone.role else { panic!("PowerDNS is a primary in all tests") };
        utility(&["load-zone", &zone.name, &file.display().to_string()]);
        for line in zone.options.lines().filter(|line| !line.trim().is_empty()) {
            let (kind, value) = line.trim().split_once(' ').expect("metadata has a kind and a value");
            utility(&["set-meta", &zone.name, kind, value]);
        }
    }
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
