//! The API's description: OpenAPI 3.1, generated from the handlers and completed with what holds everywhere.
//!
//! Handlers describe what is theirs. [`complete()`] adds the answers of the front and the extractors (malformed requests,
//! limits, time, overload), to exactly those operations that can give them; `shared` has what many operations share stand
//! in one place; `page` serves all that.

mod complete;
mod page;
mod shared;

pub use complete::{ServerSentEvent, complete, document, operations, reads_query};
pub use page::routes;
