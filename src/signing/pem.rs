//! DER as text (RFC 7468), as other programs read certificates.

use data_encoding::BASE64;

/// Characters of a line.
const LINE: usize = 64;

/// Each of them, one below the other.
pub fn encode(label: &str, all: &[Vec<u8>]) -> String {
    let one = |der: &Vec<u8>| {
        let base64 = BASE64.encode(der);
        let lines = base64.as_bytes().chunks(LINE).map(String::from_utf8_lossy);
        let lines: Vec<_> = lines.collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    };
    all.iter().map(one).collect()
}
