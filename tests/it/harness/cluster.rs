//! A PostgreSQL of the test's own, as operators have one beside the application: it may be stopped and started again.

use std::path::Path;

use sportello::{
    config::Config,
    postgres::{Cluster, ClusterOptions, locate},
};

/// Starts it on this directory, the first time as on any other.
pub(crate) async fn start_postgres(data_dir: &Path) -> Cluster {
    let mut options = ClusterOptions::from_config(&Config::defaults());
    options.data_dir = data_dir.to_path_buf();
    options.shared_buffers = "32MB".to_owned();
    // Several servers, and the connections of those that were just killed.
    options.max_connections = 300;
    let binaries = locate(None).expect("script/setup installs PostgreSQL");
    Cluster::start(&binaries, &options).await.expect("PostgreSQL starts")
}
