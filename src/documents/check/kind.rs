//! What a file is, by its bytes, and what it may be called.

use std::borrow::Cow;

use super::{CheckError, ReadAt, Refusal};

/// Of a file's beginning, as much as is looked at.
const HEAD: usize = 8 << 10;
/// Some programs write a few bytes in front of a PDF.
const PDF_WITHIN: usize = 1024;
/// How deep the object identifier of a signed file stands.
const SIGNED_WITHIN: usize = 32;
/// `signedData` of RFC 5652, DER-encoded.
const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";

/// A kind of file that may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the formats")]
pub enum Kind {
    Pdf,
    Jpeg,
    Png,
    Tiff,
    WebP,
    Zip,
    Word,
    Excel,
    PowerPoint,
    OpenText,
    OpenSheet,
    OpenSlides,
    Text,
    Table,
    Xml,
    Mail,
    Signed,
}

/// Names that mean a program, or a page that could act as one, whatever is inside.
const PROGRAMS: [&str; 24] = [
    "exe", "dll", "com", "scr", "msi", "bat", "cmd", "ps1", "vbs", "vbe", "js", "jse", "mjs", "wsf", "hta",
    "jar", "lnk", "sh", "html", "htm", "xhtml", "svg", "php", "apk",
];

impl Kind {
    const ALL: [Self; 17] = [
        Self::Pdf,
        Self::Jpeg,
        Self::Png,
        Self::Tiff,
        Self::WebP,
        Self::Zip,
        Self::Word,
        Self::Excel,
        Self::PowerPoint,
        Self::OpenText,
        Self::OpenSheet,
        Self::OpenSlides,
        Self::Text,
        Self::Table,
        Self::Xml,
        Self::Mail,
        Self::Signed,
    ];

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Tiff => "image/tiff",
            Self::WebP => "image/webp",
            Self::Zip => "application/zip",
            Self::Word => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Excel => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::PowerPoint => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            Self::OpenText => "application/vnd.oasis.opendocument.text",
            Self::OpenSheet => "application/vnd.oasis.opendocument.spreadsheet",
            Self::OpenSlides => "application/vnd.oasis.opendocument.presentation",
            Self::Text => "text/plain",
            Self::Table => "text/csv",
            Self::Xml => "application/xml",
            Self::Mail => "message/rfc822",
            Self::Signed => "application/pkcs7-mime",
        }
    }

    /// Whether it is mostly text: others are packed already, or hardly get smaller.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Table | Self::Xml | Self::Mail)
    }

    /// Other names of its media type.
    const fn also_called(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["image/jpg", "image/pjpeg"],
            Self::Zip => &["application/x-zip-compressed", "application/x-zip"],
            // Everything that is text may be called so.
            Self::Text => {
                &["text/markdown", "text/csv", "application/json", "application/x-ndjson", "text/x-log"]
            }
            Self::Table => &["text/plain", "application/csv", "application/vnd.ms-excel"],
            Self::Xml => &["text/xml", "text/plain"],
            Self::Mail => &["text/plain"],
            Self::Signed => {
                &["application/x-pkcs7-mime", "application/pkcs7-signature", "application/x-pkcs7-signature"]
            }
            _ => &[],
        }
    }

    /// How files of this kind end.
    const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Pdf => &["pdf"],
            Self::Jpeg => &["jpg", "jpeg", "jpe"],
            Self::Png => &["png"],
            Self::Tiff => &["tif", "tiff"],
            Self::WebP => &["webp"],
            Self::Zip => &["zip"],
            Self::Word => &["docx", "dotx"],
            Self::Excel => &["xlsx", "xltx"],
            Self::PowerPoint => &["pptx", "potx", "ppsx"],
            Self::OpenText => &["odt", "ott"],
            Self::OpenSheet => &["ods", "ots"],
            Self::OpenSlides => &["odp", "otp"],
            Self::Text => &["txt", "text", "md", "log", "json", "csv", "tsv", "eml", "xml"],
            Self::Table => &["csv", "tsv", "txt"],
            Self::Xml => &["xml", "xsd", "xsl", "txt"],
            Self::Mail => &["eml", "txt"],
            Self::Signed => &["p7m", "p7s"],
        }
    }

    /// Whether storing it smaller is worth a try: the others are compressed in themselves.
    pub const fn is_plain(self) -> bool {
        matches!(self, Self::Text | Self::Table | Self::Xml | Self::Mail | Self::Tiff)
    }

    /// Whether its name and what the client says of it fit what it is. Text with the name of a table is a table.
    pub(super) fn agrees(self, name: &str, declared: Option<&str>) -> Result<Self, CheckError> {
        let essence = declared.map(|it| it.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        let extension = extension(name);
        let fits =
            |it: Self, essence: &str| it.media_type() == essence || it.also_called().contains(&essence);
        if let Some(essence) = &essence
            && !matches!(essence.as_str(), "" | "application/octet-stream" | "binary/octet-stream")
            && !fits(self, essence)
        {
            return Err(self.mislabelled(&format!("was sent as {}", shown(essence))).into());
        }
        if let Some(extension) = extension {
            let is_known = PROGRAMS.contains(&extension.as_str())
                || Self::ALL.iter().any(|it| it.extensions().contains(&extension.as_str()));
            if is_known && !self.extensions().contains(&extension.as_str()) {
                return Err(self.mislabelled(&format!("is called .{extension}")).into());
            }
            if self == Self::Text && matches!(extension.as_str(), "csv" | "tsv") {
                return Ok(Self::Table);
            }
        }
        Ok(self)
    }

    fn mislabelled(self, how: &str) -> Refusal {
        Refusal::new("file_mislabelled", format!("the file {how}, but it is {}", self.media_type()))
    }
}

fn shown(text: &str) -> Cow<'_, str> {
    text.chars().filter(|c| !c.is_control()).take(100).collect::<String>().into()
}

fn extension(name: &str) -> Option<String> {
    let (_, extension) = name.rsplit_once('.')?;
    let is_one =
        (1..=8).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_one.then(|| extension.to_ascii_lowercase())
}

/// By its first bytes. [`Kind::Zip`] and [`Kind::Text`] are to be looked at more closely.
pub(super) fn of(file: &dyn ReadAt) -> Result<Kind, CheckError> {
    let head = file.bytes(0, HEAD)?;
    let starts = |magic: &[u8]| head.starts_with(magic);
    let has = |within: usize, part: &[u8]| {
        head[..head.len().min(within)].windows(part.len()).any(|window| window == part)
    };
    Ok(if starts(b"\xff\xd8\xff") {
        Kind::Jpeg
    } else if starts(b"\x89PNG\r\n\x1a\n") {
        Kind::Png
    } else if starts(b"II*\0") || starts(b"MM\0*") {
        Kind::Tiff
    } else if starts(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        Kind::WebP
    } else if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
        Kind::Zip
    } else if starts(b"\x30") && has(SIGNED_WITHIN, SIGNED_DATA) {
        Kind::Signed
    } else if has(PDF_WITHIN, b"%PDF-") {
        Kind::Pdf
    } else if super::text::is_mail(&head) {
        Kind::Mail
    } else {
        Kind::Text
    })
}

#[cfg(test)]
mod tests {
    use super::{Kind, extension};

    #[test]
    fn names_and_types_must_fit_what_a_file_is_unless_they_say_nothing() {
        let agrees = |kind: Kind, name: &str, declared: Option<&str>| kind.agrees(name, declared).is_ok();
        assert!(agrees(Kind::Pdf, "atto.pdf", Some("application/pdf")));
        assert!(agrees(Kind::Pdf, "atto", Some("application/octet-stream")));
        assert!(agrees(Kind::Pdf, "Relazione v1.2", None) && agrees(Kind::Signed, "atto.pdf.p7m", None));
        assert!(agrees(Kind::Jpeg, "a.JPEG", Some("image/jpg; q=1")));
        for (kind, name, declared) in [
            (Kind::Png, "atto.pdf", None),
            (Kind::Pdf, "atto.pdf", Some("image/png")),
            (Kind::Text, "run.bat", None),
            (Kind::Zip, "atto.docx", None),
            (Kind::Word, "atto.zip", None),
        ] {
            assert!(!agrees(kind, name, declared), "{kind:?} {name} {declared:?}");
        }
        assert_eq!(Kind::Text.agrees("righe.csv", None).unwrap(), Kind::Table);
        assert_eq!(
            (extension("a.b c"), extension("a."), extension("a.PDF")),
            (None, None, Some("pdf".to_owned()))
        );
    }
}
