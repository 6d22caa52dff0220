//! From a document to its PDF, on the thread that asks: some milliseconds of a processor for a page.

use std::sync::LazyLock;

use jiff::{Timestamp, tz::Offset};
use typst::{
    Library, LibraryExt as _, World,
    diag::{FileError, FileResult, SourceDiagnostic},
    foundations::{Bytes, Datetime, Duration, Smart},
    layout::Abs,
    syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot},
    text::{Font, FontBook, FontInstance, FontStyle, FontVariations, FontWeight},
    utils::LazyHash,
};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

use super::document::{BYTES_MAX, Document, Layout};

/// What made it, as the file says.
const CREATOR: &str = "Sportello";
/// What layouts set text in: where the first has no letter, the next is asked.
pub(super) const FAMILIES: [&str; 3] = ["Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono"];
/// What is remembered between documents is forgotten when so many have not asked for it.
const REMEMBERED: usize = 2;

/// Why a document cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PressError {
    /// It has more than [`BYTES_MAX`].
    #[error("a document has {BYTES_MAX} bytes of values and pictures at most")]
    TooLarge,
    /// The layout does not understand its values, or a picture is none: a mistake of whoever has put them together.
    #[error("the layout {layout} cannot be set: {why}")]
    Broken {
        /// Which.
        layout: &'static str,
        /// What it says.
        why: String,
    },
}

/// The fonts of this binary.
pub(super) struct Fonts {
    book: LazyHash<FontBook>,
    all: Vec<Font>,
    /// Of each of [`FAMILIES`], those that layouts use.
    upright: Vec<Vec<FontInstance>>,
}

impl Fonts {
    fn load() -> Self {
        let fonts: Vec<Font> = typst_assets::fonts().flat_map(|font| Font::iter(Bytes::new(font))).collect();
        let is_upright = |font: &&Font| {
            let variant = font.info().variant;
            variant.style == FontStyle::Normal
                && [FontWeight::REGULAR, FontWeight::BOLD].contains(&variant.weight)
        };
        let instance = |font: &Font| {
            font.clone().instantiate(font.info().variant, Abs::pt(1.0), &FontVariations::default())
        };
        let family = |family: &str| {
            let of = fonts.iter().filter(|font| font.info().family.as_str() == family);
            of.filter(is_upright).map(instance).collect()
        };
        Self {
            upright: FAMILIES.map(family).into(),
            book: LazyHash::new(FontBook::from_fonts(&fonts)),
            all: fonts,
        }
    }

    /// Whether a family has this character, also in bold.
    pub(super) fn have(&self, c: char) -> bool {
        let has = |font: &FontInstance| font.ttf().glyph_index(c).is_some_and(|glyph| glyph.0 != 0);
        self.upright.iter().any(|family| !family.is_empty() && family.iter().all(has))
    }
}

/// The fonts of this binary, loaded when first asked for.
pub(super) fn fonts() -> &'static Fonts {
    static FONTS: LazyLock<Fonts> = LazyLock::new(Fonts::load);
    &FONTS
}

/// All that a layout can reach: itself, the values and the pictures. There are no other files, and no clock.
struct Desk<'a> {
    document: &'a Document,
    source: Source,
    values: Bytes,
}

fn library() -> &'static LazyHash<Library> {
    static LIBRARY: LazyLock<LazyHash<Library>> = LazyLock::new(|| LazyHash::new(Library::default()));
    &LIBRARY
}

/// The layout, parsed once.
fn source(layout: Layout) -> Source {
    static SOURCES: LazyLock<[Source; Layout::ALL.len()]> = LazyLock::new(|| {
        Layout::ALL.map(|layout| {
            let path = format!("/{}.typ", layout.name());
            let path = VirtualPath::new(path).expect("a plain name is a path");
            Source::new(RootedPath::new(VirtualRoot::Project, path).intern(), layout.source().to_owned())
        })
    });
    let place = Layout::ALL.iter().position(|one| *one == layout);
    SOURCES[place.expect("it is one of them all")].clone()
}

impl World for Desk<'_> {
    fn library(&self) -> &LazyHash<Library> {
        library()
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &fonts().book
    }

    fn main(&self) -> FileId {
        self.source.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.source.id() { Ok(self.source.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let path = id.get().vpath().get_with_slash();
        if path == "/values.json" {
            return Ok(self.values.clone());
        }
        let name = path.strip_prefix("/images/").ok_or(FileError::AccessDenied)?;
        let image = self.document.images.iter().find(|image| image.name == name);
        image.map(|image| Bytes::new(image.content.clone())).ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        fonts().all.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

/// Makes a document: PDF/A-2b. Keeps the processor busy; ask a [`super::Rendering`].
pub fn print(document: &Document) -> Result<bytes::Bytes, PressError> {
    let values = document.values();
    let pictures: usize = document.images.iter().map(|image| image.content.len()).sum();
    if values.len() + pictures > BYTES_MAX {
        return Err(PressError::TooLarge);
    }
    let desk = Desk { document, source: source(document.layout), values: Bytes::new(values) };
    let printed = set(&desk);
    // What one document leaves behind is of no use to the next.
    typst::comemo::evict(REMEMBERED);
    printed
}

fn set(desk: &Desk<'_>) -> Result<bytes::Bytes, PressError> {
    let broken = |errors: &[SourceDiagnostic]| {
        let why: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
        PressError::Broken { layout: desk.document.layout.name(), why: why.join("; ") }
    };
    let pages: PagedDocument = typst::compile(desk).output.map_err(|errors| broken(&errors))?;
    let options = PdfOptions {
        creator: Smart::Custom(Some(CREATOR.to_owned())),
        timestamp: Some(typst_pdf::Timestamp::new_utc(moment(desk.document.made_at))),
        standards: PdfStandards::new(&[PdfStandard::A_2b]).expect("one standard agrees with itself"),
        ..PdfOptions::default()
    };
    typst_pdf::pdf(&pages, &options).map(bytes::Bytes::from).map_err(|errors| broken(&errors))
}

/// To the second, as PDF keeps it.
fn moment(at: Timestamp) -> Datetime {
    let at = Offset::UTC.to_datetime(at);
    let part = |value: i8| u8::try_from(value).expect("parts of a time are not negative");
    let (date, time) = (at.date(), at.time());
    Datetime::from_ymd_hms(
        i32::from(date.year()),
        part(date.month()),
        part(date.day()),
        part(time.hour()),
        part(time.minute()),
        part(time.second()),
    )
    .expect("it was a time before")
}
