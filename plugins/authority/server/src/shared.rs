//! What all parts of a server have in common.

use std::sync::Arc;

use zonemux_authority_zones::Zones;

use crate::cookies::Cookies;
use crate::metrics::Metrics;
use crate::settings::ServerSettings;
use crate::signed::Keys;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Arc<ServerSettings>,
    pub(crate) zones: Arc<Zones>,
    pub(crate) cookies: Cookies,
    pub(crate) keys: Keys,
    pub(crate) metrics: Metrics,
}
