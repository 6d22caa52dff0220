//! The unprivileged user that the server runs as when we are root.
//!
//! Supplementary groups are dropped by `Command::uid`, so user and primary group decide alone what it may reach.

use std::{
    fs,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
};

use super::ClusterError;

const PASSWD: &str = "/etc/passwd";

/// A user of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// Who the server is to run as: `None` is ourselves, which is right whenever we are not root.
    pub(super) fn to_drop_to(name: &str) -> Result<Option<Self>, ClusterError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let passwd =
            fs::read_to_string(PASSWD).map_err(ClusterError::io("read the list of users", PASSWD))?;
        match Self::find(&passwd, name) {
            Some(account) if account.uid == 0 => Err(ClusterError::RootAccount { name: account.name }),
            Some(account) => Ok(Some(account)),
            None => Err(ClusterError::NoAccount { name: name.to_owned() }),
        }
    }

    fn find(passwd: &str, name: &str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let found = fields.next().filter(|found| *found == name)?;
            let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
            Some(Self { name: found.to_owned(), uid, gid })
        })
    }

    /// Gives it a file or directory.
    pub(super) fn own(&self, path: &Path) -> Result<(), ClusterError> {
        chown(path, Some(self.uid), Some(self.gid))
            .map_err(ClusterError::io("give a directory to PostgreSQL's user", path))
    }

    /// The outermost existing directory on the way to `path` that this user cannot pass.
    pub(super) fn blocked_at(&self, path: &Path) -> Option<PathBuf> {
        let mut way: Vec<&Path> = path.ancestors().collect();
        way.reverse();
        way.into_iter()
            .find(|step| {
                step.metadata().is_ok_and(|meta| !self.may_pass(meta.mode(), meta.uid(), meta.gid()))
            })
            .map(Path::to_path_buf)
    }

    fn may_pass(&self, mode: u32, uid: u32, gid: u32) -> bool {
        let search = if uid == self.uid {
            0o100
        } else if gid == self.gid {
            0o010
        } else {
            0o001
        };
        mode & search != 0
    }
}

#[cfg(test)]
mod tests {
    use super::Account;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104::/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn users_are_found_by_their_whole_name() {
        let account = Account::find(PASSWD, "postgres").expect("it is there");
        assert_eq!((account.uid, account.gid), (101, 104));
        assert_eq!(Account::find(PASSWD, "post"), None);
    }

    #[test]
    fn only_the_class_that_applies_decides_about_passing() {
        let account = Account { name: "p".to_owned(), uid: 101, gid: 104 };
        assert!(account.may_pass(0o711, 0, 0));
        assert!(!account.may_pass(0o700, 0, 0));
        assert!(account.may_pass(0o700, 101, 0));
        assert!(!account.may_pass(0o701, 0, 104), "the group's bits win over the others'");
    }
}
