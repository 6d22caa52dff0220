//! Limits of the kernel (setrlimit), and a later place in its queue for processors.

use std::{io, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Role;

/// Of recursion. What nests deeper than this takes is no document.
const STACK_BYTES: u64 = 16 << 20;
/// Beside the three streams, what Landlock opens; programs open their libraries, one after the other.
const OPEN_FILES: u64 = 8;
const OPEN_FILES_OF_A_PROGRAM: u64 = 64;
/// Whoever waits for an answer of the server comes first: beside them a document gets a third of the processor time (sched(7)).
/// Not less: it has a deadline.
const NICENESS: i32 = 5;

pub(super) fn limit(role: Role<'_>, memory_bytes: u64, processor: Duration) -> io::Result<()> {
    // What the program itself takes of addresses is not the file's doing. A program that is started takes this one's place,
    // libraries and all.
    let own = match role {
        Role::Reader => addresses_used(),
        Role::Program(_) => 0,
    };
    rustix::process::nice(NICENESS)?;
    let seconds = processor.as_secs().max(1);
    let files = match role {
        Role::Reader => OPEN_FILES,
        Role::Program(_) => OPEN_FILES_OF_A_PROGRAM,
    };
    lower(Resource::As, own.saturating_add(memory_bytes), own.saturating_add(memory_bytes))?;
    lower(Resource::Data, own.saturating_add(memory_bytes), own.saturating_add(memory_bytes))?;
    lower(Resource::Stack, STACK_BYTES, STACK_BYTES)?;
    // The first limit ends it with a signal that tells why, the second with one that cannot be caught.
    lower(Resource::Cpu, seconds, seconds + 1)?;
    // No file can be written to, none left behind by a crash; no process made (which does not bind root: of root a reader is
    // held by seccomp, a program is not).
    lower(Resource::Fsize, 0, 0)?;
    lower(Resource::Core, 0, 0)?;
    lower(Resource::Nproc, 0, 0)?;
    lower(Resource::Nofile, files, files)
}

/// Sets a limit, never above one that is there.
fn lower(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let there = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let limit = Rlimit { current: Some(soft.min(there)), maximum: Some(hard.min(there)) };
    Ok(setrlimit(resource, limit)?)
}

/// Bytes of addresses that this process has taken (0 where nobody says).
fn addresses_used() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|line| line.split(' ').next().and_then(|it| it.parse::<u64>().ok()));
    pages.unwrap_or(0).saturating_mul(rustix::param::page_size() as u64)
}
