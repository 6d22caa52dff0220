//! Parts of a report: the same word means another thing in a semen analysis, and nothing of urine is read.

use super::{
    heads,
    lines::{Kind, Lexeme, Line},
    words,
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

/// What names the specimen of the rows below: `Materiale: urine`.
const SPECIMEN: [&str; 6] = ["materiale", "campione", "matrice", "specimen", "sample", "material"];
const BLOOD: [&str; 6] = ["siero", "sangue", "plasma", "serum", "blood", "ematico"];

/// The section a line opens, if it is a heading.
pub fn opened(line: &Line<'_>, now: Section) -> Option<Section> {
    // `Esame urine:` announces what follows; with something behind its colon it would be a row.
    let lexemes = match line.lexemes.as_slice() {
        [rest @ .., last] if last.kind == Kind::Sign(':') => rest,
        all => all,
    };
    let lexemes = without_company(lexemes);
    let first = lexemes.first()?;
    let is_one_cell = lexemes.iter().all(|it| it.cell == first.cell);
    let says_something =
        |it: &Lexeme| matches!(it.kind, Kind::Date(_) | Kind::Sign(':') | Kind::Comparator(_));
    if !is_one_cell || lexemes.iter().any(says_something) {
        return of_specimen(lexemes);
    }
    let words = few_words(lexemes)?;
    if (0..lexemes.len()).any(|at| words::finding(line, at).is_some()) {
        return None;
    }
    let announced = announced(&words);
    if announced == Some(Section::Urine) {
        return announced;
    }
    // A name alone in its line waits for its value.
    if heads::read(line, 0, Section::Semen).is_some() {
        return None;
    }
    // A row of urine may name blood, with but one blank before its number.
    let ends_urine = announced == Some(Section::General) || is_in_capitals(line);
    match now {
        Section::Urine if announced != Some(Section::Semen) => {
            (ends_urine && has_no_number(lexemes)).then_some(Section::General)
        }
        _ => announced,
    }
}

/// What a heading shares its line with: `SEMEN ANALYSIS   Patient: …   Collected: …`, `Spermiogramma - Paziente: …`.
const COMPANY: [&str; 22] = [
    "paziente",
    "patient",
    "partner",
    "nome",
    "cognome",
    "name",
    "sig",
    "sigra",
    "data",
    "date",
    "collected",
    "collection",
    "prelievo",
    "raccolta",
    "raccolto",
    "referto",
    "reported",
    "received",
    "nato",
    "nata",
    "pag",
    "page",
];

/// A heading without what is said of the person and the day behind it. Of what stands before a colon nothing is taken away:
/// that is a label with its value.
fn without_company(lexemes: &[Lexeme]) -> &[Lexeme] {
    let begins = |at: usize| {
        let (before, it) = (&lexemes[at - 1], &lexemes[at]);
        let is_apart = before.cell != it.cell
            || matches!(before.kind, Kind::Sign('-' | '–' | '—' | ',' | ';' | '(' | '/'));
        is_apart && (matches!(it.kind, Kind::Date(_)) || COMPANY.contains(&it.folded.as_str()))
    };
    let Some(end) = (1..lexemes.len()).find(|at| begins(*at)) else { return lexemes };
    let heading = &lexemes[..end];
    let signs = heading.iter().rev().take_while(|it| matches!(it.kind, Kind::Sign(_))).count();
    &heading[..end - signs]
}

/// The section that the head of a table names in its first cell: `ESAME URINE   Risultato   U.M.`
pub fn of_table(line: &Line<'_>) -> Option<Section> {
    announced(&few_words(&line.lexemes[..line.cell_end(0)])?)
}

fn announced(words: &[&str]) -> Option<Section> {
    let says = |known: &[&str]| words.iter().any(|it| known.contains(it));
    if says(&URINE) {
        Some(Section::Urine)
    } else if says(&SEMEN) {
        Some(Section::Semen)
    } else {
        says(&GENERAL).then_some(Section::General)
    }
}

fn of_specimen(lexemes: &[Lexeme]) -> Option<Section> {
    let [label, colon, rest @ ..] = lexemes else { return None };
    if !SPECIMEN.contains(&label.folded.as_str()) || colon.kind != Kind::Sign(':') {
        return None;
    }
    let words = few_words(rest)?;
    let is_blood = words.iter().any(|it| BLOOD.contains(it));
    if is_blood { Some(Section::General) } else { announced(&words).filter(|it| *it != Section::General) }
}

/// The words, if they are as few as those of a heading.
fn few_words(lexemes: &[Lexeme]) -> Option<Vec<&str>> {
    let words = lexemes.iter().filter(|it| it.kind == Kind::Word).map(|it| it.folded.as_str());
    let words: Vec<&str> = words.take(WORDS_MAX + 1).collect();
    (1..=WORDS_MAX).contains(&words.len()).then_some(words)
}

fn has_no_number(lexemes: &[Lexeme]) -> bool {
    lexemes.iter().all(|it| it.kind != Kind::Number)
}

/// A heading that is not known ends what came before it only where the worst would be to go on.
fn is_in_capitals(line: &Line<'_>) -> bool {
    line.text.chars().all(|it| !it.is_lowercase()) && line.text.chars().any(char::is_alphabetic)
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
