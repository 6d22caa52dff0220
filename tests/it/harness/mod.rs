//! What tests stand on: a shared PostgreSQL, a Redis where one is needed, a database of one's own for each test, and the running application.

pub(crate) mod app;
pub(crate) mod bucket;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod database;
pub(crate) mod make;
pub(crate) mod notaries;
pub(crate) mod people;
pub(crate) mod pictures;
pub(crate) mod process;
pub(crate) mod providers;
pub(crate) mod redis;
pub(crate) mod scratch;
pub(crate) mod servant;
pub(crate) mod sources;
pub(crate) mod until;
pub(crate) mod verify;
pub(crate) mod visit;
