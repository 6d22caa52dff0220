//! What runs: the kernel, and the tree of supervised actors.
//!
//! ```text
//! root                 rest_for_one, actors.root_intensity; meltdown = exit code 70
//! ├─ core              one_for_one
//! │  ├─ meter          samples all cells once a second
//! │  └─ journal        writes crashes and what administrators do
//! ├─ data              one_for_one
//! │  ├─ postgres       back-off; only when no database.url is configured
//! │  ├─ redis          back-off, optional; only when redis.url is configured
//! │  ├─ lanes          one_for_one: point-0… and list-0…, each back-off
//! │  ├─ replica        the same for the replica; only with database.replica_url
//! │  ├─ pool           intensity; the connections survive it
//! │  ├─ listener       back-off; hears what other nodes change, says what this one changes
//! │  ├─ cache          one_for_one: shard-0…; kept pages survive it
//! │  ├─ storage        intensity; files survive it
//! │  ├─ imager         intensity; its permits survive it
//! │  ├─ renderer       intensity; its permits survive it
//! │  ├─ mailer         intensity
//! │  └─ sales          one_for_one: shard-0…
//! ├─ jobs              the job engine, drawn in its own module
//! ├─ edge              one_for_one
//! │  ├─ limiter        intensity; its table survives it
//! │  ├─ hasher         intensity; its permits survive it
//! │  ├─ http           intensity; socket and connections survive it
//! │  └─ live           intensity; who waits for notifications survives it
//! └─ ops               one_for_one, never escalates
//!    ├─ introspection  shows actors, carries out orders of administrators
//!    ├─ hub            gives samples to who watches
//!    └─ game_day       faults on purpose; only when ops.game_day is set
//! ```
//!
//! Children start from top to bottom and stop from bottom to top.

pub mod core;
pub mod data;
pub mod edge;
pub mod jobs;
pub mod kernel;
pub mod ops;
pub mod sales;
mod tree;

pub use tree::{DataParts, Parts, tree};
