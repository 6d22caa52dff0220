//! Whether a report says of itself that it is about somebody else than the patient in whose record it lies.
//!
//! Rules, a convention of this software, the surest first:
//! 1. the patient's codice fiscale, or day of birth, stands in it: it is the patient's;
//! 2. it prints another personal codice fiscale behind its label, or another day of birth: it is somebody else's;
//! 3. a label names somebody whose names have nothing in common with the patient's: it is somebody else's;
//! 4. it prints the other sex, and not the patient's name: it is somebody else's.
//!
//! Letters and digits of pictures may be misread: of them only rules 1 and 3 are asked.
//!
//! Invariant: a report that says nothing of whom it is about is nobody else's.

use std::collections::HashSet;

use jiff::civil::Date;

use super::{
    dates::{self, Order},
    flags::Sex,
    grammar::lines::{Kind, Line, lines},
};
use crate::notary::rules::fiscal_code::FiscalCode;

/// Whose record it is.
#[derive(Debug, Clone)]
pub struct Person {
    /// First names.
    pub first_name: String,
    /// Last names.
    pub last_name: String,
    /// Day of birth.
    pub born_on: Option<Date>,
    /// Codice fiscale.
    pub fiscal_code: Option<String>,
    /// As ranges distinguish it.
    pub sex: Option<Sex>,
}

#[cfg(test)]
impl Person {
    /// Somebody of whom no report says the name.
    pub(in crate::clinic) fn of_sex(sex: Sex) -> Self {
        let nobody = String::new;
        Self { first_name: nobody(), last_name: nobody(), born_on: None, fiscal_code: None, sex: Some(sex) }
    }
}

/// Lexemes before a day in which its label stands: `nata a Reggio Emilia il`.
const LABEL_LEXEMES: usize = 7;
/// Words behind a label that are a name.
const NAME_WORDS: usize = 8;
/// Names of so many letters of a picture may be misread in one of them.
const ONE_SLIP_FROM: usize = 4;
/// Words that make a day one of birth.
const BIRTH: [&str; 6] = ["nascita", "nato", "nata", "birth", "born", "dob"];
/// Lines about these say nothing of the patient.
const OTHERS: [&str; 9] =
    ["partner", "coniuge", "spouse", "marito", "moglie", "husband", "wife", "compagno", "compagna"];
/// Before a colon they say that a name follows; the longest first.
const NAMED: [&[&str]; 14] = [
    &["cognome", "e", "nome"],
    &["nome", "e", "cognome"],
    &["cognome", "nome"],
    &["nome", "cognome"],
    &["nome", "del", "paziente"],
    &["nome", "paziente"],
    &["patient", "name"],
    &["cognome"],
    &["surname"],
    &["nominativo"],
    &["paziente"],
    &["patient"],
    &["assistito"],
    &["assistita"],
];
/// A name ends where these begin.
const NAME_ENDS: [&str; 18] = [
    "data", "date", "dob", "nato", "nata", "born", "sesso", "sex", "gender", "eta", "age", "cf", "cod",
    "codice", "id", "mrn", "nome", "tel",
];

/// What a report says of the one whom it is about, compared with a record.
#[derive(Debug, Default)]
struct Said {
    code: Option<bool>,
    birth: Option<bool>,
    name: Option<bool>,
    sex: Option<bool>,
}

/// Whether a text is about somebody else. `is_scan`: letters may be misread.
pub fn is_of_another(text: &str, is_scan: bool, person: &Person) -> bool {
    let mut said = Said::default();
    for line in lines(text) {
        if !line.lexemes.iter().any(|it| OTHERS.contains(&it.folded.as_str())) {
            said.hears(&line, is_scan, person);
        }
    }
    if said.code == Some(true) || said.birth == Some(true) {
        return false;
    }
    if is_scan {
        return said.name == Some(false);
    }
    said.code == Some(false)
        || said.birth == Some(false)
        || said.name == Some(false)
        || (said.sex == Some(false) && said.name != Some(true))
}

/// What is said once as it should be is no more undone.
fn note(known: &mut Option<bool>, agrees: Option<bool>) {
    if let Some(agrees) = agrees {
        *known = Some(agrees || *known == Some(true));
    }
}

impl Said {
    fn hears(&mut self, line: &Line<'_>, is_scan: bool, person: &Person) {
        let mut sexes = HashSet::new();
        for at in 0..line.lexemes.len() {
            note(&mut self.code, code(line, at, person));
            note(&mut self.birth, person.born_on.and_then(|born| birth(line, at, born)));
            note(&mut self.name, name(line, at).and_then(|name| agrees(&name, is_scan, person)));
            sexes.extend(sex(line, at));
        }
        if let (Some(own), false) = (person.sex, sexes.is_empty()) {
            note(&mut self.sex, Some(sexes.contains(&own)));
        }
    }
}

/// Whether a personal code here is the patient's: the same wherever it stands, another one behind a label of this line.
fn code(line: &Line<'_>, at: usize, person: &Person) -> Option<bool> {
    let word = &line.lexemes[at];
    let ours: FiscalCode = person.fiscal_code.as_deref()?.parse().ok()?;
    let theirs: FiscalCode = line.text[word.start..word.end].parse().ok()?;
    (ours.person().is_some() && theirs.person().is_some()).then_some(())?;
    let is_labelled = line.lexemes[..at].iter().any(|it| {
        it.folded.starts_with("fisc") || matches!(it.folded.as_str(), "cf" | "codice" | "cod" | "f")
    });
    (ours == theirs || is_labelled).then_some(ours == theirs)
}

/// Whether a day of birth here is this one, in whichever order it is written.
fn birth(line: &Line<'_>, at: usize, born: Date) -> Option<bool> {
    let read = |order| dates::day_at(line, at, Some(order)).map(|(day, _)| day);
    let days = [read(Order::DayFirst), read(Order::MonthFirst)];
    days.iter().flatten().next()?;
    let before = line.lexemes[..at].iter().rev().take(LABEL_LEXEMES);
    let mut before = before.take_while(|it| !matches!(it.kind, Kind::Date(_) | Kind::Number));
    let is_labelled = before.any(|it| BIRTH.contains(&it.folded.as_str()))
        || line.text[..line.lexemes[at].start]
            .to_lowercase()
            .trim_end_matches([' ', ':', '\t'])
            .ends_with("d.o.b.");
    is_labelled.then(|| days.contains(&Some(born)))
}

/// The words of a name whose label begins here.
fn name(line: &Line<'_>, at: usize) -> Option<Vec<String>> {
    let is_label = |label: &&&[&str]| {
        let words = line.lexemes[at..].iter().map(|it| it.folded.as_str());
        words.take(label.len()).eq(label.iter().copied())
    };
    let label = NAMED.iter().find(is_label)?;
    let colon = at + label.len();
    line.lexemes.get(colon).filter(|it| it.kind == Kind::Sign(':'))?;
    let cell = line.lexemes.get(colon + 1)?.cell;
    let words = line.lexemes[colon + 1..]
        .iter()
        .take_while(|it| {
            it.cell == cell && matches!(it.kind, Kind::Word | Kind::Sign(',' | '\'' | '’' | '-' | '.'))
        })
        .filter(|it| it.kind == Kind::Word)
        .take_while(|it| !NAME_ENDS.contains(&it.folded.as_str()));
    let words: Vec<_> = words.take(NAME_WORDS).collect();
    // `Paziente: in terapia` is no name.
    words.first().filter(|it| line.text[it.start..].starts_with(char::is_uppercase))?;
    Some(words.iter().map(|it| plain(&it.folded)).collect())
}

/// Whether a name has anything in common with the patient's. Initials say nothing.
fn agrees(name: &[String], is_scan: bool, person: &Person) -> Option<bool> {
    let ours = plain(&format!("{} {}", person.first_name, person.last_name));
    let is_name = |it: &&str| it.len() > 1;
    let ours: Vec<&str> = ours.split(' ').filter(is_name).collect();
    let theirs: Vec<&str> = name.iter().flat_map(|it| it.split(' ')).filter(is_name).collect();
    if ours.is_empty() || theirs.is_empty() {
        return None;
    }
    let is_same = |a: &str, b: &str| {
        let may_slip = is_scan && a.len().min(b.len()) >= ONE_SLIP_FROM;
        a == b || (may_slip && strsim::damerau_levenshtein(a, b) <= 1)
    };
    // `DELUCA`, `De Luca`: also as one word.
    let whole = |words: &[&str]| words.concat();
    let last = plain(&person.last_name).replace(' ', "");
    let has_last = last.len() >= ONE_SLIP_FROM && whole(&theirs).contains(&last);
    Some(has_last || theirs.iter().any(|it| ours.iter().any(|our| is_same(it, our))))
}

/// Without case, accents and marks.
fn plain(name: &str) -> String {
    let plain = deunicode::deunicode(name).to_lowercase().replace(['\'', '`'], "");
    let words: Vec<&str> =
        plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// The sex of a label that begins here: `Sesso: F`.
fn sex(line: &Line<'_>, at: usize) -> Option<Sex> {
    let [label, colon, value] = line.lexemes.get(at..at + 3)? else { return None };
    let is_label =
        matches!(label.folded.as_str(), "sesso" | "sex" | "gender") && colon.kind == Kind::Sign(':');
    match value.folded.as_str() {
        "f" | "femmina" | "femminile" | "female" if is_label => Some(Sex::Female),
        "m" | "maschio" | "maschile" | "male" if is_label => Some(Sex::Male),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn anna() -> Person {
        Person {
            first_name: "Anna Maria".to_owned(),
            last_name: "De Rossi".to_owned(),
            born_on: Some(date(1989, 4, 17)),
            fiscal_code: Some("RSSNMR89D57H501H".to_owned()),
            sex: Some(Sex::Female),
        }
    }

    #[track_caller]
    fn expect(is_another: bool, texts: &[&str]) {
        for text in texts {
            assert_eq!(is_of_another(text, false, &anna()), is_another, "{text}");
        }
    }

    #[test]
    fn what_says_nothing_of_anybody_is_nobody_elses() {
        expect(
            false,
            &[
                "",
                "FSH   7,2 mUI/mL",
                "Paziente: in terapia con progesterone",
                "Patient ID: 1289",
                "Paziente: A. R.",
                "Data prelievo: 03/02/2026",
                "Gentile Dott.ssa Bianchi, la paziente ha eseguito gli esami",
                "Partner: Verdi Luca   nato il 01/01/1985   Sesso: M",
                "Medico: VERDI GIOVANNI",
            ],
        );
    }

    #[test]
    fn what_is_the_patients_is_seen_in_many_ways_of_writing_it() {
        expect(
            false,
            &[
                "Paziente: ROSSI ANNA MARIA    Data di nascita: 17/04/1989",
                "Patient: Rossi, Anna   Date of birth: 04/17/1989",
                "Patient: Derossi A.   DOB 17 April 1989",
                "Cognome e nome: DEROSSI Anna",
                "Paziente: Bianchi Anna   nata a Reggio Emilia il 17.04.1989",
                "Patient Name: ANNNA ROSI   D.O.B.: 1989-04-17",
                "C.F.: RSSNMR89D57H501H   Paziente: VERDI MARTA",
                "Sesso: F",
                // A physician's own.
                "Dott. Verdi  C.F.: RSSMRA85T10A562S\nPaziente: De Rossi Anna, nata il 17/04/1989",
                "Paziente: De Rossi Anna   Sesso: M",
                "Paziente: VERDI MARTA  nata il 01/01/1980\nPaziente: ROSSI ANNA  nata il 17/04/1989",
            ],
        );
    }

    #[test]
    fn what_is_of_somebody_else_is_seen() {
        expect(
            true,
            &[
                "Paziente: BIANCHI GIOVANNI",
                "Paziente:  BIANCHI GIOVANNI    Data di nascita: 01/01/1970",
                "Paziente: ROSSI ANNA MARIA    Data di nascita: 17/04/1990",
                "ROSSI ANNA MARIA   nata il 18/04/1989",
                "Patient: SMITH, EMILY JANE",
                "Cod. fiscale: RSSMRA85T10A562S",
                "Sex: M",
            ],
        );
    }

    #[test]
    fn a_picture_is_asked_for_the_name_alone() {
        let said = |text: &str| is_of_another(text, true, &anna());
        assert!(!said("Paziente: R0SSI ANNA MARIA   Data di nascita: 17/04/1939"));
        assert!(!said("Paziente: ROSSL MARLA"));
        assert!(!said("Data di nascita: 17/04/1939"));
        assert!(said("Paziente: BIANCHI GIOVANNI"));
        assert!(!said("Paziente: BlANCHl ClOVANNl   Data di nascita: 17/04/1989"));
    }
}
