//! Signatures in PDFs: PAdES (ETSI EN 319 142-1) by an incremental update (ISO 32000-1, 7.5.6).
//!
//! What was there stays as it is, byte by byte, with the signatures it has; appended are a signature (`ETSI.CAdES.detached`),
//! an invisible field for it on the first page, and the catalogue and the page that name the field. A PDF/A-2b stays one: the
//! field is to be printed and has no area (ISO 19005-2, 6.3), and the signature is about the whole file (6.4.3).
//!
//! [`open`] says what is not signed, [`update`] appends, [`Prepared`] has the place that is left for the signature.

mod open;
mod prepared;
mod update;

pub use open::{Limits, PdfError};
pub use prepared::{MARKER_LEN, Prepared};
pub use update::{Statement, prepare};
