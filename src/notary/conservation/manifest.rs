//! What a package says of itself: which files it has and their hashes, in two forms. `manifest.json` is for programs,
//! `SHA256SUMS` for `sha256sum --check`. Both are the same for the same package, whoever makes it and how often.

use std::fmt::Write as _;

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use crate::{documents::versions::Sha256, ids::ConservationPackageId};

/// What the first line of a manifest says, so that a program knows what it reads.
pub const FORMAT: &str = "sportello-conservation/1";
/// The manifest.
pub const MANIFEST: &str = "manifest.json";
/// The hashes.
pub const SUMS: &str = "SHA256SUMS";
/// The signature of the manifest: CMS, detached, DER.
pub const SIGNATURE: &str = "manifest.json.p7s";
/// The time stamp of the manifest: a token of RFC 3161, DER.
pub const TIME_STAMP: &str = "manifest.json.tst";
/// The roots of both.
pub const CERTIFICATES: &str = "authorities.pem";
/// How to verify it.
pub const READ_ME: &str = "README.txt";

/// How to verify a package, for who finds one in twenty years.
pub const HOW_TO_VERIFY: &str = "\
Pacchetto di conservazione / Conservation package

1. I file / the files:
     sha256sum --check SHA256SUMS
2. La firma / the signature:
     openssl cms -verify -binary -inform DER -in manifest.json.p7s -content manifest.json \\
       -CAfile authorities.pem -purpose any -out /dev/null
3. La marca temporale / the time stamp:
     openssl ts -verify -data manifest.json -in manifest.json.tst -token_in -CAfile authorities.pem

Confrontare authorities.pem con quanto pubblica l'autorità: chi ha cambiato il pacchetto può aver cambiato anche questo file.
Compare authorities.pem with what the authority publishes: who has changed the package may have changed this file, too.
";

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Where it is in the package.
    pub path: String,
    /// What it is: `signed_deed`, `receipt`.
    pub kind: String,
    /// To what it belongs, in words: a protocol number, a subject.
    pub about: String,
    /// Since when the office has it.
    pub since: Timestamp,
    /// Its size.
    pub bytes: i64,
    /// SHA-256 of its content.
    pub sha256: Sha256,
}

/// What a package says of itself.
#[derive(Debug, Serialize)]
pub struct Manifest<'a> {
    /// [`FORMAT`].
    pub format: &'static str,
    /// The package.
    pub package: ConservationPackageId,
    /// Whose files these are.
    pub office: &'a str,
    /// The first day of the month until whose end they came.
    pub month: Date,
    /// Which of the packages of this month.
    pub part: i16,
    /// The files, in the order of the archive.
    pub items: &'a [Item],
}

impl Manifest<'_> {
    /// As it is written.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("texts, numbers and times are JSON");
        json.push(b'\n');
        json
    }
}

/// `SHA256SUMS`: the manifest, and every file.
pub fn sums(manifest: &Sha256, items: &[Item]) -> String {
    let mut sums = format!("{}  {MANIFEST}\n", manifest.hex());
    for item in items {
        let _ = writeln!(sums, "{}  {}", item.sha256.hex(), item.path); // a String takes everything
    }
    sums
}

/// Where a file is in its package. Names come from people: of them stays what every system takes, and what is opened in no
/// other place.
pub fn path(position: usize, kind: &str, name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' })
        .collect();
    let plain = plain.trim_matches('.');
    let short = &plain[plain.len().saturating_sub(80)..]; // of long names the end stays: it says what it is
    format!("files/{position:05}-{kind}-{short}")
}

#[cfg(test)]
mod tests {
    use super::{FORMAT, Item, MANIFEST, Manifest, path, sums};
    use crate::{documents::versions::Sha256, ids::ConservationPackageId};

    #[test]
    fn a_path_stays_inside_of_the_package_whatever_a_file_is_called() {
        for (name, expected) in [
            ("ATT-NT-0001.pdf", "files/00007-signed_deed-ATT-NT-0001.pdf"),
            ("../../etc/passwd", "files/00007-signed_deed-_.._etc_passwd"),
            ("a b\n\u{202e}è.pdf", "files/00007-signed_deed-a_b___.pdf"),
            ("...", "files/00007-signed_deed-"),
        ] {
            assert_eq!(path(7, "signed_deed", name), expected);
        }
        assert!(path(1, "receipt", &"x".repeat(1000)).len() < 120);
    }

    #[test]
    fn a_manifest_names_every_file_with_its_hash_and_is_always_the_same() {
        let item = Item {
            path: "files/00001-receipt-r.eml".to_owned(),
            kind: "receipt".to_owned(),
            about: "Atto".to_owned(),
            since: "2031-06-18T12:00:00Z".parse().unwrap(),
            bytes: 3,
            sha256: Sha256([7; 32]),
        };
        let manifest = Manifest {
            format: FORMAT,
            package: ConservationPackageId(uuid::Uuid::nil()),
            office: "Studio Verdi",
            month: jiff::civil::date(2031, 6, 1),
            part: 1,
            items: std::slice::from_ref(&item),
        };
        let json: serde_json::Value = serde_json::from_slice(&manifest.to_json()).unwrap();
        assert_eq!(json["items"][0]["sha256"], "07".repeat(32));
        assert_eq!(manifest.to_json(), manifest.to_json());
        let expected = format!("{}  {MANIFEST}\n{}  {}\n", "01".repeat(32), "07".repeat(32), item.path);
        assert_eq!(sums(&Sha256([1; 32]), &[item]), expected);
    }
}
