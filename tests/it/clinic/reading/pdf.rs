//! PDFs made by hand, as small as they can be, so that a test says all that is in one.

use std::{fmt::Write as _, io::Write as _};

use flate2::{Compression, write::ZlibEncoder};

/// Objects, numbered from 1.
#[derive(Default)]
pub(super) struct Pdf {
    objects: Vec<Vec<u8>>,
}

impl Pdf {
    /// The number that the next object gets.
    pub(super) fn next(&self) -> usize {
        self.objects.len() + 1
    }

    pub(super) fn object(&mut self, body: impl Into<Vec<u8>>) -> usize {
        self.objects.push(body.into());
        self.objects.len()
    }

    pub(super) fn stream(&mut self, entries: &str, data: &[u8]) -> usize {
        let mut body = format!("<< {entries} /Length {} >>\nstream\n", data.len()).into_bytes();
        body.extend_from_slice(data);
        body.extend_from_slice(b"\nendstream");
        self.object(body)
    }

    /// The file; its first object is the catalog.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut file = b"%PDF-1.7\n".to_vec();
        let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", self.next());
        for (number, body) in (1..).zip(&self.objects) {
            writeln!(table, "{:010} 00000 n ", file.len()).unwrap();
            file.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
            file.extend_from_slice(body);
            file.extend_from_slice(b"\nendobj\n");
        }
        let start = file.len();
        file.extend_from_slice(table.as_bytes());
        let size = self.next();
        file.extend_from_slice(
            format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n").as_bytes(),
        );
        file
    }
}

/// Pages with these contents, in Helvetica, each of this size.
pub(super) fn pages(size: &str, contents: &[&[u8]]) -> Vec<u8> {
    let mut pdf = Pdf::default();
    pdf.object("<< /Type /Catalog /Pages 2 0 R >>");
    // Two objects for each page behind the first three.
    let kids: String = (0..contents.len()).fold(String::new(), |mut kids, at| {
        write!(kids, "{} 0 R ", 5 + 2 * at).unwrap();
        kids
    });
    pdf.object(format!("<< /Type /Pages /Count {} /Kids [{kids}] >>", contents.len()));
    pdf.object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
    for content in contents {
        let content = pdf.stream("", content);
        pdf.object(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [{size}] /Contents {content} 0 R \
             /Resources << /Font << /F 3 0 R >> >> >>"
        ));
    }
    pdf.bytes()
}

pub(super) const A4: &str = "0 0 595 842";

/// A page that shows one line.
pub(super) fn line(text: &str) -> Vec<u8> {
    format!("BT /F 12 Tf 50 700 Td ({text}) Tj ET").into_bytes()
}

pub(super) fn packed(data: &[u8]) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
    packer.write_all(data).unwrap();
    packer.finish().unwrap()
}
