//! The files that configure the server, written anew at every start.
//!
//! An operator's own choices belong to `ALTER SYSTEM`, which takes precedence over this file.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::{ClusterError, ClusterOptions, home::Home};

/// The role that owns everything; a superuser of its own cluster, since it creates databases and extensions.
pub(super) const ROLE: &str = "sportello";
/// The database that is served.
pub(super) const DATABASE: &str = "sportello";

/// Trust is sound here: there is no TCP, and the socket's directory lets in the server's user (and root) only.
const HBA: &str = "# Written by Sportello at every start.\n\
                   local all         sportello trust\n\
                   local replication sportello trust\n";

/// Writes both files.
pub(super) fn write(home: &Home, options: &ClusterOptions) -> Result<(), ClusterError> {
    write_readable(&home.path("postgresql.conf"), &settings(home, options))?;
    write_readable(&home.path("pg_hba.conf"), HBA)
}

/// The server's user must be able to read them; they hold no secret.
fn write_readable(path: &Path, text: &str) -> Result<(), ClusterError> {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o644)))
        .map_err(ClusterError::io("write the settings of PostgreSQL", path))
}

fn settings(home: &Home, options: &ClusterOptions) -> String {
    let ClusterOptions { shared_buffers, max_connections, .. } = options;
    let quote = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let hba = quote(&home.path("pg_hba.conf").to_string_lossy());
    let socket = quote(&home.socket.to_string_lossy());
    let shared_buffers = quote(shared_buffers);
    // Prefetching needs posix_fadvise, which macOS lacks.
    let io_concurrency = if cfg!(target_os = "linux") { 200 } else { 0 };
    format!(
        "# Written by Sportello at every start; use ALTER SYSTEM for changes of your own.
hba_file = {hba}

# The only way in is the socket.
listen_addresses = ''
unix_socket_directories = {socket}
unix_socket_permissions = 0700
max_connections = {max_connections}

# What was committed survives a crash of anything.
fsync = on
full_page_writes = on
synchronous_commit = on
wal_level = replica

# Many short transactions on solid-state disks.
shared_buffers = {shared_buffers}
work_mem = '8MB'
maintenance_work_mem = '128MB'
effective_cache_size = '1GB'
random_page_cost = 1.1
effective_io_concurrency = {io_concurrency}
wal_buffers = '16MB'
min_wal_size = '256MB'
max_wal_size = '2GB'
checkpoint_timeout = '10min'
jit = off
autovacuum_naptime = '15s'
autovacuum_vacuum_scale_factor = 0.05
autovacuum_analyze_scale_factor = 0.05
autovacuum_vacuum_cost_limit = 1000

# A transaction that its client forgot must not hold back vacuum for ever.
idle_in_transaction_session_timeout = '60s'

# One file per weekday, overwritten after a week. Failing statements are reported to us, and we log them by label
# and without their parameters: the server does not log them a second time.
logging_collector = on
log_directory = '../logs'
log_filename = 'postgres-%a.log'
log_file_mode = 0600
log_rotation_age = '1d'
log_rotation_size = 0
log_truncate_on_rotation = on
log_min_messages = 'log'
log_line_prefix = '%m [%p] '

timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
datestyle = 'iso, ymd'
"
    )
}
