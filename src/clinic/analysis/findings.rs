//! What is worth a look: values outside of their ranges, contradictions, what was not understood. Sentences, in the order of
//! the text; what is said of the document as a whole comes last, but that it is about somebody else: that comes first.

use super::{graded::Grading, read::Read};
use crate::clinic::{
    documents::document::{Finding, Unread},
    laboratory::{
        flags::{self, Flag},
        grammar::{rows::Value, words::Finding as Word},
        report::Reading,
    },
    patients::Sex,
    rules::{score::GeneticResult, sentences::Sentence},
    scores::inputs::karyotype,
};

/// A document has at most so many: what is not among them is in the list of its values.
const FINDINGS_MAX: usize = 300;
/// What is found and no reason to look.
pub(in crate::clinic) const NEGATIVE: [Word; 3] = [Word::Negative, Word::Absent, Word::NotDetected];

/// What a document says, as sentences.
pub fn of(read: &Read, gradings: &[Grading]) -> Vec<Finding> {
    let said = if read.is_confirmed { Sentence::DocumentConfirmed } else { Sentence::DocumentOfAnother };
    let another = |page: &u32| Finding { page: Some(*page), ..whole(said) };
    let mut findings: Vec<Finding> = read
        .of_another
        .iter()
        .map(another)
        .chain(read.values.iter().flat_map(|it| of_value(it, read.sex)))
        .collect();
    findings.extend(read.unread.iter().map(of_unread));
    let described = read.descriptions.unread.iter();
    findings.extend(described.map(|(page, line)| Finding {
        page: Some(*page),
        line: Some(*line),
        ..whole(Sentence::DocumentDescriptionUnread)
    }));
    findings.truncate(FINDINGS_MAX);
    let mut said: Vec<Sentence> = gradings.iter().map(Grading::sentence).collect();
    said.sort_unstable();
    said.dedup();
    findings.extend(said.into_iter().map(whole));
    if read.is_scan {
        findings.push(whole(Sentence::DocumentFromPicture));
    }
    let is_named = read.unread.iter().any(|it| it.analyte.is_some()) || !read.descriptions.is_empty();
    if read.values.is_empty() && !is_named {
        findings.push(whole(Sentence::DocumentNothingNamed));
    }
    findings
}

fn of_value(value: &Reading, sex: Option<flags::Sex>) -> impl Iterator<Item = Finding> {
    let flagged = match (value.flag, &value.value) {
        (Some(Flag::Low), _) => Some(Sentence::DocumentValueLow),
        (Some(Flag::High), _) => Some(Sentence::DocumentValueHigh),
        (_, Value::Finding(word)) if !NEGATIVE.contains(word) => Some(Sentence::DocumentFoundPositive),
        (_, Value::Karyotype(text)) => of_karyotype(text, sex),
        _ => None,
    };
    let contradicts = value.contradicts().then_some(Sentence::DocumentSignContradicts);
    let finding = |sentence| Finding {
        sentence,
        analyte: Some(value.analyte.code.to_owned()),
        page: Some(value.place.page),
        line: Some(value.place.line),
    };
    flagged.into_iter().chain(contradicts).map(finding)
}

/// What is not normal is to be seen; what is normal for the other sex only is somebody else's, or a finding of its own.
fn of_karyotype(text: &str, sex: Option<flags::Sex>) -> Option<Sentence> {
    let is_normal = |sex| karyotype(text, sex) == GeneticResult::Normal;
    let own = match sex {
        Some(flags::Sex::Female) => Sex::Female,
        Some(flags::Sex::Male) => Sex::Male,
        None => Sex::Other,
    };
    if is_normal(own) {
        return None;
    }
    let is_of_other = is_normal(Sex::Other);
    Some(if is_of_other { Sentence::DocumentKaryotypeOfOtherSex } else { Sentence::DocumentFoundPositive })
}

fn of_unread(it: &Unread) -> Finding {
    let sentence = match (&it.analyte, it.why.as_str()) {
        (None, _) => Sentence::DocumentPageUnread,
        (Some(_), "another_value") => Sentence::DocumentAnotherValue,
        (Some(_), "uncorroborated") => Sentence::DocumentUncorroborated,
        (Some(_), "before_birth") => Sentence::DocumentBeforeBirth,
        (Some(_), "other_sex") => Sentence::DocumentOtherSex,
        (Some(_), _) => Sentence::DocumentNotUnderstood,
    };
    Finding { sentence, analyte: it.analyte.clone(), page: Some(it.page), line: it.line }
}

const fn whole(sentence: Sentence) -> Finding {
    Finding { sentence, analyte: None, page: None, line: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::{
        analysis::{graded, read::read},
        documents::pages::PageText,
        laboratory::identity::Person,
        reading::Origin,
    };

    fn codes(text: &str) -> Vec<(&'static str, Option<String>)> {
        let page = PageText {
            number: 1,
            width: 1.0,
            height: 1.0,
            origin: Origin::Text,
            text: text.to_owned(),
            again: None,
        };
        let born_on = Some(jiff::civil::date(1990, 5, 17));
        let anna = Person { born_on, ..Person::of_sex(flags::Sex::Female) };
        let read = read(vec![page], (&anna, false), jiff::civil::date(2026, 3, 20));
        let gradings = graded::of(&read);
        of(&read, &gradings).into_iter().map(|it| (it.sentence.code(), it.analyte)).collect()
    }

    #[test]
    fn what_lies_outside_of_its_range_is_said_and_what_lies_in_it_is_not() {
        let found = codes(
            "Prelievo del 03/02/2026\nFSH   27,2 mUI/mL   (3,5 - 12,5)\nTSH   2,1 mUI/L   (0,4 - 4,0)\n\
             Prolattina   in corso\nHIV 1/2 Ag/Ab   positivo\nHBsAg   negativo\n",
        );
        let some = |analyte: &str| Some(analyte.to_owned());
        assert_eq!(
            found,
            [
                ("document.value_high", some("fsh")),
                ("document.found_positive", some("hiv")),
                ("document.not_understood", some("prolactin")),
            ]
        );
    }

    #[test]
    fn what_cannot_be_the_patients_is_said() {
        let some = |analyte: &str| Some(analyte.to_owned());
        let found = codes("Prelievo del 03/02/1986\nFSH   7,2 mUI/mL\n");
        assert_eq!(found, [("document.before_birth", some("fsh"))]);
        let found = codes("SPERMIOGRAMMA\nData prelievo: 03/02/2026\nVolume   2,8 mL\n");
        assert_eq!(found, [("document.other_sex", some("semen_volume"))]);
    }

    #[test]
    fn a_karyotype_that_is_not_the_usual_one_of_the_sex_is_said() {
        let some = Some("karyotype".to_owned());
        for (printed, expected) in [
            ("46,XX", None),
            ("46,XY", Some("document.karyotype_of_other_sex")),
            ("45,X", Some("document.found_positive")),
            ("47,XXY", Some("document.found_positive")),
        ] {
            let found = codes(&format!("Prelievo del 03/02/2026\nCariotipo: {printed}\n"));
            let expected: Vec<_> = expected.into_iter().map(|code| (code, some.clone())).collect();
            assert_eq!(found, expected, "{printed}");
        }
    }

    #[test]
    fn a_text_in_which_nothing_is_named_says_so() {
        assert_eq!(codes("Gentile signora, la aspettiamo.\n"), [("document.nothing_named", None)]);
    }
}
