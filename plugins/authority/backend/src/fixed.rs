//! What the settings put into zones: the SOA, name servers, static records.

use std::collections::BTreeMap;
use std::net::IpAddr;

use zonemux_authority_zones::{Name, Origin, Rrset, Soa};
use zonemux_plugin::dns::{ZoneMap, canonical, may_stand_together};
use zonemux_rdata::{Rtype, encode, name_to_wire};

use crate::mailbox::mailbox;
use crate::settings::Settings;
use crate::wanted::{Kind, kind, rdatas};

/// What the settings put into one zone.
#[derive(Debug)]
pub(crate) struct Fixed {
    pub(crate) apex: Name,
    pub(crate) soa: Soa,
    /// All but the SOA.
    pub(crate) rrsets: BTreeMap<(Name, Rtype), Rrset>,
}

/// What the settings put into zones, by the numbers that the zones have; else everything that is wrong.
pub(crate) fn fixed(settings: &Settings, zones: &[String]) -> Result<Vec<Fixed>, Vec<String>> {
    let names: ZoneMap<usize> = zones.iter().enumerate().map(|(index, zone)| (zone, index)).collect();
    let mut building = Building { settings, names, fixed: Vec::new(), faults: Vec::new() };
    for zone in zones {
        building.zone(zone);
    }
    building.addresses();
    building.static_records();
    building.stand_together();
    if building.faults.is_empty() { Ok(building.fixed) } else { Err(building.faults) }
}

struct Building<'a> {
    settings: &'a Settings,
    names: ZoneMap<usize>,
    fixed: Vec<Fixed>,
    faults: Vec<String>,
}

impl Building<'_> {
    fn zone(&mut self, zone: &str) {
        let Some(apex) = Name::from_canonical(zone) else {
            self.faults.push(format!("`{zone}` is no domain name"));
            return;
        };
        let soa = &self.settings.soa;
        let first = self.settings.nameservers.first().map_or("localhost", |server| server.name());
        let rname = match &self.settings.hostmaster {
            Some(text) => mailbox(text),
            None if zone == "." => mailbox("hostmaster"),
            None => mailbox(&format!("hostmaster.{zone}")),
        };
        let (Ok(mname), Ok(rname)) = (canonical(first), rname) else {
            self.faults.push(format!("no SOA record can be made for `{zone}`: its names are too long"));
            return;
        };
        let soa = Soa {
            mname: name_to_wire(&mname),
            rname,
            refresh: soa.refresh.0,
            retry: soa.retry.0,
            expire: soa.expire.0,
            minimum: soa.minimum.0,
            ttl: soa.ttl.0,
        };
        let servers =
            self.settings.nameservers.iter().filter_map(|server| encode(Rtype::NS, server.name()).ok());
        let servers = Rrset::new(Rtype::NS, soa.ttl, Origin::Fixed, servers, b"");
        let rrsets = servers.ok().map(|servers| ((apex.clone(), Rtype::NS), servers)).into_iter().collect();
        self.fixed.push(Fixed { apex, soa, rrsets });
    }

    /// Addresses of name servers go into the zone in which their names lie.
    fn addresses(&mut self) {
        for server in &self.settings.nameservers {
            let Ok(name) = canonical(server.name()) else { continue };
            let Some((_, &zone)) = self.names.find(&name) else {
                if !server.addresses().is_empty() {
                    self.faults.push(format!(
                        "name server `{name}` lies in none of the zones, so its addresses can't stand here: leave them out"
                    ));
                }
                continue;
            };
            let addresses = || server.addresses().iter().filter_map(|address| address.parse::<IpAddr>().ok());
            let v4: Vec<Vec<u8>> = addresses()
                .filter_map(
                    |address| if let IpAddr::V4(v4) = address { Some(v4.octets().to_vec()) } else { None },
                )
                .collect();
            let v6: Vec<Vec<u8>> = addresses()
                .filter_map(
                    |address| if let IpAddr::V6(v6) = address { Some(v6.octets().to_vec()) } else { None },
                )
                .collect();
            for (rtype, rdatas) in [(Rtype::A, v4), (Rtype::AAAA, v6)] {
                self.put(zone, &name, rtype, self.settings.soa.ttl.0, rdatas);
            }
        }
    }

    fn static_records(&mut self) {
        for record in &self.settings.static_records {
            let what = format!("{} {}", record.record_type, record.name);
            let Ok(name) = canonical(&record.name) else { continue };
            let Some((apex, &zone)) = self.names.find(&name) else {
                self.faults.push(format!("static record {what} lies in none of the zones"));
                continue;
            };
            let Ok(Kind::Rtype(rtype)) = kind(&record.record_type) else { continue };
            if apex == name && rtype == Rtype::NS {
                self.faults.push(format!(
                    "static record {what}: the name servers of a zone are named by `nameservers`"
                ));
                continue;
            }
            let wildcard = name == "*" || name.starts_with("*.");
            if wildcard && matches!(rtype, Rtype::NS | Rtype::DNAME) {
                self.faults.push(format!("static record {what}: it has no meaning at a wildcard"));
                continue;
            }
            let ttl = record.ttl.unwrap_or(self.settings.default_ttl).0;
            match rdatas(rtype, record.targets.iter().map(String::as_str)) {
                Ok(rdatas) => self.put(zone, &name, rtype, ttl, rdatas),
                Err(reason) => self.faults.push(format!("static record {what}: {reason}")),
            }
        }
    }

    fn put(&mut self, zone: usize, name: &str, rtype: Rtype, ttl: u32, rdatas: Vec<Vec<u8>>) {
        if rdatas.is_empty() {
            return;
        }
        let (Some(owner), Ok(rrset)) =
            (Name::from_canonical(name), Rrset::new(rtype, ttl, Origin::Fixed, rdatas, b""))
        else {
            self.faults.push(format!("{rtype} {name} does not fit into a zone"));
            return;
        };
        let Some(fixed) = self.fixed.get_mut(zone) else { return };
        if fixed.rrsets.insert((owner, rtype), rrset).is_some() {
            self.faults.push(format!(
                "{rtype} {name} is there twice: among `static` and as a name server's address"
            ));
        }
    }

    fn stand_together(&mut self) {
        for fixed in &self.fixed {
            for (name, rtype) in fixed.rrsets.keys().filter(|(_, rtype)| *rtype == Rtype::CNAME) {
                let others = fixed.rrsets.range((name.clone(), Rtype(0))..=(name.clone(), Rtype(u16::MAX)));
                let mut others = others.map(|((_, other), _)| *other).filter(|other| other != rtype);
                if *name == fixed.apex {
                    self.faults
                        .push(format!("static record CNAME {name}: the apex of a zone has an SOA and NS"));
                } else if let Some(other) =
                    others.find(|other| !may_stand_together("CNAME", &other.to_string()))
                {
                    self.faults.push(format!("static record CNAME {name} can't stand beside {other} there"));
                }
            }
        }
    }
}
