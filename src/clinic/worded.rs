//! What results say, with its words: codes for programs, Italian and English for people.

use serde::Serialize;
use utoipa::ToSchema;

use super::rules::{explained::Explained, references::Reference, sentences::Sentence};

/// A sentence of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ClinicWording)]
pub struct Worded {
    /// Stable word for programs.
    pub code: &'static str,
    /// For people who read Italian.
    pub it: &'static str,
    /// For people who read English.
    pub en: &'static str,
}

impl From<Sentence> for Worded {
    fn from(sentence: Sentence) -> Self {
        Self { code: sentence.code(), it: sentence.italian(), en: sentence.english() }
    }
}

/// All of them, in their order.
pub fn worded(sentences: &[Sentence]) -> Vec<Worded> {
    sentences.iter().copied().map(Worded::from).collect()
}

/// Something that a result rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ClinicCitation)]
pub struct Cited {
    /// Stable word for programs.
    pub code: &'static str,
    /// As it is cited.
    pub citation: &'static str,
}

/// All of them, in their order.
pub fn cited(references: &[Reference]) -> Vec<Cited> {
    references.iter().map(|it| Cited { code: it.code(), citation: it.citation() }).collect()
}

/// Why a result is what it is, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ClinicExplanationInWords)]
pub struct InWords {
    /// What is said, most important first.
    pub sentences: Vec<Worded>,
    /// JSON pointers to what was not given and would be needed to say more.
    pub missing: Vec<String>,
    /// What the method cannot say; is shown with the result.
    pub limits: Vec<Worded>,
    /// What it rests on.
    pub references: Vec<Cited>,
}

impl From<&Explained> for InWords {
    fn from(explained: &Explained) -> Self {
        Self {
            sentences: worded(&explained.sentences),
            missing: explained.missing.clone(),
            limits: worded(&explained.limits),
            references: cited(&explained.references),
        }
    }
}
