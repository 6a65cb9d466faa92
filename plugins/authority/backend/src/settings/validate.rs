//! What is wrong with settings beyond their form.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use zonemux_plugin::Fault;
use zonemux_plugin::dns::canonical;

use super::{Seconds, Settings};
use crate::mailbox::mailbox;
use crate::serving::{key, network_of};
use crate::wanted::{Kind, kind, rdatas};

/// The most threads of one address.
const MAX_WORKERS: usize = 64;

/// RFC 2181, section 8: the highest bit of a TTL is never set.
const MAX_TTL: u32 = i32::MAX.unsigned_abs();

impl Settings {
    /// All faults at once.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.check_addresses(&mut faults);
        self.check_names(&mut faults);
        self.check_times(&mut faults);
        self.check_transfers(&mut faults);
        self.check_limits(&mut faults);
        self.check_static(&mut faults);
        faults
    }

    fn check_addresses(&self, faults: &mut Vec<Fault>) {
        if self.listen.is_empty() {
            faults.push(
                Fault::new("listen", "it names no address")
                    .with_hint("for example `[\"127.0.0.1:5300\"]`, which is the default"),
            );
        }
        let mut seen = HashMap::new();
        for (index, address) in self.listen.iter().enumerate() {
            let path = format!("listen.{index}");
            match address.parse::<SocketAddr>() {
                Err(_) => faults.push(
                    Fault::new(path, format!("`{address}` is no address with a port"))
                        .with_hint("for example `127.0.0.1:5300` or `[::]:53`"),
                ),
                // Port 0 is another one each time.
                Ok(address) if address.port() != 0 && seen.insert(address, index).is_some() => {
                    faults.push(Fault::new(path, format!("`{address}` is named twice")));
                }
                Ok(_) => {}
            }
        }
        if self.directory.as_ref().is_some_and(|directory| directory.as_os_str().is_empty()) {
            faults.push(
                Fault::new("directory", "it is empty").with_hint("leave it out for the state directory"),
            );
        }
    }

    fn check_names(&self, faults: &mut Vec<Fault>) {
        if self.nameservers.is_empty() {
            faults.push(Fault::new("nameservers", "a zone must have a name server").with_hint(
                "for example `[\"ns1.example.org\"]`; leave it out to try the plugin without one",
            ));
        }
        let mut seen = HashMap::new();
        for (index, server) in self.nameservers.iter().enumerate() {
            let path = format!("nameservers.{index}");
            match canonical(server.name()) {
                Err(error) => faults.push(Fault::new(&path, error.to_string())),
                Ok(name) if seen.insert(name.clone(), index).is_some() => {
                    faults.push(Fault::new(&path, format!("`{name}` is named twice")));
                }
                Ok(_) if server.name().parse::<IpAddr>().is_ok() => faults.push(
                    Fault::new(&path, format!("`{}` is an address, not a name", server.name())).with_hint(
                        "for example `{ name = \"ns1.example.org\", addresses = [\"192.0.2.53\"] }`",
                    ),
                ),
                Ok(_) => {}
            }
            for (at, address) in server.addresses().iter().enumerate() {
                if address.parse::<IpAddr>().is_err() {
                    let path = format!("{path}.addresses.{at}");
                    faults.push(
                        Fault::new(path, format!("`{address}` is no address"))
                            .with_hint("for example `192.0.2.53`"),
                    );
                }
            }
        }
        if let Some(Err(reason)) = self.hostmaster.as_deref().map(mailbox) {
            faults.push(Fault::new("hostmaster", reason).with_hint("for example `hostmaster@example.org`"));
        }
    }

    fn check_times(&self, faults: &mut Vec<Fault>) {
        let soa = &self.soa;
        let times = [
            ("default_ttl", self.default_ttl),
            ("soa.refresh", soa.refresh),
            ("soa.retry", soa.retry),
            ("soa.expire", soa.expire),
            ("soa.minimum", soa.minimum),
            ("soa.ttl", soa.ttl),
        ];
        for (path, Seconds(seconds)) in times {
            let lowest = u32::from(matches!(path, "soa.refresh" | "soa.retry" | "soa.expire"));
            if !(lowest..=MAX_TTL).contains(&seconds) {
                faults.push(Fault::new(path, format!("it must be {lowest} to {MAX_TTL} seconds")));
            }
        }
        if soa.expire <= soa.refresh {
            faults.push(
                Fault::new("soa.expire", "it must be longer than `soa.refresh`")
                    .with_hint("a secondary would give the zone up before it asks again"),
            );
        }
    }

    fn check_transfers(&self, faults: &mut Vec<Fault>) {
        let mut keys = HashMap::new();
        for (index, transfer) in self.transfer.iter().enumerate() {
            let path = format!("transfer.{index}");
            if transfer.secondary.parse::<SocketAddr>().is_err() {
                let message = format!("`{}` is no address with a port", transfer.secondary);
                faults.push(
                    Fault::new(format!("{path}.secondary"), message).with_hint("for example `192.0.2.53:53`"),
                );
            }
            let Some(tsig) = &transfer.tsig else { continue };
            match canonical(&tsig.name) {
                Err(error) => faults.push(Fault::new(format!("{path}.tsig.name"), error.to_string())),
                Ok(name) => {
                    let key = (tsig.algorithm, tsig.secret.expose());
                    if keys.insert(name, key).is_some_and(|other| other != key) {
                        let path = format!("{path}.tsig.name");
                        faults.push(Fault::new(
                            path,
                            "another key has that name, with another secret or algorithm",
                        ));
                    }
                }
            }
            // The name has its own fault.
            if let Err(reason) = key(tsig)
                && canonical(&tsig.name).is_ok()
            {
                faults.push(
                    Fault::new(format!("{path}.tsig.secret"), reason)
                        .with_hint("`tsig-keygen` and `keymgr -t` make such keys"),
                );
            }
        }
        for (index, network) in self.transfer_from.iter().enumerate() {
            if network_of(network).is_none() {
                let path = format!("transfer_from.{index}");
                let message = format!("`{network}` is no address or network");
                faults.push(Fault::new(path, message).with_hint("for example `192.0.2.0/24`"));
            }
        }
        if let Some(Err(error)) = self.catalog.as_deref().map(canonical) {
            faults.push(Fault::new("catalog", error.to_string()).with_hint("for example `catalog.invalid`"));
        }
    }

    fn check_limits(&self, faults: &mut Vec<Fault>) {
        if !(1..=MAX_WORKERS).contains(&self.workers) {
            faults.push(Fault::new("workers", format!("it must be 1 to {MAX_WORKERS}")));
        }
        let limits = &self.limits;
        if !(512..=4096).contains(&limits.udp_size) {
            faults.push(
                Fault::new("limits.udp_size", "it must be 512 to 4096 octets")
                    .with_hint("1232, the default, passes everywhere in one piece"),
            );
        }
        let at_least_one = [
            ("limits.tcp_connections", limits.tcp_connections),
            ("limits.tcp_connections_per_client", limits.tcp_connections_per_client),
            ("limits.tcp_idle", limits.tcp_idle.0 as usize),
            ("limits.tcp_write", limits.tcp_write.0 as usize),
            ("limits.transfers", limits.transfers),
        ];
        for (path, _) in at_least_one.iter().filter(|(_, value)| *value == 0) {
            faults.push(Fault::new(*path, "it must be more than 0"));
        }
        for (path, text) in [("identity", &self.identity), ("version", &self.version)] {
            if text.as_ref().is_some_and(|text| text.is_empty() || text.len() > 255) {
                faults.push(
                    Fault::new(path, "it must have 1 to 255 bytes")
                        .with_hint("leave it out to answer nothing"),
                );
            }
        }
    }

    fn check_static(&self, faults: &mut Vec<Fault>) {
        let mut seen = HashMap::new();
        for (index, record) in self.static_records.iter().enumerate() {
            let path = format!("static.{index}");
            let name = canonical(&record.name);
            if let Err(error) = &name {
                faults.push(Fault::new(format!("{path}.name"), error.to_string()));
            }
            if let Some(Seconds(ttl)) = record.ttl
                && ttl > MAX_TTL
            {
                faults.push(Fault::new(format!("{path}.ttl"), format!("it must be 0 to {MAX_TTL} seconds")));
            }
            let rtype = match kind(&record.record_type) {
                Ok(Kind::Rtype(rtype)) => rtype,
                Ok(Kind::Soa) => {
                    let message = "the SOA record is made from `nameservers`, `hostmaster` and `soa`";
                    faults.push(Fault::new(format!("{path}.type"), message));
                    continue;
                }
                Err(reason) => {
                    faults.push(Fault::new(format!("{path}.type"), reason));
                    continue;
                }
            };
            if let Err(reason) = rdatas(rtype, record.targets.iter().map(String::as_str)) {
                faults.push(Fault::new(format!("{path}.targets"), reason));
            }
            if let Ok(name) = name
                && seen.insert((name.clone(), rtype), index).is_some()
            {
                let message = format!("{rtype} {name} is there already");
                faults.push(Fault::new(path, message).with_hint("put all of its targets into one record"));
            }
        }
    }
}
