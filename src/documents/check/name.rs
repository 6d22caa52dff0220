//! Names of files: shown to people and written into headers, never used as a path.

use unicode_normalization::UnicodeNormalization as _;

use super::Refusal;

/// Longest name, in characters.
const MAX: usize = 200;

/// Characters that change what a name looks like: turned around, `exe.fdp` is
/// shown as `pdf.exe`.
const DISGUISES: [std::ops::RangeInclusive<char>; 4] =
    ['\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2060}'..='\u{206f}', '\u{feff}'..='\u{feff}'];

/// The name in one spelling (NFC), without the white space around it. A name that says where to put the file is refused
/// rather than mended: whoever sends it means something by it.
pub fn clean(name: &str) -> Result<String, Refusal> {
    let name: String = name.trim().nfc().collect();
    let refuse = |detail: &'static str| Err(Refusal::new("unsafe_name", detail));
    if name.is_empty() {
        return refuse("the file has no name");
    }
    if name.chars().count() > MAX {
        return refuse("the file's name has more than 200 characters");
    }
    if name.contains(['/', '\\', ':']) || name == "." || name == ".." || name.starts_with("..") {
        return refuse("the file's name is a path: send the name alone");
    }
    if name
        .chars()
        .any(|c| c.is_control() || c == '\u{fffd}' || DISGUISES.iter().any(|range| range.contains(&c)))
    {
        return refuse("the file's name has characters that cannot be shown");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn a_name_has_one_spelling_and_is_no_path() {
        assert_eq!(clean(" perche\u{301}.pdf ").unwrap(), "perché.pdf");
        assert_eq!(clean("Atto n. 12 (bozza).pdf").unwrap(), "Atto n. 12 (bozza).pdf");
        for bad in [
            "",
            "  ",
            "..",
            "../../etc/passwd",
            "..\\..\\x",
            "/etc/passwd",
            "C:x.pdf",
            "a/b.pdf",
            "a\0.pdf",
            "a\n.pdf",
            "exe.\u{202e}fdp",
            &"x".repeat(201),
        ] {
            assert_eq!(clean(bad).unwrap_err().code, "unsafe_name", "{bad:?}");
        }
    }
}
