//! Appends to a PDF what a signature needs, and leaves a place for it.

use jiff::{Timestamp, tz::TimeZone};
use lopdf::{Dictionary, Document, IncrementalDocument, Object, ObjectId, StringFormat};

use super::{
    open::{Limits, Opened, PdfError, open, value},
    prepared::{MARKER_LEN, PLACE, Prepared, RANGE},
};

/// Field flags: to be printed, and not to be changed.
const PRINT_AND_LOCKED: i64 = 4 | 128;
/// There are signatures, and nothing but appending is right (ISO 32000-1, 12.7.2).
const SIGNED_APPEND_ONLY: i64 = 3;
/// The PDF was read well, and cannot be written: only memory could be short.
const UNWRITTEN: PdfError = PdfError::Broken("it cannot be appended to");

/// What a signature says besides who signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The signer, for those who read the PDF.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Where.
    pub location: String,
    /// When, by the signer's clock.
    pub at: Timestamp,
}

/// A PDF to be signed. `marker` is random: it finds the place of the signature again.
pub fn prepare(
    pdf: &[u8],
    statement: &Statement,
    limits: Limits,
    marker: [u8; MARKER_LEN],
) -> Result<Prepared, PdfError> {
    let Opened { document, catalog: (catalog_id, catalog), page: (page_id, page) } = open(pdf, limits)?;
    let (field, signature) = ((document.max_id + 1, 0), (document.max_id + 2, 0));
    let (catalog, form) = with_field(&document, catalog, field)?;
    let (page, annotations) = with_annotation(&document, page, field)?;
    let mut update = IncrementalDocument::create_from(pdf.to_vec(), document);
    let new = &mut update.new_document;
    new.max_id = signature.0;
    trailer(&mut new.trailer, &marker);
    for (id, object) in form.into_iter().chain(annotations) {
        new.set_object(id, object);
    }
    new.set_object(catalog_id, catalog);
    new.set_object(page_id, page);
    new.set_object(field, widget(page_id, signature, &marker));
    new.set_object(signature, dictionary(statement, &marker));
    let mut whole = Vec::with_capacity(pdf.len() + 4 * PLACE);
    update.save_to(&mut whole).map_err(|_| UNWRITTEN)?;
    Prepared::new(whole, &marker).ok_or(UNWRITTEN)
}

/// What is written besides an object, because the object names it.
type Besides = Option<(ObjectId, Object)>;

/// The catalogue, or the form that it names, with one more field.
fn with_field(
    document: &Document,
    mut catalog: Dictionary,
    field: ObjectId,
) -> Result<(Dictionary, Besides), PdfError> {
    const BROKEN: PdfError = PdfError::Broken("its form is no form");
    let named = catalog.get(b"AcroForm").ok().and_then(|form| form.as_reference().ok());
    let mut form = Dictionary::new();
    if catalog.has(b"AcroForm") {
        form = value(document, &catalog, b"AcroForm").and_then(|it| it.as_dict().ok()).ok_or(BROKEN)?.clone();
    }
    let mut fields = list(document, &form, b"Fields").ok_or(BROKEN)?;
    fields.push(field.into());
    form.set("Fields", fields);
    form.set("SigFlags", SIGNED_APPEND_ONLY);
    // A form that is drawn anew by its reader is no PDF/A, and what is signed is as it is.
    form.remove(b"NeedAppearances");
    if let Some(id) = named {
        return Ok((catalog, Some((id, form.into()))));
    }
    catalog.set("AcroForm", form);
    Ok((catalog, None))
}

/// A list of a dictionary, empty where there is none; `None` if something else is there.
fn list(document: &Document, holder: &Dictionary, key: &[u8]) -> Option<Vec<Object>> {
    if holder.has(key) { value(document, holder, key)?.as_array().ok().cloned() } else { Some(Vec::new()) }
}

/// The page, or the list of its annotations that it names, with one more.
fn with_annotation(
    document: &Document,
    mut page: Dictionary,
    field: ObjectId,
) -> Result<(Dictionary, Besides), PdfError> {
    const BROKEN: PdfError = PdfError::Broken("the annotations of its first page are no list");
    let named = page.get(b"Annots").ok().and_then(|list| list.as_reference().ok());
    let mut annotations = list(document, &page, b"Annots").ok_or(BROKEN)?;
    annotations.push(field.into());
    if let Some(id) = named {
        return Ok((page, Some((id, annotations.into()))));
    }
    page.set("Annots", annotations);
    Ok((page, None))
}

/// The field and what is shown of it, in one: nothing is.
fn widget(page: ObjectId, signature: ObjectId, marker: &[u8; MARKER_LEN]) -> Dictionary {
    let name = format!("Signature-{}", data_encoding::HEXLOWER.encode(&marker[..8]));
    let mut widget = Dictionary::new();
    widget.set("Type", Object::Name(b"Annot".to_vec()));
    widget.set("Subtype", Object::Name(b"Widget".to_vec()));
    widget.set("FT", Object::Name(b"Sig".to_vec()));
    widget.set("T", Object::string_literal(name));
    widget.set("F", PRINT_AND_LOCKED);
    widget.set("Rect", vec![Object::Integer(0); 4]);
    widget.set("P", page);
    widget.set("V", signature);
    widget
}

/// The signature; the range and its place stand together, so that [`Prepared`] finds both.
fn dictionary(statement: &Statement, marker: &[u8; MARKER_LEN]) -> Dictionary {
    let mut place = marker.to_vec();
    place.resize(PLACE, 0);
    let mut signature = Dictionary::new();
    signature.set("Type", Object::Name(b"Sig".to_vec()));
    signature.set("Filter", Object::Name(b"Adobe.PPKLite".to_vec()));
    signature.set("SubFilter", Object::Name(b"ETSI.CAdES.detached".to_vec()));
    signature.set("ByteRange", RANGE.map(Object::Integer).to_vec());
    signature.set("Contents", Object::String(place, StringFormat::Hexadecimal));
    let at = statement.at.to_zoned(TimeZone::UTC);
    signature.set("M", Object::string_literal(at.strftime("D:%Y%m%d%H%M%SZ").to_string()));
    for (key, text) in
        [("Name", &statement.name), ("Reason", &statement.reason), ("Location", &statement.location)]
    {
        if !text.is_empty() {
            signature.set(key, written(text));
        }
    }
    signature
}

/// A text, in a form that holds every character and no other meaning.
fn written(text: &str) -> Object {
    let units = text.encode_utf16().flat_map(u16::to_be_bytes);
    Object::String([0xfe, 0xff].into_iter().chain(units).collect(), StringFormat::Hexadecimal)
}

/// What the last trailer said of itself alone is not true of the new one; the second half of the file's name changes with it.
fn trailer(trailer: &mut Dictionary, marker: &[u8; MARKER_LEN]) {
    for key in ["Type", "W", "Index", "Length", "Filter", "DecodeParms", "XRefStm"] {
        trailer.remove(key.as_bytes());
    }
    if let Ok(Object::Array(id)) = trailer.get_mut(b"ID")
        && let [_, second] = id.as_mut_slice()
    {
        *second = Object::String(marker[..16].to_vec(), StringFormat::Hexadecimal);
    }
}
