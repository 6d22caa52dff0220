//! Directories that only their owner may enter: mails hold ticket codes, files are people's.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

/// Its owner's, and nobody else's.
const MODE: u32 = 0o700;

/// Makes a directory, or closes one that others can enter. Where that is not allowed (it is somebody else's), it is used
/// as it is: the doctor points it out.
pub(super) fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(MODE).create(path)?;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        let path_shown = path.display();
        match fs::set_permissions(path, Permissions::from_mode(MODE)) {
            Ok(()) => tracing::info!(path = %path_shown, "closed to others: it holds what is private"),
            Err(error) => {
                tracing::warn!(%error, path = %path_shown, "others can enter it, and it cannot be closed");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    #[test]
    fn a_directory_is_private_whether_it_is_new_or_not() {
        let root = std::env::temp_dir().join(format!("sportello-private-{}", std::process::id()));
        let (old, new) = (root.join("old"), root.join("new/inner"));
        fs::create_dir_all(&old).unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).unwrap();
        for path in [&old, &new, &new] {
            super::make(path).unwrap();
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700, "{}", path.display());
        }
        fs::remove_dir_all(root).unwrap();
    }
}
