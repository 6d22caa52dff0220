//! What jobs need, and whether it is there: read from the breakers.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

use crate::jobs::Breakers;

/// The families of one node: `metrics.collect(Dependencies::new(breakers))`.
pub struct Dependencies(Breakers);

impl Dependencies {
    /// Reads these breakers.
    pub fn new(breakers: Breakers) -> Self {
        Self(breakers)
    }
}

impl fmt::Debug for Dependencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dependencies")
    }
}

impl Collector for Dependencies {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let views = self.0.views();
        let help = "Whether something that jobs need is away, so that they wait";
        let mut family =
            encoder.encode_descriptor("sportello_dependency_away", help, None, MetricType::Gauge)?;
        for view in &views {
            let labels = [("dependency", view.dependency.as_str())];
            ConstGauge::new(i64::from(view.is_open)).encode(family.encode_family(&labels)?)?;
        }
        let help = "How often it went away";
        let mut family =
            encoder.encode_descriptor("sportello_dependency_outages", help, None, MetricType::Counter)?;
        for view in &views {
            let labels = [("dependency", view.dependency.as_str())];
            ConstCounter::new(view.opened).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
