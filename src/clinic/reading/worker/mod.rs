//! The process that looks at a file, or turns a picture that one has made of it. It is this program, started anew with
//! `read-document`: it confines itself, reads the file from standard input, and writes [frames](super::frames) to standard output.
//! It uses no thread but its first.
//!
//! What it meets in a file ends it in one of three ways: a frame that says why, a panic (exit code [`PANICKED`]), or a signal
//! of the kernel. [`super::parent`] makes a refusal of each.

mod answer;
mod confine;
mod input;
mod layout;
mod pdf;
mod picture;
mod plain;

use std::{
    os::unix::process::CommandExt as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::{Command, ExitCode},
};

use answer::{Answer, Stop};
use confine::Role;
use input::Kind;

use super::{
    frames::Frame,
    order::{Limits, Order},
    refusal::Refusal,
};

/// The worker's argument is none.
pub const MISUSED: u8 = 64;
/// It could not confine itself.
pub const NOT_CONFINED: u8 = 77;
/// A library panicked, outside of a page.
pub const PANICKED: u8 = 101;
/// The program that it should become is not there.
pub const NO_PROGRAM: u8 = 127;

/// Does what the argument says, and ends.
pub fn run(argument: &str) -> ExitCode {
    match serde_json::from_str(argument) {
        Ok(Order::Read { limits, pictures }) => work(&limits, |answer| file(&limits, pictures, answer)),
        Ok(Order::Turn { limits, turn }) => work(&limits, |answer| {
            let bytes = input::all(&limits)?;
            picture::turn(bytes, turn, answer)
        }),
        Ok(Order::Become { memory_bytes, processor, command }) => {
            let Some((program, arguments)) = command.split_first() else { return ExitCode::from(MISUSED) };
            let role = Role::Program(Path::new(program));
            if confine::confine(role, memory_bytes, processor).is_err() {
                return ExitCode::from(NOT_CONFINED);
            }
            become_program(program, arguments)
        }
        Err(_) => ExitCode::from(MISUSED),
    }
}

fn become_program(program: &str, arguments: &[String]) -> ExitCode {
    // Comes back only if it failed.
    let _error = Command::new(program).args(arguments).exec();
    ExitCode::from(NO_PROGRAM)
}

/// Does this, confined.
fn work(limits: &Limits, what: impl FnOnce(&mut Answer) -> Result<(), Stop>) -> ExitCode {
    // Panics of libraries are expected here; their text would quote the file.
    std::panic::set_hook(Box::new(|_| {}));
    let Ok(confinement) = confine::confine(Role::Reader, limits.memory_bytes, limits.processor) else {
        return ExitCode::from(NOT_CONFINED);
    };
    let mut answer = Answer::new(limits);
    let done = catch_unwind(AssertUnwindSafe(|| {
        answer::send(&Frame::Confined(confinement))?;
        what(&mut answer)
    }));
    match done {
        Ok(Ok(())) => finish(&answer.end()),
        Ok(Err(Stop::Refused(refusal))) => finish(&answer::send(&Frame::Refused { refusal })),
        // Nobody listens any more.
        Ok(Err(Stop::Gone)) => ExitCode::FAILURE,
        Err(_) => ExitCode::from(PANICKED),
    }
}

fn finish(sent: &Result<(), Stop>) -> ExitCode {
    if sent.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn file(limits: &Limits, pictures: bool, answer: &mut Answer) -> Result<(), Stop> {
    let bytes = input::all(limits)?;
    match Kind::of(&bytes).ok_or(Refusal::WrongType)? {
        Kind::Pdf => pdf::read(bytes, limits, pictures, answer),
        Kind::Plain => plain::read(&bytes, limits, answer),
        Kind::Picture(format) => picture::read(bytes, format, limits, pictures, answer),
    }
}
