//! Half-written files of the local storage: `object_store` writes into `<name>#<number>` and renames. A process that was
//! killed in between leaves one behind, which no listing shows.

use std::{fs, path::Path};

use jiff::Timestamp;

/// Removes those that were last written before `before`, in `directory` and below; how many there were. What cannot be
/// read or removed waits for the next time.
pub(super) fn sweep(directory: &Path, before: Timestamp) -> usize {
    let (mut folders, mut removed) = (vec![directory.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file()
                && is_staged(&entry.file_name().to_string_lossy())
                && is_older(&entry, before)
                && fs::remove_file(entry.path()).is_ok()
            {
                removed += 1;
            }
        }
    }
    removed
}

fn is_staged(name: &str) -> bool {
    let suffix = name.rsplit_once('#').map(|(_, suffix)| suffix);
    suffix.is_some_and(|suffix| !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_older(entry: &fs::DirEntry, before: Timestamp) -> bool {
    let modified = entry.metadata().and_then(|meta| meta.modified()).ok();
    modified.and_then(|time| Timestamp::try_from(time).ok()).is_some_and(|time| time < before)
}

#[cfg(test)]
mod tests {
    use super::is_staged;

    #[test]
    fn only_numbered_leftovers_are_staged() {
        assert!(is_staged("abc.jpg#1") && is_staged("abc#22"));
        assert!(!is_staged("abc.jpg") && !is_staged("abc#") && !is_staged("abc#x1"));
    }
}
