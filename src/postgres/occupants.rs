//! Who already lives in the data directory: a server that outlived its Sportello, and how it is made to leave.
//!
//! PostgreSQL's processes all have the data directory as their working directory, so on Linux `/proc` tells
//! precisely who they are; a recorded process id alone could by now be anybody's. Elsewhere `ps` is asked about the
//! recorded one. Shared memory must be free before a new server starts, so *all* processes must be gone.

use std::{fs, path::Path, process::Command, time::Duration};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::time::{Instant, sleep};

use super::{ClusterError, home::Home};

/// How long an immediate shutdown and, after it, a kill may take.
const HARD_STOP: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Makes every process of an earlier server leave; returns its postmaster when that was still alive.
pub(super) async fn evict(home: &Home, patience: Duration) -> Result<Option<u32>, ClusterError> {
    let cluster = home.cluster();
    let recorded = recorded_postmaster(&cluster);
    let living = occupants(&cluster);
    let postmaster = recorded.filter(|pid| living.contains(pid));
    if let Some(pid) = postmaster {
        tracing::warn!(pid = pid.as_raw_pid(), "stopping a PostgreSQL that outlived its Sportello");
        // Not there any more is as good as stopped.
        let _ = kill_process(pid, Signal::INT);
        leave(&cluster, patience).await;
    }
    for signal in [Signal::QUIT, Signal::KILL] {
        let living = occupants(&cluster);
        if living.is_empty() {
            break;
        }
        for pid in living {
            let _ = kill_process(pid, signal);
        }
        leave(&cluster, HARD_STOP).await;
    }
    if let Some(pid) = occupants(&cluster).first() {
        return Err(ClusterError::Occupied { pid: pid.as_raw_pid() });
    }
    forget_reused_pid(home, recorded);
    Ok(postmaster.map(|pid| pid.as_raw_pid().unsigned_abs()))
}

/// Waits until nobody is left, at most `patience`; says whether that is so.
pub(super) async fn leave(cluster: &Path, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while !occupants(cluster).is_empty() {
        if Instant::now() >= deadline {
            return false;
        }
        sleep(LOOK_AGAIN).await;
    }
    true
}

/// The process id in `postmaster.pid`.
fn recorded_postmaster(cluster: &Path) -> Option<Pid> {
    let text = fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
    text.lines().next()?.trim().parse().ok().and_then(Pid::from_raw)
}

/// PostgreSQL refuses to start while the recorded process id is in use, even by a process that merely got the same
/// number, which after a reboot or in a container is common. Nobody lives here: the records are void.
fn forget_reused_pid(home: &Home, recorded: Option<Pid>) {
    if recorded.is_some_and(|pid| test_kill_process(pid).is_ok()) {
        for stale in [home.cluster().join("postmaster.pid"), home.socket.join(super::home::SOCKET_LOCK)] {
            let _ = fs::remove_file(stale);
        }
    }
}

/// The PostgreSQL processes that use this data directory.
fn occupants(cluster: &Path) -> Vec<Pid> {
    match fs::read_dir("/proc") {
        Ok(processes) if Path::new("/proc/self/cwd").exists() => processes
            .flatten()
            .filter_map(|process| process.file_name().to_str()?.parse().ok().and_then(Pid::from_raw))
            .filter(|pid| lives_in(*pid, cluster))
            .collect(),
        _ => recorded_postmaster(cluster).filter(|pid| is_ours_by_ps(*pid, cluster)).into_iter().collect(),
    }
}

fn lives_in(pid: Pid, cluster: &Path) -> bool {
    let process = Path::new("/proc").join(pid.as_raw_pid().to_string());
    // An administrator's shell may stand in the directory too: only PostgreSQL is ours to end.
    fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == cluster)
        && fs::read_to_string(process.join("comm")).is_ok_and(|name| name.trim_end() == "postgres")
}

fn is_ours_by_ps(pid: Pid, cluster: &Path) -> bool {
    let output =
        Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.as_raw_pid().to_string()]).output();
    output.is_ok_and(|output| {
        let command = String::from_utf8_lossy(&output.stdout);
        command.contains("postgres") && command.contains(&*cluster.to_string_lossy())
    })
}
