//! The process as the operating system sees it, read from `/proc` when scraped. Elsewhere than on Linux these
//! families are empty.

use std::{fmt, fs, sync::atomic::AtomicU64};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::Gauge},
};

#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let Some(figures) = read() else { return Ok(()) };
        let cpu = encoder.encode_descriptor("process_cpu_seconds", "CPU time", None, MetricType::Counter)?;
        ConstCounter::new(figures.cpu_seconds).encode(cpu)?;
        let mut gauge = |name: &str, help: &str, value: f64| {
            let gauge = Gauge::<f64, AtomicU64>::default();
            gauge.set(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
        };
        gauge("process_resident_memory_bytes", "Resident memory", figures.rss_bytes)?;
        gauge("process_open_fds", "Open file descriptors", figures.open_fds)?;
        gauge("process_max_fds", "File descriptors allowed", figures.max_fds)?;
        gauge("process_threads", "Threads", figures.threads)?;
        gauge("process_start_time_seconds", "Start, since the epoch", figures.start_seconds)
    }
}

struct Figures {
    cpu_seconds: f64,
    rss_bytes: f64,
    open_fds: f64,
    max_fds: f64,
    threads: f64,
    start_seconds: f64,
}

fn read() -> Option<Figures> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold blanks; the fields after it are counted from 3 as in proc(5).
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let boot: f64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    Some(Figures {
        cpu_seconds: (field(14)? + field(15)?) / ticks,
        threads: field(20)?,
        start_seconds: boot + field(22)? / ticks,
        rss_bytes: field(24)? * rustix::param::page_size() as f64,
        open_fds: fs::read_dir("/proc/self/fd").ok()?.count() as f64,
        max_fds: limit.map_or(f64::INFINITY, |limit| limit as f64),
    })
}
