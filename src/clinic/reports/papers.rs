//! The documents of a patient on paper: each with what its analysis says, and how far that can be relied on.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    figures::short_day,
    page::{Say, fill},
    record::Document,
};
use crate::{
    clinic::{documents::Finding, rules::sentences::Sentence},
    notary::time::today,
};

/// Analytes that a sentence names; how many others there are is said.
const NAMED_MAX: usize = 12;
/// What is said first: what makes values doubtful, then what was found. What lies outside of its range is in the table of
/// values, too.
const ORDER: [Sentence; 20] = [
    Sentence::DocumentOfAnother,
    Sentence::DocumentConfirmed,
    Sentence::DocumentFromPicture,
    Sentence::DocumentOnlyText,
    Sentence::DocumentPageUnread,
    Sentence::DocumentNothingNamed,
    Sentence::DocumentSignContradicts,
    Sentence::DocumentUncorroborated,
    Sentence::DocumentNotUnderstood,
    Sentence::DocumentOtherSex,
    Sentence::DocumentBeforeBirth,
    Sentence::DocumentDescriptionUnread,
    Sentence::DocumentAnotherValue,
    Sentence::DocumentGradingRefused,
    Sentence::DocumentGradingUndated,
    Sentence::DocumentFoundPositive,
    Sentence::DocumentValueLow,
    Sentence::DocumentValueHigh,
    Sentence::DocumentGraded,
    Sentence::DocumentDescribed,
];

impl Say {
    pub(super) fn document(&self, it: &Document) -> Value {
        json!({
            "kind": it.kind, "name": it.name, "status": it.status, "day": short_day(today(it.created_at), self.0),
            "failure": it.failure, "reading": self.reading(it), "findings": self.findings(&it.findings),
        })
    }

    /// Where its text is from, if not from the document itself, and how far it can be relied on.
    fn reading(&self, it: &Document) -> Option<String> {
        let from = it.text_from.as_deref().filter(|it| matches!(*it, "layer" | "picture"));
        let points = it.confidence.map(|points| fill(&self.word("label", "reading"), &points));
        let said: Vec<String> =
            points.into_iter().chain(from.map(|from| self.word("text_from", from))).collect();
        (!said.is_empty()).then(|| said.join(" · "))
    }

    /// Each sentence once, with the names of what it is said of.
    fn findings(&self, findings: &[Finding]) -> Vec<String> {
        let place = |it: Sentence| ORDER.iter().position(|one| *one == it).unwrap_or(ORDER.len());
        let mut said: Vec<Sentence> = findings.iter().map(|it| it.sentence).collect();
        said.sort_by_key(|it| (place(*it), *it));
        said.dedup();
        let sentence = |sentence: Sentence| {
            let of =
                findings.iter().filter(|it| it.sentence == sentence).filter_map(|it| it.analyte.as_deref());
            let codes: BTreeSet<&str> = of.collect();
            let mut names: Vec<String> =
                codes.iter().take(NAMED_MAX).map(|code| self.word("analyte", code)).collect();
            if codes.len() > NAMED_MAX {
                names.push(fill(&self.word("label", "and_more"), &(codes.len() - NAMED_MAX)));
            }
            let text = self.sentence(sentence);
            if names.is_empty() { text.to_owned() } else { format!("{text} ({})", names.join(", ")) }
        };
        said.into_iter().map(sentence).collect()
    }
}
