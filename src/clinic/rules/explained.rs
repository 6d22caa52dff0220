//! What every result carries besides its grade: what it says, on what it rests, what it cannot say.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{references::Reference, sentences::Sentence};

/// Why a result is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ClinicExplanation)]
pub struct Explained {
    /// Name of the method, with its version: another version may say something else of the same values.
    pub method: String,
    /// What is said, most important first; wordings in Italian and English belong to each code.
    pub sentences: Vec<Sentence>,
    /// JSON pointers to what was not given and would be needed to say more.
    pub missing: Vec<String>,
    /// What the method cannot say; is shown with the result.
    pub limits: Vec<Sentence>,
    /// What it rests on.
    pub references: Vec<Reference>,
}

impl Explained {
    /// Nothing said yet; whoever treats the patient decides.
    pub(super) fn new(method: &str, references: &[Reference], limits: &[Sentence]) -> Self {
        let limits = [&[Sentence::SupportsClinicians], limits].concat();
        Self {
            method: method.to_owned(),
            sentences: Vec::new(),
            missing: Vec::new(),
            limits,
            references: references.to_vec(),
        }
    }

    /// Says it, once.
    pub(super) fn say(&mut self, sentence: Sentence) {
        if !self.sentences.contains(&sentence) {
            self.sentences.push(sentence);
        }
    }

    /// Says it if it is so.
    pub(super) fn say_if(&mut self, is_so: bool, sentence: Sentence) {
        if is_so {
            self.say(sentence);
        }
    }

    /// Notes what is not there.
    pub(super) fn lacks(&mut self, is_missing: bool, pointer: &str) {
        if is_missing {
            self.missing.push(pointer.to_owned());
        }
    }

    /// A limit that holds because of the values.
    pub(super) fn limit_if(&mut self, is_so: bool, limit: Sentence) {
        if is_so && !self.limits.contains(&limit) {
            self.limits.push(limit);
        }
    }
}
