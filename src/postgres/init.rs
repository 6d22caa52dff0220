//! Makes the cluster when there is none: all of it or nothing.
//!
//! `initdb` works in `initdb-<our pid>`, which becomes `cluster` by one rename. What a killed predecessor left is
//! removed; its `initdb`, should it still run, fails for lack of its directory.

use std::{
    fs::{self, File},
    path::Path,
    process::Stdio,
};

use tokio::process::Command;

use super::{Binaries, ClusterError, account::Account, home::Home, settings::ROLE};

/// Most of a program's words that an error carries.
const TAIL_BYTES: usize = 4096;
const WORK_PREFIX: &str = "initdb-";

/// Makes the cluster unless it is there; says which binaries fit it.
pub(super) async fn ensure(binaries: &Binaries, home: &Home) -> Result<Binaries, ClusterError> {
    sweep(home)?;
    let version = home.cluster().join("PG_VERSION");
    match fs::read_to_string(&version) {
        Ok(text) => {
            let made_by = text.trim().parse().unwrap_or(0);
            binaries.for_major(made_by).ok_or(ClusterError::Version { made_by, found: binaries.major })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            make(binaries, home).await?;
            Ok(binaries.clone())
        }
        Err(error) => Err(ClusterError::io("read the version of the data", version)(error)),
    }
}

/// Removes what interrupted predecessors left.
fn sweep(home: &Home) -> Result<(), ClusterError> {
    let root = home.path("");
    let entries = fs::read_dir(&root).map_err(ClusterError::io("list the data directory", &root))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(WORK_PREFIX) {
            let path = entry.path();
            fs::remove_dir_all(&path)
                .map_err(ClusterError::io("remove an unfinished data directory", path))?;
        }
    }
    Ok(())
}

async fn make(binaries: &Binaries, home: &Home) -> Result<(), ClusterError> {
    let work = home.path(&format!("{WORK_PREFIX}{}", std::process::id()));
    let mut failure = None;
    for locale in locales(binaries.major) {
        home.make_private(&work)?;
        match initdb(binaries, home.account.as_ref(), &work, locale).await {
            Ok(()) => {
                let cluster = home.cluster();
                fs::rename(&work, &cluster)
                    .and_then(|()| File::open(home.path(""))?.sync_all())
                    .map_err(ClusterError::io("put the new data directory in place", cluster))?;
                tracing::info!(postgres = binaries.major, "made a new PostgreSQL cluster");
                return Ok(());
            }
            Err(error) => {
                sweep(home)?;
                failure.get_or_insert(error);
            }
        }
    }
    Err(failure.expect("there is at least one locale, and each either returned or failed"))
}

/// Byte order with Unicode's upper and lower case, from the provider that this version has; then a second best.
fn locales(major: u32) -> [&'static [&'static str]; 2] {
    let icu: &[_] = &["--locale-provider=icu", "--icu-locale=und", "--locale=C"];
    let builtin: &[_] = &["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"];
    let libc: &[_] = &["--locale=C.UTF-8"];
    if major >= 17 { [builtin, icu] } else { [libc, icu] }
}

async fn initdb(
    binaries: &Binaries,
    account: Option<&Account>,
    work: &Path,
    locale: &[&str],
) -> Result<(), ClusterError> {
    let program = binaries.program("initdb");
    let output = command(&program, account)
        .arg("--pgdata")
        .arg(work)
        .args([
            "--username",
            ROLE,
            "--encoding=UTF8",
            "--auth=trust",
            "--data-checksums",
            "--no-instructions",
        ])
        .args(locale)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(ClusterError::io("run initdb", program))?;
    if output.status.success() {
        return Ok(());
    }
    Err(ClusterError::Initdb { status: output.status, tail: tail(&output.stderr) })
}

/// One of PostgreSQL's programs: unprivileged, in its own process group, without our environment.
///
/// Its own group, because Ctrl-C on a terminal reaches the whole group and we stop PostgreSQL last. Without our
/// environment, because it holds secrets, and PG… variables that would change what the programs do.
pub(super) fn command(program: &Path, account: Option<&Account>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .current_dir("/")
        .stdin(Stdio::null())
        .process_group(0);
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// The end of a text, whole lines where possible.
pub(super) fn tail(text: &[u8]) -> String {
    let cut = text.len().saturating_sub(TAIL_BYTES);
    let end = String::from_utf8_lossy(&text[cut..]);
    let whole = if cut > 0 { end.split_once('\n').map_or(&*end, |(_, rest)| rest) } else { &end };
    whole.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{TAIL_BYTES, tail};

    #[test]
    fn a_tail_is_bounded_and_begins_with_a_whole_line() {
        let text = "a line of the log\n".repeat(1000);
        let end = tail(text.as_bytes());
        assert!(end.len() <= TAIL_BYTES && end.starts_with("a line") && end.ends_with("log"));
        assert_eq!(tail(b"short\n"), "short");
    }
}
