//! What is to be made: a layout, its values and its pictures.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::mail::Language;

use super::{letters::printable, press::FAMILIES};

/// Values and pictures of one document, in bytes: about a thousand pages of text.
pub const BYTES_MAX: usize = 4 << 20;

/// How a document looks: a file of `layouts`, compiled in. It says what it wants to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// A deed, its letterhead and its signature.
    Deed,
}

impl Layout {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Deed];

    /// The name of its file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deed => "deed",
        }
    }

    pub(super) const fn source(self) -> &'static str {
        match self {
            Self::Deed => include_str!("layouts/deed.typ"),
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
        let values =
            json!({ "title": title, "language": language, "fonts": FAMILIES, "data": clean(&self.data) });
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
