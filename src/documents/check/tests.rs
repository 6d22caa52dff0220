//! Archives as people and attackers make them.

use std::io::Write as _;

use flate2::{Compression, write::DeflateEncoder};

use super::{CheckError, Kind, archive::check};

struct Packed {
    name: &'static str,
    content: Vec<u8>,
    /// What the headers say, when they lie.
    says: Option<u64>,
}

fn plain(name: &'static str, content: impl Into<Vec<u8>>) -> Packed {
    Packed { name, content: content.into(), says: None }
}

/// Writes an archive; every entry is deflated but `mimetype`.
fn zip(files: &[Packed]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for Packed { name, content, says } in files {
        let method: u16 = if *name == "mimetype" { 0 } else { 8 };
        let packed = if method == 0 {
            content.clone()
        } else {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        };
        let mut head = Vec::new();
        head.extend_from_slice(&20u16.to_le_bytes());
        head.extend_from_slice(&0u16.to_le_bytes());
        head.extend_from_slice(&method.to_le_bytes());
        head.extend_from_slice(&[0; 4]);
        head.extend_from_slice(&crc32fast::hash(content).to_le_bytes());
        head.extend_from_slice(&(packed.len() as u32).to_le_bytes());
        head.extend_from_slice(&(says.unwrap_or(content.len() as u64) as u32).to_le_bytes());
        head.extend_from_slice(&(name.len() as u16).to_le_bytes());
        head.extend_from_slice(&0u16.to_le_bytes());
        let offset = archive.len() as u32;
        archive.extend_from_slice(b"PK\x03\x04");
        archive.extend_from_slice(&head);
        archive.extend_from_slice(name.as_bytes());
        archive.extend_from_slice(&packed);
        directory.extend_from_slice(b"PK\x01\x02\x14\0");
        directory.extend_from_slice(&head);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let at = archive.len() as u32;
    archive.extend_from_slice(&directory);
    archive.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    archive.extend_from_slice(&(files.len() as u16).to_le_bytes());
    archive.extend_from_slice(&(files.len() as u16).to_le_bytes());
    archive.extend_from_slice(&(directory.len() as u32).to_le_bytes());
    archive.extend_from_slice(&at.to_le_bytes());
    archive.extend_from_slice(&[0, 0]);
    archive
}

fn looked(archive: &[u8]) -> Result<Kind, String> {
    match check(&archive.to_vec(), &std::env::temp_dir()) {
        Ok(kind) => Ok(kind),
        Err(CheckError::Refused(refusal)) => Err(refusal.code.into_owned()),
        Err(CheckError::Io(error)) => panic!("{error}"),
    }
}

#[test]
fn archives_and_documents_of_offices_are_told_apart() {
    assert_eq!(looked(&zip(&[plain("a.txt", "ciao"), plain("b/c.txt", "")])), Ok(Kind::Zip));
    let types = || plain("[Content_Types].xml", "<Types/>");
    assert_eq!(looked(&zip(&[types(), plain("word/document.xml", "<w/>")])), Ok(Kind::Word));
    assert_eq!(looked(&zip(&[types(), plain("xl/workbook.xml", "<x/>")])), Ok(Kind::Excel));
    let open = plain("mimetype", "application/vnd.oasis.opendocument.text");
    assert_eq!(looked(&zip(&[open, plain("content.xml", "<o/>")])), Ok(Kind::OpenText));
}

#[test]
fn bombs_are_refused_whatever_they_say() {
    let zeros = vec![0; 8 << 20];
    assert_eq!(looked(&zip(&[plain("zeros", zeros.clone())])), Err("archive_too_large_inside".to_owned()));
    let liar = Packed { name: "zeros", content: zeros, says: Some(1000) };
    assert_eq!(looked(&zip(&[liar])), Err("archive_too_large_inside".to_owned()));
    let huge = Packed { name: "huge", content: vec![1; 100], says: Some(3 << 30) };
    assert_eq!(looked(&zip(&[huge])), Err("archive_too_large_inside".to_owned()));
    // Two entries of the directory that name the same bytes.
    let mut twice = zip(&[plain("a", "same"), plain("b", "same")]);
    let second = twice.windows(4).rposition(|it| it == b"PK\x01\x02").unwrap();
    twice[second + 42..second + 46].copy_from_slice(&0u32.to_le_bytes());
    assert_eq!(looked(&twice), Err("archive_too_large_inside".to_owned()));
}

#[test]
fn archives_in_archives_are_looked_into_and_go_no_deeper() {
    let inner = zip(&[plain("a.txt", "ciao")]);
    let middle = zip(&[plain("inner.zip", inner.clone())]);
    assert_eq!(looked(&middle), Ok(Kind::Zip));
    assert_eq!(looked(&zip(&[plain("middle.zip", middle)])), Err("archive_nested_too_deeply".to_owned()));
    let broken = zip(&[plain("inner.zip", inner[..inner.len() - 5].to_vec())]);
    assert_eq!(looked(&broken), Err("file_truncated".to_owned()));
}

#[test]
fn what_is_damaged_encrypted_or_leaves_its_place_is_refused() {
    let whole = zip(&[plain("a.txt", "ciao ".repeat(1000)), plain("b.txt", "x")]);
    for length in [30, whole.len() / 2, whole.len() - 1] {
        assert_eq!(looked(&whole[..length]), Err("file_truncated".to_owned()), "{length}");
    }
    let mut changed = whole.clone();
    changed[40] ^= 0x55;
    assert_eq!(looked(&changed), Err("file_truncated".to_owned()));
    let mut encrypted = whole.clone();
    let entry = encrypted.windows(4).position(|it| it == b"PK\x01\x02").unwrap();
    encrypted[entry + 8] |= 1;
    assert_eq!(looked(&encrypted), Err("archive_encrypted".to_owned()));
    for name in ["../../etc/passwd", "/etc/passwd", "..\\x", "a/../../b"] {
        assert_eq!(looked(&zip(&[plain(name, "x")])), Err("archive_unsafe_names".to_owned()), "{name}");
    }
    assert_eq!(looked(&zip(&[])), Err("archive_empty".to_owned()));
}
