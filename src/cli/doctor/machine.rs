//! The machine: file descriptors, the data directory, the disk.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use rustix::process::{Resource, getrlimit};

use super::Check;
use crate::{
    actors::data::{mailer, storage},
    config::Config,
    notary::certified_mail::provider,
};

/// Descriptors besides clients' connections: database, files, sockets of our own.
const OWN_DESCRIPTORS: u64 = 256;
/// With less, the next hours are at risk.
const LITTLE_DISK: u64 = 1 << 30;
/// With less, PostgreSQL may stop at any moment.
const NO_DISK: u64 = 100 << 20;

/// Others may neither list nor write, but pass: PostgreSQL's user must.
const PASSABLE: u32 = 0o066;
/// Others may not even pass.
const PRIVATE: u32 = 0o077;

pub(super) fn check(config: &Config) -> Vec<Check> {
    let data = &config.database.data_dir;
    let files = storage::directory(config);
    let mut checks = vec![
        descriptors(config),
        directory("data directory", "database.data_dir", data, PASSABLE),
        directory("stored files", "storage.path", &files, PRIVATE),
    ];
    // With a mail server there is none; what an earlier one has left is still there.
    let outbox = mailer::outbox(config);
    if config.mail.smtp_url.as_ref().is_none() || outbox.exists() {
        checks.push(directory("outbox", "mail.outbox", &outbox, PRIVATE));
    }
    let outbox = provider::outbox(config);
    if outbox.exists() {
        checks.push(directory("certified outbox", "certified_mail.outbox", &outbox, PRIVATE));
    }
    checks.push(disk(data));
    checks
}

fn descriptors(config: &Config) -> Check {
    const NAME: &str = "file descriptors";
    let wanted = config.server.max_connections as u64 + OWN_DESCRIPTORS;
    // The server takes what may be had.
    match getrlimit(Resource::Nofile).maximum {
        Some(limit) if limit < wanted => Check::warn(
            NAME,
            format!("{limit} allowed, {wanted} wanted for server.max_connections and our own"),
            format!(
                "raise the limit (ulimit -Hn {wanted}; LimitNOFILE={wanted} in a unit) or lower server.max_connections"
            ),
        ),
        limit => {
            Check::ok(NAME, limit.map_or_else(|| "no limit".to_owned(), |limit| format!("{limit} allowed")))
        }
    }
}

fn directory(name: &'static str, key: &str, path: &Path, closed: u32) -> Check {
    let shown = path.display();
    let Ok(meta) = fs::metadata(path) else {
        let parent = existing(path);
        let writable = rustix::fs::access(&parent, rustix::fs::Access::WRITE_OK).is_ok();
        return if writable {
            Check::ok(name, format!("{shown} will be made"))
        } else {
            let found = format!("{shown} is missing and {} is not writable", parent.display());
            Check::fail(name, found, format!("make it for this user, or set {key}"))
        };
    };
    if !meta.is_dir() {
        return Check::fail(name, format!("{shown} is not a directory"), format!("set {key}"));
    }
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    if rustix::fs::access(path, access).is_err() {
        return Check::fail(name, format!("{shown} is not writable"), "give it to the user that serves");
    }
    if meta.permissions().mode() & closed != 0 {
        let found = format!("{shown} is open to others: it holds mails, files or keys");
        let advice = match closed {
            PRIVATE => format!("chmod go-rwx {shown}; the server does it, too, when it starts"),
            _ => format!("chmod go-rw {shown}"),
        };
        return Check::warn(name, found, advice);
    }
    Check::ok(name, format!("{shown} is writable and private"))
}

fn disk(path: &Path) -> Check {
    const NAME: &str = "free disk";
    let at = existing(path);
    let free = match rustix::fs::statvfs(&at) {
        Ok(stat) => stat.f_bavail * stat.f_frsize,
        Err(error) => {
            return Check::warn(NAME, format!("unknown for {}: {error}", at.display()), "look at it with df");
        }
    };
    let found = format!("{:.1} GiB at {}", free as f64 / (1u64 << 30) as f64, at.display());
    let advice = "free some space or set database.data_dir: a full disk stops PostgreSQL";
    if free < NO_DISK {
        return Check::fail(NAME, found, advice);
    }
    if free < LITTLE_DISK {
        return Check::warn(NAME, found, advice);
    }
    Check::ok(NAME, found)
}

/// The path itself or the nearest directory above it that exists.
fn existing(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.ancestors().find(|path| path.exists()).map_or_else(|| PathBuf::from("/"), Path::to_owned)
}
