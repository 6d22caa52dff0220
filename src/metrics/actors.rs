//! The cells of the actor kernel, read when scraped: nothing is counted twice.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

use crate::actors::kernel::{Cell, Registry, State};

/// The families of one tree: `metrics.collect(Actors::new(registry))`.
pub struct Actors(Registry);

impl Actors {
    /// Reads this tree.
    pub fn new(registry: Registry) -> Self {
        Self(registry)
    }
}

impl fmt::Debug for Actors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Actors")
    }
}

impl Collector for Actors {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let cells = self.0.cells();
        let mut families = Families { encoder: &mut encoder, cells: &cells };
        families.gauge("depth", "Messages waiting or in hand", |cell| f64::from(cell.depth()))?;
        families.gauge("high_water", "Deepest mailbox so far", |cell| f64::from(cell.high_water()))?;
        families.gauge("bound", "Messages the mailbox may hold", |cell| f64::from(cell.bound))?;
        families.gauge("up", "1 while handling messages", |cell| {
            f64::from(u8::from(cell.state() == State::Running))
        })?;
        families.counter("handled", "Messages handled", |cell| cell.handled() as f64)?;
        families.counter("rejected", "Messages refused: mailbox full or actor down", |cell| {
            cell.rejected() as f64
        })?;
        families.counter("dropped", "Messages lost by a crash or stop", |cell| cell.dropped() as f64)?;
        families.counter("restarts", "Restarts", |cell| cell.restarts() as f64)?;
        families.counter("busy_seconds", "Time spent in handlers", |cell| cell.busy().as_secs_f64())?;
        families.gauge("handling_p99_seconds", "99th percentile of handling one message", |cell| {
            cell.handling.quantile_us(0.99) / 1e6
        })?;
        families.gauge("waiting_p99_seconds", "99th percentile of waiting in the mailbox", |cell| {
            cell.waiting.quantile_us(0.99) / 1e6
        })
    }
}

struct Families<'a, 'e> {
    encoder: &'a mut DescriptorEncoder<'e>,
    cells: &'a [&'static Cell],
}

impl Families<'_, '_> {
    fn counter(&mut self, name: &str, help: &str, read: impl Fn(&Cell) -> f64) -> fmt::Result {
        let name = format!("sportello_actor_{name}");
        let mut family = self.encoder.encode_descriptor(&name, help, None, MetricType::Counter)?;
        for cell in self.cells {
            let labels = [("actor", cell.path.as_str())];
            ConstCounter::new(read(cell)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, read: impl Fn(&Cell) -> f64) -> fmt::Result {
        let name = format!("sportello_actor_{name}");
        let mut family = self.encoder.encode_descriptor(&name, help, None, MetricType::Gauge)?;
        for cell in self.cells {
            let labels = [("actor", cell.path.as_str())];
            ConstGauge::new(read(cell)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
