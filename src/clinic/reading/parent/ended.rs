//! Why a worker ended before it had said its last word.

use std::{io, os::unix::process::ExitStatusExt as _, process::ExitStatus};

use rustix::process::Signal;

use super::process::ReadError;
use crate::clinic::reading::{
    refusal::Refusal,
    worker::{MISUSED, NO_PROGRAM, NOT_CONFINED},
};

/// What Rust says when there is no memory, and when the stack ends.
const NO_MEMORY: &[u8] = b"memory allocation of";
const NO_STACK: &[u8] = b"has overflowed its stack";

/// `None`: it had to be killed.
pub(super) fn why(status: Option<ExitStatus>, complaint: &[u8]) -> ReadError {
    let Some(status) = status else { return Refusal::TooSlow.into() };
    let says = |words: &[u8]| complaint.windows(words.len()).any(|it| it == words);
    if let Some(signal) = status.signal() {
        return match Signal::from_named_raw(signal) {
            Some(Signal::XCPU) => Refusal::TooSlow,
            // The kernel's own way to say that memory has run out; we have not killed it.
            Some(Signal::KILL) => Refusal::OutOfMemory,
            Some(Signal::ABORT) if says(NO_MEMORY) => Refusal::OutOfMemory,
            Some(Signal::ABORT) if says(NO_STACK) => Refusal::TooDeep,
            Some(Signal::SEGV | Signal::BUS) => Refusal::TooDeep,
            _ => Refusal::Crashed,
        }
        .into();
    }
    match status.code().map(u8::try_from) {
        Some(Ok(MISUSED)) => ReadError::NoWorker(io::Error::other("the program knows no such order")),
        Some(Ok(NOT_CONFINED)) => ReadError::NoWorker(io::Error::other("a worker could not confine itself")),
        Some(Ok(NO_PROGRAM)) => ReadError::NoWorker(io::ErrorKind::NotFound.into()),
        _ if says(NO_MEMORY) => Refusal::OutOfMemory.into(),
        // A panic, for example.
        _ => Refusal::Crashed.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::reading::worker::PANICKED;

    fn of(raw: i32, complaint: &str) -> Option<Refusal> {
        match why(Some(ExitStatus::from_raw(raw)), complaint.as_bytes()) {
            ReadError::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    #[test]
    fn ends_have_their_reasons() {
        assert_eq!(of(Signal::XCPU.as_raw(), ""), Some(Refusal::TooSlow));
        assert_eq!(of(Signal::KILL.as_raw(), ""), Some(Refusal::OutOfMemory));
        assert_eq!(
            of(Signal::ABORT.as_raw(), "memory allocation of 64 bytes failed"),
            Some(Refusal::OutOfMemory)
        );
        assert_eq!(
            of(Signal::ABORT.as_raw(), "thread 'main' (7) has overflowed its stack"),
            Some(Refusal::TooDeep)
        );
        assert_eq!(of(Signal::SEGV.as_raw(), ""), Some(Refusal::TooDeep));
        assert_eq!(of(Signal::SYS.as_raw(), ""), Some(Refusal::Crashed));
        assert_eq!(of(i32::from(PANICKED) << 8, ""), Some(Refusal::Crashed));
        assert_eq!(of(0, ""), Some(Refusal::Crashed));
        assert_eq!(of(i32::from(NOT_CONFINED) << 8, ""), None);
        assert!(matches!(why(None, b""), ReadError::Refused(Refusal::TooSlow)));
    }
}
