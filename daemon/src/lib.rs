//! zonemux: one daemon between ExternalDNS and all of a site's DNS.

pub mod http;
pub mod view;
pub mod wire;
