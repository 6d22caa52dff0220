//! Processor time of this process and of PostgreSQL, as the kernel counts it; unknown where there is no `/proc`.

use std::{fs, time::Duration};

use tokio_postgres::Client;

/// The kernel counts in hundredths of a second on every Linux we know (`getconf CLK_TCK`).
const TICK: Duration = Duration::from_millis(10);

/// Processor time so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    /// Of this process: the server, and what little the benchmark itself does.
    pub(crate) server: Option<Duration>,
    /// Of every PostgreSQL process.
    pub(crate) postgres: Option<Duration>,
}

impl Cpu {
    /// Reads the clocks.
    pub(crate) async fn read(client: &Client) -> anyhow::Result<Self> {
        const PROCESSES: &str = "-- bench.cpu.processes\nSELECT pid FROM pg_stat_activity";
        let pids: Vec<i32> = client.query(PROCESSES, &[]).await?.iter().map(|row| row.get(0)).collect();
        // Processes come and go; those that matter here stay. A server elsewhere has no processes here.
        let times: Vec<Duration> =
            pids.iter().filter_map(|pid| stat(&pid.to_string(), Some("postgres"))).collect();
        Ok(Self { server: stat("self", None), postgres: (!times.is_empty()).then(|| times.iter().sum()) })
    }

    /// Microseconds per request since `before`: of the server and of PostgreSQL.
    pub(crate) fn per_request(self, before: Self, requests: u64) -> (Option<f64>, Option<f64>) {
        let per = |now: Option<Duration>, then: Option<Duration>| {
            Some(now?.saturating_sub(then?).as_secs_f64() * 1e6 / requests.max(1) as f64)
        };
        (per(self.server, before.server), per(self.postgres, before.postgres))
    }
}

/// Processor time of another process so far.
pub(crate) fn of(pid: u32) -> Option<Duration> {
    stat(&pid.to_string(), None)
}

/// `utime` and `stime` of a process; `None` if it is gone or called otherwise.
fn stat(pid: &str, name: Option<&str>) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, fields) = text.rsplit_once(") ")?;
    if name.is_some_and(|name| !head.ends_with(name)) {
        return None;
    }
    let mut fields = fields.split(' ').skip(11).map(str::parse::<u32>);
    let (user, system) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some(TICK * (user + system))
}
