//! The kernel: bounded, observable, restartable actors on ractor. The only module that imports ractor.
//!
//! - [`Cell`]: one per logical actor; its figures survive restarts.
//! - [`Handle`]: how everybody else talks to an actor. Small, cloneable, bounded, survives restarts; errors are typed.
//! - [`Behaviour`]: what an actor does. Its state dies with it; what must survive lives in the behaviour itself.
//! - [`Supervisor`]: starts children in order, restarts them by policy, stops them in reverse.
//! - [`System`]: a running tree.
//!
//! Invariants (each has a test below or in `tests/it/actors`)
//! - Nothing is sent uncounted: at rest depth = 0 and handled + rejected + dropped = attempted.
//! - A caller never hangs on a dead actor: a message that dies with its mailbox drops its reply, which the caller
//!   sees as [`CallError::Crashed`].
//! - A handle is never dead after recovery: it finds the new incarnation by itself.

mod actor;
mod bell;
mod cell;
mod flight;
mod handle;
mod histogram;
mod registry;
mod supervisor;
mod system;

pub use actor::{Behaviour, Context, Failure, Myself, actor};
pub use bell::Bell;
pub use cell::{Cell, Exit, State};
pub use flight::fly;
pub use handle::{CallError, Handle, Message, Reply, SendError};
pub use histogram::Histogram;
pub use registry::{ControlError, Registry};
pub use supervisor::{Child, Restart, Strategy, Supervisor};
pub use system::{Meltdown, System};

/// Names the kinds of a message enum for counters and crash reports: `kinds!(LaneMsg: Read, Done)`.
#[macro_export]
macro_rules! kinds {
    ($name:ty: $($variant:ident),+ $(,)?) => {
        impl $crate::actors::kernel::Message for $name {
            const KINDS: &'static [&'static str] = &[$(stringify!($variant)),+];
            fn kind(&self) -> usize {
                enum Kind { $($variant),+ }
                match self { $(Self::$variant { .. } => Kind::$variant as usize),+ }
            }
        }
    };
}

#[cfg(test)]
mod tests;
