//! Contents of documents on their way into the storage and out of it, kept as [`crate::documents::at_rest`] says: one chunk
//! of each transfer is in memory, and what takes a processor longer than a moment happens on other threads.

mod feed;
mod handle;
mod open;
mod store;

pub use handle::{ContentError, Contents};
pub use store::Stored;
