//! Which pages of a report say of themselves that they are about somebody else than the patient in whose record it lies.
//!
//! Rules for each page, a convention of this software, the surest first:
//! 1. the patient's codice fiscale, or day of birth, stands in it: it is the patient's;
//! 2. it prints another personal codice fiscale behind its label, or another day of birth: it is somebody else's;
//! 3. a label names somebody who has not the patient's last name, or with it another first name: it is somebody else's;
//! 4. it prints the other sex, and not the patient's name: it is somebody else's.
//!
//! Letters and digits of pictures may be misread: of them only rule 1 is asked, and whether a name has nothing in common with the
//! patient's. What is said of partners, children and physicians is not said of the patient.
//!
//! Invariant: a page that says nothing of whom it is about is nobody else's.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{
    dates::{self, Order},
    flags::Sex,
    grammar::lines::{Kind, Lexeme, Line, lines},
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

/// Lexemes before a day in which its label stands: `nata a Reggio nell'Emilia (RE) il giorno`.
const LABEL_LEXEMES: usize = 14;
/// Lines at the top of a page.
const HEAD_LINES: u32 = 20;
/// Words behind a label that are a name.
const NAME_WORDS: usize = 8;
/// Names of so many letters may be misread in one of them, if they are of a picture.
const ONE_SLIP_FROM: usize = 4;
/// Words that make a day one of birth.
const BIRTH: [&str; 8] = ["nascita", "nato", "nata", "birth", "born", "dob", "birthdate", "birthday"];
/// Lines with these are about the other one of a couple.
const PARTNERS: [&str; 9] =
    ["partner", "coniuge", "spouse", "marito", "moglie", "husband", "wife", "compagno", "compagna"];
/// With these before it a day of birth is that of a child, a relative or a physician.
const RELATED: [&str; 25] = [
    "figlio",
    "figlia",
    "figli",
    "bambino",
    "bambina",
    "neonato",
    "parto",
    "parti",
    "vivo",
    "madre",
    "padre",
    "medico",
    "dott",
    "dr",
    "child",
    "children",
    "son",
    "daughter",
    "baby",
    "live",
    "delivery",
    "mother",
    "father",
    "physician",
    "doctor",
];
/// Before a colon they say that a name follows; the longest first.
const NAMED: [&[&str]; 17] = [
    &["nome", "del", "paziente"],
    &["cognome", "e", "nome"],
    &["nome", "e", "cognome"],
    &["cognome", "nome"],
    &["nome", "cognome"],
    &["nome", "paziente"],
    &["patient", "name"],
    &["last", "name"],
    &["cognome"],
    &["surname"],
    &["nominativo"],
    &["paziente"],
    &["patient"],
    &["assistito"],
    &["assistita"],
    &["nome"],
    &["name"],
];
/// A name ends where these begin.
const NAME_ENDS: [&str; 18] = [
    "data", "date", "dob", "nato", "nata", "born", "sesso", "sex", "gender", "eta", "age", "cf", "cod",
    "codice", "id", "mrn", "nome", "tel",
];
/// Behind a label they say something else than a name.
const NO_NAMES: [&str; 24] = [
    "regime",
    "ssn",
    "esterno",
    "esterna",
    "esterni",
    "interno",
    "interna",
    "ambulatoriale",
    "ricoverato",
    "ricoverata",
    "privato",
    "privata",
    "convenzionato",
    "digiuno",
    "donna",
    "uomo",
    "terapia",
    "anonimo",
    "fasting",
    "outpatient",
    "inpatient",
    "unknown",
    "external",
    "routine",
];

/// `De Rossi` and `De Luca` have nothing in common, nor have `Sig.ra Rossi` and `Sig.ra Verdi`.
const PARTICLES: [&str; 25] = [
    "de", "di", "da", "del", "della", "dei", "la", "lo", "le", "van", "von", "der", "el", "al", "dos", "sig",
    "ra", "sigra", "signora", "mr", "mrs", "ms", "miss", "dott", "ssa",
];

/// What a page says of the one whom it is about, compared with a record.
#[derive(Debug, Default)]
struct Said {
    code: Option<bool>,
    birth: Option<bool>,
    name: Option<bool>,
    sex: Option<bool>,
}

/// The pages of a text that are about somebody else. `is_picture`: whether letters of a page may be misread.
pub fn pages_of_another(text: &str, is_picture: impl Fn(u32) -> bool, person: &Person) -> Vec<u32> {
    let mut pages: BTreeMap<u32, Said> = BTreeMap::new();
    for line in lines(text) {
        if !line.lexemes.iter().any(|it| PARTNERS.contains(&it.folded.as_str())) {
            pages.entry(line.page).or_default().hears(&line, is_picture(line.page), person);
        }
    }
    let others = pages.iter().filter(|(page, said)| said.is_another(is_picture(**page)));
    others.map(|(page, _)| *page).collect()
}

/// What is said once as it should be is no more undone.
fn note(known: &mut Option<bool>, agrees: Option<bool>) {
    if let Some(agrees) = agrees {
        *known = Some(agrees || *known == Some(true));
    }
}

impl Said {
    fn is_another(&self, is_picture: bool) -> bool {
        if self.code == Some(true) || self.birth == Some(true) {
            return false;
        }
        if is_picture {
            return self.name == Some(false);
        }
        self.code == Some(false)
            || self.birth == Some(false)
            || self.name == Some(false)
            || (self.sex == Some(false) && self.name != Some(true))
    }

    fn hears(&mut self, line: &Line<'_>, is_picture: bool, person: &Person) {
        for at in 0..line.lexemes.len() {
            note(&mut self.code, code(line, at, person));
            note(&mut self.birth, person.born_on.and_then(|born| birth(line, at, born)));
            note(&mut self.name, name(line, at).and_then(|name| name.agrees(is_picture, person)));
            note(&mut self.sex, sex(line, at).zip(person.sex).map(|(said, own)| said == own));
        }
    }
}

/// Whether a personal code here is the patient's: the same wherever it stands, another one behind a label of this line.
fn code(line: &Line<'_>, at: usize, person: &Person) -> Option<bool> {
    let word = &line.lexemes[at];
    let ours: FiscalCode = person.fiscal_code.as_deref()?.parse().ok()?;
    let theirs: FiscalCode = line.text[word.start..word.end].parse().ok()?;
    (ours.person().is_some() && theirs.person().is_some()).then_some(())?;
    let is_label = |it: &Lexeme| {
        it.folded.starts_with("fisc") || matches!(it.folded.as_str(), "cf" | "codice" | "cod" | "f")
    };
    let is_labelled = line.lexemes[..at].iter().any(is_label);
    (ours == theirs || is_labelled).then_some(ours == theirs)
}

/// Whether a day of birth here is this one, in whichever order it is written.
fn birth(line: &Line<'_>, at: usize, born: Date) -> Option<bool> {
    let read = |order| dates::day_at(line, at, Some(order)).map(|(day, _)| day);
    let lexeme = &line.lexemes[at];
    let days = [read(Order::DayFirst), read(Order::MonthFirst), with_points(lexeme, born)];
    days.iter().flatten().next()?;
    let before = line.lexemes[..at].iter().rev().take(LABEL_LEXEMES);
    let words: Vec<&str> = before
        .take_while(|it| !matches!(it.kind, Kind::Date(_) | Kind::Number))
        .map(|it| it.folded.as_str())
        .collect();
    let label = line.text[..lexeme.start].to_lowercase();
    let is_dob = label.trim_end_matches([' ', ':', '.', '\t']).ends_with("d.o.b");
    let is_labelled = (words.iter().any(|it| BIRTH.contains(it)) || is_dob) && !is_related(line, at);
    is_labelled.then(|| days.contains(&Some(born)))
}

/// Whether somebody else than the patient is named before a day: in its own cell, or in the one before.
fn is_related(line: &Line<'_>, at: usize) -> bool {
    let cell = line.lexemes[at].cell;
    let mut near = line.lexemes[..at].iter().filter(|it| it.cell + 1 >= cell);
    near.any(|it| RELATED.contains(&it.folded.as_str()))
}

/// `01.01.70`: two points and short figures, which elsewhere are the number of a chapter.
fn with_points(lexeme: &Lexeme, born: Date) -> Option<Date> {
    let parts: Vec<&str> = lexeme.folded.split('.').collect();
    let [day, month, year] = parts.as_slice() else { return None };
    let is_short = lexeme.kind == Kind::Number && parts.iter().all(|it| it.len() == 2);
    let year: i16 = year.parse().ok().filter(|_| is_short)?;
    // Of the two centuries it can be the one that is right.
    let century = if born.year() % 100 == year { born.year() - year } else { 1900 };
    Date::new(century + year, month.parse().ok()?, day.parse().ok()?).ok()
}

/// The words behind a label.
struct Name {
    words: Vec<String>,
    /// Whether the label asks for the last name alone.
    is_last: bool,
}

/// A name whose label begins here.
fn name(line: &Line<'_>, at: usize) -> Option<Name> {
    let is_label = |label: &&&[&str]| {
        let words = line.lexemes[at..].iter().map(|it| it.folded.as_str());
        words.take(label.len()).eq(label.iter().copied())
    };
    let label = NAMED.iter().find(is_label)?;
    // `Name` alone names patients at the top of pages, and tests below it.
    let is_vague = matches!(**label, ["nome" | "name"]) && line.number > HEAD_LINES;
    // `Last name`, `Nome del medico`: part of another label.
    let is_part = !line.is_head(at) && line.lexemes[at - 1].kind == Kind::Word;
    let colon = at + label.len();
    line.lexemes.get(colon).filter(|it| it.kind == Kind::Sign(':') && !is_part && !is_vague)?;
    let cell = line.lexemes.get(colon + 1)?.cell;
    let is_of_name = |it: &&Lexeme| {
        it.cell == cell && matches!(it.kind, Kind::Word | Kind::Sign(',' | '\'' | '’' | '-' | '.'))
    };
    let words = line.lexemes[colon + 1..].iter().take_while(is_of_name).filter(|it| it.kind == Kind::Word);
    let words: Vec<&Lexeme> =
        words.take_while(|it| !NAME_ENDS.contains(&it.folded.as_str())).take(NAME_WORDS).collect();
    // `Paziente: in terapia`, `Paziente: A digiuno` are no names.
    let is_name = |it: &&Lexeme| {
        line.text[it.start..].starts_with(char::is_uppercase) && !NO_NAMES.contains(&it.folded.as_str())
    };
    let words = words.iter().all(is_name).then(|| words.iter().map(|it| plain(&it.folded)).collect())?;
    Some(Name { words, is_last: matches!(**label, ["cognome" | "surname"] | ["last", "name"]) })
}

impl Name {
    /// Whether it is the patient's; nothing, if it says too little. Initials say nothing.
    fn agrees(&self, is_picture: bool, person: &Person) -> Option<bool> {
        let is_name = |it: &&str| it.len() > 1 && !PARTICLES.contains(it);
        let (first, last) = (plain(&person.first_name), plain(&person.last_name));
        let theirs: Vec<&str> = self.words.iter().flat_map(|it| it.split(' ')).filter(is_name).collect();
        // `DELUCA`, `De Luca`: also as one word.
        let is_known = |known: &str, it: &str| {
            let is_part = it.len() >= ONE_SLIP_FROM && known.replace(' ', "").contains(it);
            is_part || known.split(' ').filter(is_name).any(|our| is_same(our, it, is_picture))
        };
        let (lasts, rest): (Vec<&str>, Vec<&str>) = theirs.iter().partition(|it| is_known(&last, it));
        let has_last = !lasts.is_empty();
        let has_first = rest.iter().any(|it| is_known(&first, it));
        if plain(&format!("{first} {last}")).is_empty() || theirs.is_empty() {
            return None;
        }
        if is_picture {
            return (has_last || has_first || theirs.len() > 1).then_some(has_last || has_first);
        }
        match (has_last, has_first) {
            (true, _) if rest.is_empty() => Some(true),
            (true, has_first) => Some(has_first),
            (false, _) => (theirs.len() > 1 || self.is_last).then_some(false),
        }
    }
}

fn is_same(a: &str, b: &str, may_slip: bool) -> bool {
    let may_slip = may_slip && a.len().min(b.len()) >= ONE_SLIP_FROM;
    a == b || (may_slip && strsim::damerau_levenshtein(a, b) <= 1)
}

/// Without case, accents and marks.
fn plain(name: &str) -> String {
    let plain = deunicode::deunicode(name).to_lowercase().replace(['\'', '`'], "");
    let words: Vec<&str> =
        plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// The sex of a label that begins here: `Sesso: F`, `Sex M`.
fn sex(line: &Line<'_>, at: usize) -> Option<Sex> {
    let label = &line.lexemes[at];
    matches!(label.folded.as_str(), "sesso" | "sex" | "gender").then_some(())?;
    let mut rest = line.lexemes[at + 1..].iter();
    let value = rest.find(|it| it.kind != Kind::Sign(':'))?;
    match value.folded.as_str() {
        "f" | "femmina" | "femminile" | "female" => Some(Sex::Female),
        "m" | "maschio" | "maschile" | "male" => Some(Sex::Male),
        _ => None,
    }
}
