//! The HTTP front: over real sockets, most of it around routers made for the occasion.

mod answers;
mod connections;
mod idempotency;
mod openapi;
mod wire;
