//! A gauge that is read when scraped.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::EncodeMetric as _,
    metrics::{TypedMetric as _, gauge::Gauge},
};

pub(super) struct OnScrape<F> {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) read: F,
}

impl<F> fmt::Debug for OnScrape<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl<F: Fn() -> f64 + Send + Sync + 'static> Collector for OnScrape<F> {
    fn encode(&self, mut encoder: prometheus_client::encoding::DescriptorEncoder) -> fmt::Result {
        type Value = Gauge<f64, std::sync::atomic::AtomicU64>;
        let value = Value::default();
        value.set((self.read)());
        value.encode(encoder.encode_descriptor(self.name, self.help, None, Value::TYPE)?)
    }
}
