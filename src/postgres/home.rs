//! The directories of a cluster, who owns them, and the lock on them.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    ClusterError, ClusterOptions,
    account::Account,
    settings::{DATABASE, ROLE},
};

/// Longest socket path that fits `sockaddr_un` everywhere (Linux has 107 bytes, macOS 103).
const SOCKET_PATH_MAX: usize = 103;
/// The longest name in the socket's directory: the record of who made the socket.
pub(super) const SOCKET_LOCK: &str = ".s.PGSQL.5432.lock";
/// Most of a lock file that is read to find its holder.
const LOCK_READ_MAX: u64 = 32;

/// A locked home: as long as it lives, no other process has it.
#[derive(Debug)]
pub(super) struct Home {
    root: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) account: Option<Account>,
    _lock: File,
}

impl Home {
    /// Makes what is missing and takes the lock.
    pub(super) fn open(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let account = Account::to_drop_to(&options.run_as)?;
        let data_dir = &options.data_dir;
        // Others may pass (the server's user must), but not look around.
        let made = DirBuilder::new().recursive(true).mode(0o711).create(data_dir);
        made.map_err(ClusterError::io("make the data directory", data_dir))?;
        let data_dir =
            data_dir.canonicalize().map_err(ClusterError::io("resolve the data directory", data_dir))?;
        let root = choose_root(&data_dir, account.as_ref())?;
        // The server's user must be able to pass; what is inside stays closed to everybody else.
        let mode = if account.is_some() { 0o711 } else { 0o700 };
        make_directory(&root, mode)?;
        fs::set_permissions(&root, Permissions::from_mode(mode))
            .map_err(ClusterError::io("close the data directory to others", &root))?;
        let root = root.canonicalize().map_err(ClusterError::io("resolve the data directory", &root))?;
        let lock = lock(&root.join("lock"))?;
        let socket = socket_directory(&root, account.is_some());
        let home = Self { root, socket, account, _lock: lock };
        home.make_private(&home.socket)?;
        home.make_private(&home.logs())?;
        Ok(home)
    }

    /// PostgreSQL's data directory.
    pub(super) fn cluster(&self) -> PathBuf {
        self.root.join("cluster")
    }

    /// PostgreSQL's log files.
    pub(super) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// A file or directory of ours.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Makes a directory that only the server's user can enter; one of somebody else's making is refused.
    pub(super) fn make_private(&self, path: &Path) -> Result<(), ClusterError> {
        let made = make_directory(path, 0o700)?;
        if let Some(account) = self.account.as_ref().filter(|_| made) {
            account.own(path)?;
        }
        let owner = self.account.as_ref().map_or_else(|| rustix::process::geteuid().as_raw(), |a| a.uid);
        let meta = fs::symlink_metadata(path).map_err(ClusterError::io("inspect a directory", path))?;
        if !meta.is_dir() || meta.uid() != owner || meta.mode() & 0o077 != 0 {
            let source = io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it must be a directory with mode 0700 of the user that PostgreSQL runs as",
            );
            return Err(ClusterError::io("use a private directory of the cluster", path)(source));
        }
        Ok(())
    }
}

/// How to reach the server that serves this data directory right now, if one does: for commands that are run beside it.
pub fn running(data_dir: &Path) -> Option<tokio_postgres::Config> {
    let root = data_dir.join("postgres").canonicalize().ok()?;
    let socket = socket_directory(&root, rustix::process::geteuid().is_root());
    socket.join(SOCKET_LOCK.trim_end_matches(".lock")).exists().then(|| {
        let mut config = tokio_postgres::Config::new();
        config.host_path(&socket).user(ROLE).dbname(DATABASE).application_name("sportello");
        config
    })
}

/// Whether a cluster has been made for this data directory. One that cannot be looked at is there.
pub fn exists(data_dir: &Path) -> bool {
    data_dir.join("postgres/cluster").try_exists().unwrap_or(true)
}

/// `<data_dir>/postgres`, or, where the server's user cannot get there, a directory below `/var/lib`.
///
/// A symbolic link in the first place keeps the second findable, also for the next start.
fn choose_root(data_dir: &Path, account: Option<&Account>) -> Result<PathBuf, ClusterError> {
    let wanted = data_dir.join("postgres");
    let Some(account) = account else { return Ok(wanted) };
    let usual = wanted.canonicalize().unwrap_or_else(|_| data_dir.to_path_buf());
    let Some(blocked_at) = account.blocked_at(&usual) else { return Ok(wanted) };
    let elsewhere = Path::new("/var/lib").join(format!("sportello-{}", short_hash(data_dir)));
    // Data that is already here must not be silently replaced by an empty cluster there.
    let occupied = wanted.join("cluster").exists();
    if occupied || account.blocked_at(Path::new("/var/lib")).is_some() {
        return Err(ClusterError::Unreachable { name: account.name.clone(), blocked_at });
    }
    tracing::warn!(
        user = account.name, closed = %blocked_at.display(), instead = %elsewhere.display(),
        "PostgreSQL's user cannot reach the data directory: its files go elsewhere"
    );
    make_directory(&elsewhere, 0o711)?;
    if wanted.is_dir() && !wanted.is_symlink() {
        fs::remove_dir(&wanted).map_err(ClusterError::io("replace an empty directory by a link", &wanted))?;
    }
    if !wanted.is_symlink() {
        symlink(&elsewhere, &wanted)
            .map_err(ClusterError::io("link to PostgreSQL's real directory", &wanted))?;
    }
    Ok(elsewhere)
}

/// The socket's directory: in the home, unless that path is too long or needs quoting.
fn socket_directory(root: &Path, as_root: bool) -> PathBuf {
    let usual = root.join("socket");
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"/._-".contains(b);
    let text = usual.as_os_str().as_encoded_bytes();
    if text.len() + 1 + SOCKET_LOCK.len() <= SOCKET_PATH_MAX && text.iter().all(plain) {
        return usual;
    }
    let runtime = if as_root && Path::new("/run").is_dir() { "/run" } else { "/tmp" };
    Path::new(runtime).join(format!("sportello-{}", short_hash(root)))
}

/// Enough of a path's hash to tell the installations of one machine apart.
fn short_hash(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    data_encoding::HEXLOWER.encode(&digest[..6])
}

/// Makes one directory; says whether it was missing.
fn make_directory(path: &Path, mode: u32) -> Result<bool, ClusterError> {
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(ClusterError::io("make a directory", path)(error)),
    }
}

/// Takes the lock and writes our process id into it, for the error of whoever comes second.
fn lock(path: &Path) -> Result<File, ClusterError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(ClusterError::io("open the lock of the data directory", path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let read = (&mut file).take(LOCK_READ_MAX).read_to_string(&mut text);
            return Err(ClusterError::Busy { pid: read.ok().and_then(|_| text.trim().parse().ok()) });
        }
        Err(TryLockError::Error(error)) => {
            return Err(ClusterError::io("lock the data directory", path)(error));
        }
    }
    let written =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(ClusterError::io("write the lock of the data directory", path))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{SOCKET_LOCK, SOCKET_PATH_MAX, socket_directory};

    #[test]
    fn a_socket_path_that_is_too_long_or_odd_moves_to_a_short_directory() {
        assert_eq!(
            socket_directory(Path::new("/srv/data/postgres"), true),
            Path::new("/srv/data/postgres/socket")
        );
        for home in [format!("/srv/{}", "x".repeat(100)), "/srv/it's, here".to_owned()] {
            let moved = socket_directory(Path::new(&home), false);
            assert!(moved.starts_with("/tmp"), "{}", moved.display());
            assert!(moved.as_os_str().len() + 1 + SOCKET_LOCK.len() <= SOCKET_PATH_MAX);
        }
    }
}
