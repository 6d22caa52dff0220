//! Which errors are the same: their kind, the kind of the job, and their text without what differs between two jobs.

use sha2::{Digest, Sha256};

/// Of an error's text, as much as says what it is.
const CHARS: usize = 500;

/// The same number for errors that differ only in numbers, ids and quoted values.
pub fn fingerprint(job_kind: &str, error_kind: &str, text: &str) -> i64 {
    let digest = Sha256::new()
        .chain_update(job_kind)
        .chain_update([0])
        .chain_update(error_kind)
        .chain_update([0])
        .chain_update(normal(text))
        .finalize();
    i64::from_be_bytes(digest[..8].try_into().expect("a digest is longer than eight bytes"))
}

/// Words with a digit in them become `#`, and what stands in double quotes becomes `""`.
fn normal(text: &str) -> String {
    let text: String = text.chars().take(CHARS).collect();
    let unquoted = text.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
    let is_joint = |c: char| !(c.is_alphanumeric() || c == '-' || c == '_');
    unquoted
        .split_inclusive(is_joint)
        .map(|word| match word.char_indices().next_back() {
            Some((at, last)) if is_joint(last) && word[..at].contains(|c: char| c.is_ascii_digit()) => {
                format!("#{last}")
            }
            Some(_) if word.contains(|c: char| c.is_ascii_digit()) => "#".to_owned(),
            _ => word.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_differ_in_ids_numbers_and_quotes_are_the_same() {
        let of = |text: &str| fingerprint("tests.kind", "error", text);
        assert_eq!(of("booking 17 is gone"), of("booking 9000 is gone"));
        assert_eq!(
            of("no user 0198c7f2-aaaa-7bbb-8ccc-0123456789ab (10.0.0.1:5432)"),
            of("no user 0198c7f2-aaaa-7bbb-8ccc-ba9876543210 (10.0.0.2:5433)")
        );
        assert_eq!(
            of(r#"mail "anna@example.org" was refused"#),
            of(r#"mail "bruno@example.org" was refused"#)
        );
        assert_ne!(of("booking 17 is gone"), of("event 17 is gone"));
        assert_ne!(of("x"), fingerprint("tests.other", "error", "x"));
        assert_eq!(normal("took longer than 50ms"), "took longer than #");
    }
}
