//! The HTTP front: over real sockets, most of it around routers made for the occasion.

mod answers;
mod connections;
mod idempotency;
mod limits;
mod listening;
mod openapi;
mod repeated;
mod unread;
mod wire;
mod wording;
