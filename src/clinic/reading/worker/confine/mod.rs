//! A worker's walls, put up before it looks at the file. They hold for whatever it becomes, too.
//!
//! Limits of the kernel on memory, processor time, files and processes are necessary: without them a worker does not start.
//! Landlock and seccomp are asked for and reported; a kernel may have neither.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod files;
mod resources;

use std::{io, path::Path, time::Duration};

use crate::clinic::reading::frames::Confinement;

/// What a worker is about to be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role<'p> {
    /// Itself: it needs nothing but its own streams.
    Reader,
    /// This program, which opens its libraries and data.
    Program(&'p Path),
}

/// Confines this process, which has one thread.
pub(super) fn confine(role: Role<'_>, memory_bytes: u64, processor: Duration) -> io::Result<Confinement> {
    resources::limit(role, memory_bytes, processor)?;
    Ok(walls(role))
}

#[cfg(target_os = "linux")]
fn walls(role: Role<'_>) -> Confinement {
    Confinement { files: files::close(role), calls: calls::close(role) }
}

#[cfg(not(target_os = "linux"))]
fn walls(_: Role<'_>) -> Confinement {
    Confinement::default()
}
