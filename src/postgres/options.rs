//! What a cluster is started with.

use std::{path::PathBuf, time::Duration};

use crate::config::Config;

/// How to run the managed server; see `config/default.toml` for what each value means.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Sportello's data directory; the cluster lives in `postgres` below it.
    pub data_dir: PathBuf,
    /// The unprivileged user of the server when we are root.
    pub run_as: String,
    /// PostgreSQL's `shared_buffers`, with its unit.
    pub shared_buffers: String,
    /// PostgreSQL's `max_connections`.
    pub max_connections: usize,
    /// How long the server may take until it answers; ten times as long while it says that it is recovering.
    pub start_timeout: Duration,
    /// How long a fast shutdown may take before an immediate one.
    pub stop_timeout: Duration,
}

impl ClusterOptions {
    /// The options of a configuration.
    pub fn from_config(config: &Config) -> Self {
        Self {
            data_dir: config.database.data_dir.clone(),
            run_as: config.database.run_as.clone(),
            shared_buffers: config.postgres.shared_buffers.clone(),
            max_connections: config.postgres.max_connections,
            start_timeout: *config.postgres.start_timeout,
            stop_timeout: *config.postgres.stop_timeout,
        }
    }
}
