//! Parts of a report: the same word means another thing in a semen analysis, and nothing of urine is read.

use super::{
    heads,
    lines::{Kind, Line},
};
use crate::clinic::laboratory::names::Section;

/// A heading has few words.
const WORDS_MAX: usize = 8;

const URINE: [&str; 7] = ["urine", "urina", "urinario", "urinari", "urinary", "urinalysis", "sedimento"];
const SEMEN: [&str; 6] = ["spermiogramma", "seminale", "semen", "seminal", "nemaspermico", "spermogram"];
const GENERAL: [&str; 36] = [
    "ormoni",
    "ormonale",
    "ormonali",
    "dosaggi",
    "ematologia",
    "emocromo",
    "emocromocitometrico",
    "chimica",
    "sierologia",
    "sierologici",
    "biochimica",
    "biochemistry",
    "chemistry",
    "hormone",
    "hormones",
    "hormonal",
    "endocrinology",
    "endocrinologia",
    "haematology",
    "hematology",
    "blood",
    "tiroide",
    "tiroideo",
    "tiroidea",
    "thyroid",
    "metabolismo",
    "immunometria",
    "coagulazione",
    "infettive",
    "virali",
    "serology",
    "genetics",
    "genetica",
    "citogenetica",
    "cytogenetics",
    "screening",
];

/// The section a line opens, if it is a heading.
pub fn opened(line: &Line<'_>, now: Section) -> Option<Section> {
    let first = line.lexemes.first()?;
    let is_one_cell = line.lexemes.iter().all(|it| it.cell == first.cell);
    let says_something =
        |it: &super::lines::Lexeme| matches!(it.kind, Kind::Date(_) | Kind::Sign(':') | Kind::Comparator(_));
    if !is_one_cell || line.lexemes.iter().any(says_something) {
        return None;
    }
    let words: Vec<&str> = line
        .lexemes
        .iter()
        .filter(|it| it.kind == Kind::Word)
        .map(|it| it.folded.as_str())
        .take(WORDS_MAX + 1)
        .collect();
    if words.is_empty() || words.len() > WORDS_MAX {
        return None;
    }
    let says = |known: &[&str]| words.iter().any(|it| known.contains(it));
    if says(&URINE) {
        Some(Section::Urine)
    } else if heads::read(line, 0, Section::Semen).is_some_and(|head| head.end < line.lexemes.len()) {
        None
    } else if says(&SEMEN) {
        Some(Section::Semen)
    } else if says(&GENERAL) || (now == Section::Urine && is_in_capitals(line)) {
        Some(Section::General)
    } else {
        None
    }
}

/// A heading that is not known ends what came before it only where the worst would be to go on.
fn is_in_capitals(line: &Line<'_>) -> bool {
    let no_numbers = line.lexemes.iter().all(|it| it.kind != Kind::Number);
    no_numbers && line.text.chars().all(|it| !it.is_lowercase()) && line.text.chars().any(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::laboratory::grammar::lines::lines;

    fn after(text: &str, now: Section) -> Option<Section> {
        opened(&lines(text)[0], now)
    }

    #[test]
    fn headings_open_sections() {
        assert_eq!(after("ESAME CHIMICO-FISICO DELLE URINE", Section::General), Some(Section::Urine));
        assert_eq!(after("Sedimento", Section::Urine), Some(Section::Urine));
        assert_eq!(
            after("ESAME DEL LIQUIDO SEMINALE (SPERMIOGRAMMA)", Section::General),
            Some(Section::Semen)
        );
        assert_eq!(after("SEMEN ANALYSIS (WHO 6th EDITION)", Section::General), Some(Section::Semen));
        assert_eq!(after("EMATOLOGIA", Section::Urine), Some(Section::General));
        assert_eq!(after("PROTEINE SPECIFICHE", Section::Urine), Some(Section::General));
        assert_eq!(after("ESAME MICROSCOPICO", Section::Semen), None);
    }

    #[test]
    fn sentences_and_rows_open_nothing() {
        for text in [
            "Urine glucose    2    mg/dL",
            "Si consiglia di ripetere lo spermiogramma dopo tre mesi di terapia",
            "Raccolta urine: 12/03/2024",
            "Anti HBs 231",
            "",
        ] {
            assert_eq!(after(text, Section::General), None, "{text}");
        }
    }
}
