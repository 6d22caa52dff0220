//! Panics as log records: an actor's panic is caught by the kernel, but what and where must be found afterwards.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic::{self, PanicHookInfo},
    thread,
};

/// Logs every panic of this process in place of the text that Rust prints.
pub(super) fn log_them() {
    panic::set_hook(Box::new(log));
}

pub(super) fn log(info: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(
        panic.location = info.location().map(tracing::field::display),
        panic.thread = thread::current().name(),
        panic.backtrace = backtrace,
        "panic: {}",
        info.payload_as_str().unwrap_or("without a message")
    );
}
