//! Connections of the webhook's port, and who had to give way.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Counters;

/// Connections, and what they and their requests are turned away for.
#[derive(Clone, Debug, Default)]
pub struct ServingCounts {
    open: Gauge,
    cut: Counters<1>,
    shed: Counter,
}

impl ServingCounts {
    /// Notes how many connections there are.
    pub fn open(&self, connections: usize) {
        self.open.set(i64::try_from(connections).unwrap_or(i64::MAX));
    }

    /// Counts a connection that had to give way, by what there was too little of, or whose `handshake` was too large.
    pub fn cut(&self, lack: &'static str) {
        self.cut.get_or_create(&[("lack", lack)]).inc();
    }

    /// Counts a request for which there was no memory.
    pub fn shed(&self) {
        self.shed.inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("http_connections", "Connections to the webhook", self.open.clone());
        let help = "Connections that were cut, by what there was too little of, or because of a too large handshake";
        registry.register("http_connections_cut", help, self.cut.clone());
        registry.register("http_requests_shed", "Requests for which there was no memory", self.shed.clone());
    }
}
