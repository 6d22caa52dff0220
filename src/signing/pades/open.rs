//! What of a PDF is looked at before it is signed, and what is refused.
//!
//! A signature in a file that readers repair, each in its own way, says nothing: what is broken is refused, and not mended.
//! Nothing of what a file says is believed: walks are bounded, and what unpacks is.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId};

/// Nodes of the tree of pages on the way to the first.
const DEPTH_MAX: usize = 64;
/// Number of objects that PDF readers are sure to know (ISO 32000-1, annex C), and room for ours.
const OBJECTS_MAX: u32 = 8_388_607 - 16;
/// What one stream of objects may unpack to, however many there are.
const UNPACKED_MIN: usize = 64 << 10;
/// What a PDF starts with.
const MAGIC: &[u8] = b"%PDF-";

/// How much is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of a PDF that is to be signed.
    pub bytes: usize,
    /// Of all that its streams of objects unpack to.
    pub unpacked: usize,
}

/// Why a PDF is not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PdfError {
    /// It is something else.
    #[error("this is not a PDF")]
    NotPdf,
    /// It is encrypted.
    #[error("an encrypted PDF cannot be signed")]
    Encrypted,
    /// Readers would have to repair it.
    #[error("the PDF is damaged: {0}")]
    Broken(&'static str),
    /// It is too large, or unpacks to too much.
    #[error("the PDF is too large to be signed")]
    TooLarge,
    /// Somebody has certified it and forbids changes.
    #[error("the PDF was certified by somebody who allows no further signature")]
    Certified,
    /// There is no room for the signature.
    #[error("the signature is larger than the place that was left for it")]
    NoRoom,
}

/// A PDF that can be signed.
pub(super) struct Opened {
    pub(super) document: Document,
    /// The catalogue, and its number.
    pub(super) catalog: (ObjectId, Dictionary),
    /// The first page, and its number.
    pub(super) page: (ObjectId, Dictionary),
}

/// Looks at a PDF. Never panics, whatever the bytes are.
pub(super) fn open(pdf: &[u8], limits: Limits) -> Result<Opened, PdfError> {
    if !pdf.starts_with(MAGIC) {
        return Err(PdfError::NotPdf);
    }
    if pdf.len() > limits.bytes {
        return Err(PdfError::TooLarge);
    }
    // A library that meets what nobody has met before may stumble; that is the file's fault, and no reason to fall.
    catch_unwind(AssertUnwindSafe(|| looked_at(pdf, limits)))
        .unwrap_or(Err(PdfError::Broken("it cannot be read")))
}

fn looked_at(pdf: &[u8], limits: Limits) -> Result<Opened, PdfError> {
    let streams = pdf.windows(7).filter(|word| word == b"/ObjStm").count();
    let each = (limits.unpacked / (streams + 1)).max(UNPACKED_MIN);
    let options = LoadOptions::with_max_decompressed_size(each);
    let document = Document::load_mem_with_options(pdf, options).map_err(|error| match error {
        lopdf::Error::Decompress(_) => PdfError::TooLarge,
        lopdf::Error::Decryption(_) | lopdf::Error::InvalidPassword => PdfError::Encrypted,
        _ => PdfError::Broken("it cannot be read"),
    })?;
    if document.trailer.has(b"Encrypt") || document.is_encrypted() || document.encryption_state.is_some() {
        return Err(PdfError::Encrypted);
    }
    if document.xref_recovery.is_some() || document.xref_start == 0 {
        return Err(PdfError::Broken("its table of objects is wrong"));
    }
    if document.max_id > OBJECTS_MAX {
        return Err(PdfError::TooLarge);
    }
    let root = document.trailer.get(b"Root").and_then(Object::as_reference);
    let root = root.map_err(|_| PdfError::Broken("it has no catalogue"))?;
    let catalog = document.get_dictionary(root).map_err(|_| PdfError::Broken("it has no catalogue"))?.clone();
    if forbids_changes(&document, &catalog) {
        return Err(PdfError::Certified);
    }
    let page = first_page(&document, &catalog)?;
    Ok(Opened { catalog: (root, catalog), page, document })
}

/// What a value is, behind the references.
pub(super) fn value<'d>(document: &'d Document, holder: &'d Dictionary, key: &[u8]) -> Option<&'d Object> {
    let found = holder.get(key).ok()?;
    document.dereference(found).ok().map(|(_, value)| value)
}

fn first_page(document: &Document, catalog: &Dictionary) -> Result<(ObjectId, Dictionary), PdfError> {
    const BROKEN: PdfError = PdfError::Broken("it has no page");
    let mut at = catalog.get(b"Pages").and_then(Object::as_reference).map_err(|_| BROKEN)?;
    for _ in 0..DEPTH_MAX {
        let node = document.get_dictionary(at).map_err(|_| BROKEN)?;
        let Some(kids) = value(document, node, b"Kids") else {
            let is_page =
                value(document, node, b"Type").and_then(|kind| kind.as_name().ok()) == Some(b"Page");
            return if is_page { Ok((at, node.clone())) } else { Err(BROKEN) };
        };
        let first = kids.as_array().ok().and_then(|kids| kids.first());
        at = first.and_then(|kid| kid.as_reference().ok()).ok_or(BROKEN)?;
    }
    Err(BROKEN)
}

/// Whether a certifying signature allows no change at all (ISO 32000-1, 12.8.2.2: `P` is 1).
fn forbids_changes(document: &Document, catalog: &Dictionary) -> bool {
    let within = |holder, key| value(document, holder, key).and_then(|it| it.as_dict().ok());
    let signature = within(catalog, b"Perms").and_then(|perms| within(perms, b"DocMDP"));
    let references =
        signature.and_then(|it| value(document, it, b"Reference")).and_then(|it| it.as_array().ok());
    references.into_iter().flatten().any(|reference| {
        let reference = document.dereference(reference).ok().and_then(|(_, it)| it.as_dict().ok());
        let allowed = reference.and_then(|it| within(it, b"TransformParams"));
        allowed.and_then(|it| value(document, it, b"P")).and_then(|it| it.as_i64().ok()) == Some(1)
    })
}
