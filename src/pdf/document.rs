//! What is to be made: a layout, its values and its pictures.

use std::sync::LazyLock;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::mail::Language;

use super::{letters::printable, press::FAMILIES};

/// Values and pictures of one document, in bytes: about a thousand pages of text. Of tables a hundredth of it takes some MiB of
/// memory each page: whoever sets tables bounds their rows.
pub const BYTES_MAX: usize = 4 << 20;
/// Digits that tell editions apart.
const EDITION_DIGITS: usize = 16;

/// How a document looks: a file of `layouts`, compiled in. It says what it wants to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// A deed, its letterhead and its signature.
    Deed,
    /// What a clinic hands out about a patient.
    PatientReport,
    /// A ticket of an event.
    Ticket,
    /// The agenda of an office on a day.
    Agenda,
    /// What is known of an act.
    ActSummary,
}

impl Layout {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Deed, Self::PatientReport, Self::Ticket, Self::Agenda, Self::ActSummary];

    /// The name of its file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deed => "deed",
            Self::PatientReport => "patient_report",
            Self::Ticket => "ticket",
            Self::Agenda => "agenda",
            Self::ActSummary => "act_summary",
        }
    }

    /// What all of them have in common, and its own.
    pub(super) const fn source(self) -> &'static str {
        macro_rules! layout {
            ($file:literal) => {
                concat!(include_str!("layouts/common.typ"), include_str!($file))
            };
        }
        match self {
            Self::Deed => layout!("layouts/deed.typ"),
            Self::PatientReport => layout!("layouts/patient_report.typ"),
            Self::Ticket => layout!("layouts/ticket.typ"),
            Self::Agenda | Self::ActSummary => layout!("layouts/sheet.typ"),
        }
    }

    /// Tells what makes the same values look as they do from anything else that would: the layout, its words, typst and its
    /// fonts, which have one version. Whoever keeps what was made keeps this beside it.
    pub fn edition(self) -> &'static str {
        static EDITIONS: LazyLock<[String; Layout::ALL.len()]> = LazyLock::new(|| {
            Layout::ALL.map(|layout| {
                let [italian, english] = layout.texts();
                let parts = [layout.source(), italian, english, typst::utils::version().raw()];
                let hasher = parts.iter().fold(Sha256::new(), |hasher, part| {
                    hasher.chain_update(part.len().to_le_bytes()).chain_update(part)
                });
                let mut digest = HEXLOWER.encode(&hasher.finalize());
                digest.truncate(EDITION_DIGITS);
                format!("{}/{digest}", layout.name())
            })
        });
        &EDITIONS[self as usize]
    }

    /// Its words, by what they stand for; a layout that has few has them itself.
    pub fn words(self, language: Language) -> &'static Value {
        static WORDS: LazyLock<[[Value; 2]; Layout::ALL.len()]> = LazyLock::new(|| {
            Layout::ALL.map(|layout| {
                layout.texts().map(|text| serde_json::from_str(text).expect("the texts of layouts are JSON"))
            })
        });
        &WORDS[self as usize][usize::from(language == Language::En)]
    }

    /// What a document of it is called, unless it has a name of its own.
    pub fn title(self, language: Language) -> &'static str {
        self.words(language)["title"].as_str().unwrap_or_default()
    }

    /// Italian, then English.
    const fn texts(self) -> [&'static str; 2] {
        match self {
            Self::Deed => ["{}", "{}"],
            Self::PatientReport => {
                [include_str!("texts/patient_report.it.json"), include_str!("texts/patient_report.en.json")]
            }
            Self::Ticket => [include_str!("texts/ticket.it.json"), include_str!("texts/ticket.en.json")],
            Self::Agenda => [include_str!("texts/agenda.it.json"), include_str!("texts/agenda.en.json")],
            Self::ActSummary => {
                [include_str!("texts/act_summary.it.json"), include_str!("texts/act_summary.en.json")]
            }
        }
    }
}

/// A picture that a layout shows by its name: `image("/images/logo")`.
#[derive(Debug, Clone)]
pub struct Image {
    /// What the layout calls it.
    pub name: &'static str,
    /// A PNG, JPEG or SVG.
    pub content: Bytes,
}

/// A document to be made. Two that are equal become the same bytes.
#[derive(Debug, Clone)]
pub struct Document {
    /// How it looks.
    pub layout: Layout,
    /// Its language: hyphenation, and the layout's own few words.
    pub language: Language,
    /// Its title, which stands in the properties of the file.
    pub title: String,
    /// When it was made, as the file says.
    pub made_at: Timestamp,
    /// What the layout reads as `data`.
    pub data: Value,
    /// What it shows.
    pub images: Vec<Image>,
}

impl Document {
    /// What the layout reads, and nothing in it that cannot be printed.
    pub(super) fn values(&self) -> Vec<u8> {
        let title = printable(&self.title).into_owned();
        let language = self.language.code();
        let values = json!({ "title": title, "language": language, "fonts": FAMILIES, "texts": self.layout.words(self.language),
                "data": clean(&self.data) });
        serde_json::to_vec(&values).expect("values of JSON are JSON")
    }
}

fn clean(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(printable(text).into_owned()),
        Value::Array(items) => items.iter().map(clean).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), clean(value))).collect())
        }
        other => other.clone(),
    }
}
