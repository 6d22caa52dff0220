//! Whose values follow: reports of couples have a part for each of them.
//!
//! Invariant: where it is not certain that a part is the patient's, it is not.

use super::{
    lines::{Kind, Line},
    words,
};
use crate::clinic::laboratory::flags::Sex;

/// A heading has few words: who it is, and a name.
const WORDS_MAX: usize = 8;

/// Whom a heading names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The patient, as far as the word goes.
    Patient,
    /// The partner of the patient.
    Partner,
    /// The one of the two who has this sex.
    OfSex(Sex),
}

/// The longest come first.
const HEADINGS: [(&str, Named); 22] = [
    ("partner maschile", Named::OfSex(Sex::Male)),
    ("partner maschio", Named::OfSex(Sex::Male)),
    ("male partner", Named::OfSex(Sex::Male)),
    ("paziente maschile", Named::OfSex(Sex::Male)),
    ("male patient", Named::OfSex(Sex::Male)),
    ("marito", Named::OfSex(Sex::Male)),
    ("husband", Named::OfSex(Sex::Male)),
    ("compagno", Named::OfSex(Sex::Male)),
    ("partner femminile", Named::OfSex(Sex::Female)),
    ("partner femmina", Named::OfSex(Sex::Female)),
    ("female partner", Named::OfSex(Sex::Female)),
    ("paziente femminile", Named::OfSex(Sex::Female)),
    ("female patient", Named::OfSex(Sex::Female)),
    ("moglie", Named::OfSex(Sex::Female)),
    ("wife", Named::OfSex(Sex::Female)),
    ("compagna", Named::OfSex(Sex::Female)),
    ("coniuge", Named::Partner),
    ("spouse", Named::Partner),
    ("partner", Named::Partner),
    ("dati del partner", Named::Partner),
    ("paziente", Named::Patient),
    ("patient", Named::Patient),
];

/// A heading that names somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heading {
    /// Whom.
    pub named: Named,
    /// Whether it is a label, `Paziente: Verdi Marta`, as pages have them at their top.
    pub is_label: bool,
}

/// Whom a line names, if it is a heading: `PARTNER MASCHILE (Verdi Luca)`. `Partner HIV negativo` is a sentence, and
/// `Patient ID 12` is none either.
pub fn heading(line: &Line<'_>) -> Option<Heading> {
    let cell = &line.lexemes[..line.cell_end(0)];
    let says_something = |it: &super::lines::Lexeme| matches!(it.kind, Kind::Number | Kind::Comparator(_));
    let words: Vec<&str> = cell
        .iter()
        .filter(|it| it.kind == Kind::Word)
        .map(|it| it.folded.as_str())
        .take(WORDS_MAX + 1)
        .collect();
    let joined = words.join(" ");
    let (phrase, named) = HEADINGS.iter().find(|(phrase, _)| {
        joined.strip_prefix(phrase).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })?;
    let length = phrase.split(' ').count();
    let last = cell.iter().enumerate().filter(|(_, it)| it.kind == Kind::Word).nth(length - 1)?.0;
    let is_label = cell.get(last + 1).is_some_and(|it| it.kind == Kind::Sign(':'));
    let has_finding = (0..cell.len()).any(|at| words::finding(line, at).is_some());
    // What follows is a name in brackets, behind a sign, or in capitals; anything else is a sentence.
    let is_name = cell.get(last + 1).is_none_or(|it| match it.kind {
        Kind::Word => line.text[it.start..].starts_with(char::is_uppercase),
        Kind::Sign(_) => true,
        _ => false,
    });
    let is_heading =
        words.len() <= WORDS_MAX && is_name && !has_finding && (is_label || !cell.iter().any(says_something));
    is_heading.then_some(Heading { named: *named, is_label })
}

/// Whose values are being read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Whose {
    /// Not the patient's.
    is_other: bool,
    /// A heading of the patient's own sex was there: `PAZIENTE` is the other one then.
    is_by_sex: bool,
    /// Somebody was named as the patient by a label.
    is_labelled: bool,
    /// The page on which the part of the other one began.
    page: u32,
}

impl Whose {
    /// Whether what follows is somebody else's.
    pub const fn is_other(self) -> bool {
        self.is_other
    }

    /// What a heading changes. `is_first`: nothing was read yet. True, if another part begins.
    pub fn changed(&mut self, heading: Heading, sex: Option<Sex>, line: &Line<'_>, is_first: bool) -> bool {
        let before = self.is_other;
        match heading.named {
            // `Paziente: Marta Verdi`, `Partner: Luca Verdi`: who they are, at the top.
            Named::Partner | Named::OfSex(_) if heading.is_label && is_first && self.is_labelled => {}
            Named::Partner => self.is_other = true,
            Named::OfSex(its) => {
                self.is_other = sex != Some(its);
                self.is_by_sex |= !self.is_other && heading.named != Named::Patient;
            }
            // The top of another page names the patient even where the other one's part goes on.
            Named::Patient if heading.is_label && self.is_other && self.page != line.page => {}
            Named::Patient if self.is_by_sex && sex == Some(Sex::Male) && !heading.is_label => {
                self.is_other = true;
            }
            Named::Patient => {
                self.is_labelled |= heading.is_label;
                self.is_other = false;
            }
        }
        if self.is_other && !before {
            self.page = line.page;
        }
        self.is_other != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::laboratory::grammar::lines::lines;

    fn named(text: &str) -> Option<(Named, bool)> {
        heading(&lines(text)[0]).map(|it| (it.named, it.is_label))
    }

    #[test]
    fn headings_name_somebody() {
        for (text, expected) in [
            ("PARTNER MASCHILE (Verdi Luca)", (Named::OfSex(Sex::Male), false)),
            ("Male partner - SEMEN ANALYSIS", (Named::OfSex(Sex::Male), false)),
            ("MARITO", (Named::OfSex(Sex::Male), false)),
            ("Partner: Verdi Luca   nato il 01/01/1985", (Named::Partner, true)),
            ("PARTNER VERDI LUCA", (Named::Partner, false)),
            ("FEMALE PARTNER", (Named::OfSex(Sex::Female), false)),
            ("PAZIENTE (Verdi Marta)", (Named::Patient, false)),
            ("Patient: Marta Verdi", (Named::Patient, true)),
        ] {
            assert_eq!(named(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn sentences_name_nobody() {
        for text in [
            "Partner HIV negativo",
            "Partner con azoospermia",
            "Paziente in terapia con progesterone",
            "La paziente assume progesterone",
            "Partnership",
            "FSH   7,2",
        ] {
            assert_eq!(named(text), None, "{text}");
        }
    }
}
