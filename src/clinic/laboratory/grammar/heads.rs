//! A name at the beginning of a cell: `S-FSH (ECLIA):`, `WBC - Globuli bianchi`, `Estradiolo (pg/mL)`.
//!
//! Invariant: an unknown word beside a name makes it unknown. `TSH receptor antibody` is not TSH, and `FSH e LH vanno
//! dosati` is a sentence.

use super::{
    lines::{Kind, Lexeme, Line},
    words,
};
use crate::clinic::laboratory::{
    names::{Analyte, Section, dictionary},
    units::{Unit, spelling},
};

/// Words before a name: `S-`, `Dosaggio`, `Serum`.
const LEADING_MAX: usize = 3;
/// Lexemes within brackets behind a name.
const BRACKETS_MAX: usize = 24;

/// A name that was found.
#[derive(Debug, Clone)]
pub struct Head {
    /// What it names.
    pub analyte: &'static Analyte,
    /// Where the rest of its row begins.
    pub end: usize,
    /// Printed with the name.
    pub unit: Option<Unit>,
    /// Whether only the section tells what it is.
    pub depends_on_section: bool,
}

/// The name that a cell begins with.
pub fn read(line: &Line<'_>, at: usize, section: Section) -> Option<Head> {
    let mut at = skip_signs(line, at);
    let mut is_antibody = false;
    for _ in 0..=LEADING_MAX {
        if let Some((analyte, length)) = dictionary::find(line.words(at).map(|(_, word)| word), section) {
            if is_antibody && !analyte.is_antibody() {
                return None;
            }
            let end = line.words(at).nth(length - 1).map(|(place, _)| place + 1)?;
            let name: Vec<&str> = line.words(at).take(length).map(|(_, word)| word).collect();
            // `F.S.H.`, but not letters that stand apart for whatever reason.
            if length > 1 && name.iter().all(|it| it.len() == 1) && !is_dotted(line, at, end) {
                return None;
            }
            if analyte.is_sentence() {
                return Some(Head { analyte, end, unit: None, depends_on_section: false });
            }
            let depends_on_section = !analyte.names.contains(&name.join(" ").as_str());
            return Suffix { line, analyte, section, at: end, unit: None }.read(depends_on_section);
        }
        let leading =
            line.lexemes.get(at).filter(|it| it.kind == Kind::Word && words::is_neutral(&it.folded))?;
        is_antibody |= words::is_antibody(&leading.folded);
        let cell = leading.cell;
        at = skip_signs(line, at + 1);
        line.lexemes.get(at).filter(|it| it.cell == cell)?;
    }
    None
}

/// Whether nothing but points stands between letters.
fn is_dotted(line: &Line<'_>, from: usize, to: usize) -> bool {
    (from..to - 1).all(|at| line.is_attached(at))
        && line.lexemes[from..to].iter().skip(1).step_by(2).all(|it| it.kind == Kind::Sign('.'))
}

fn skip_signs(line: &Line<'_>, mut at: usize) -> usize {
    while line
        .lexemes
        .get(at)
        .is_some_and(|it| matches!(it.kind, Kind::Sign('-' | '*' | '•' | '·' | '.' | '–' | '>')))
    {
        at += 1;
    }
    at
}

/// What stands behind a name in its cell.
struct Suffix<'l, 't> {
    line: &'l Line<'t>,
    analyte: &'static Analyte,
    section: Section,
    at: usize,
    unit: Option<Unit>,
}

impl Suffix<'_, '_> {
    fn read(mut self, depends_on_section: bool) -> Option<Head> {
        let cell = self.line.lexemes[self.at - 1].cell;
        while let Some(lexeme) = self.line.lexemes.get(self.at).filter(|it| it.cell == cell) {
            match lexeme.kind {
                Kind::Sign(':' | '=') => {
                    self.at += 1;
                    break;
                }
                Kind::Sign('(' | '[') => {
                    if !self.brackets()? {
                        break;
                    }
                }
                Kind::Word if self.hour() => {}
                Kind::Word | Kind::Sign('%' | '/') if self.unit_here() => {}
                // The value begins, and is less than 0.
                Kind::Sign(_) if self.line.is_minus(self.at) => break,
                Kind::Sign(
                    '-' | '–' | '/' | ',' | '.' | '\'' | '’' | '+' | '&' | '°' | '_' | ')' | ']' | ';',
                ) => self.at += 1,
                Kind::Word => {
                    if !self.word()? {
                        break;
                    }
                }
                Kind::Number if self.ordinal() => {}
                // The value begins.
                Kind::Number | Kind::Comparator(_) | Kind::Sign(_) | Kind::Date(_) => break,
            }
        }
        Some(Head { analyte: self.analyte, end: self.at, unit: self.unit, depends_on_section })
    }

    /// Past `ore 8`, `day 3`.
    fn hour(&mut self) -> bool {
        let lexeme = &self.line.lexemes[self.at];
        let next = |by: usize| {
            self.line.lexemes.get(self.at + by).filter(|it| it.cell == lexeme.cell && it.kind == Kind::Number)
        };
        let is_it = next(1).is_some_and(|it| match lexeme.folded.as_str() {
            "ore" | "h" => is_time(&it.folded),
            "day" | "giorno" => it.folded.len() <= 2,
            _ => false,
        });
        if is_it {
            // `8:30`
            let has_minutes = next(3).is_some()
                && matches!(self.line.lexemes[self.at + 2].kind, Kind::Sign(':'))
                && self.line.is_attached(self.at + 1)
                && self.line.is_attached(self.at + 2);
            self.at += if has_minutes { 4 } else { 2 };
        }
        is_it
    }

    /// `FSH mUI/mL`, `Forme normali %`.
    fn unit_here(&mut self) -> bool {
        let Some((unit, length)) = spelling::read(&self.line.text[self.line.lexemes[self.at].start..]) else {
            return false;
        };
        let end = self.line.lexemes[self.at].start + length;
        self.at = self.line.lexeme_from(self.at, end);
        self.unit.get_or_insert(unit);
        true
    }

    /// Past a bracket: a unit, a remark. False, if a range begins; nothing, if it makes the name another one.
    fn brackets(&mut self) -> Option<bool> {
        let inside = self.at + 1;
        let cell = self.line.lexemes[self.at].cell;
        let reach = self.line.lexemes.iter().enumerate().skip(inside).take(BRACKETS_MAX);
        let mut in_cell = reach.take_while(|(_, it)| it.cell == cell);
        let Some(close) =
            in_cell.find(|(_, it)| matches!(it.kind, Kind::Sign(')' | ']'))).map(|(place, _)| place)
        else {
            self.at += 1;
            return Some(true);
        };
        let content = &self.line.lexemes[inside..close];
        let makes_it_another = |it: &Lexeme| {
            let is_against = words::is_antibody(&it.folded) && !self.analyte.is_antibody();
            it.kind == Kind::Word && (is_against || words::makes_it_another(&it.folded))
        };
        if content.iter().any(makes_it_another) {
            return None;
        }
        let Some(first) = content.first() else {
            self.at = close + 1;
            return Some(true);
        };
        if let Some((unit, length)) = spelling::read(&self.line.text[first.start..])
            && first.start + length == self.line.lexemes[close - 1].end
        {
            self.unit.get_or_insert(unit);
        } else if matches!(first.kind, Kind::Comparator(_)) || is_two_numbers(content) {
            return Some(false);
        }
        self.at = close + 1;
        Some(true)
    }

    /// Past a word that does not change the name. False, if a value in words begins; nothing, if it changes the name.
    fn word(&mut self) -> Option<bool> {
        let lexeme = &self.line.lexemes[self.at];
        let word = lexeme.folded.as_str();
        let again = dictionary::find(self.line.words(self.at).map(|(_, word)| word), self.section);
        if let Some((_, length)) = again.filter(|(analyte, _)| *analyte == self.analyte) {
            let last = self.line.words(self.at).nth(length - 1).map(|(place, _)| place)?;
            self.at = last + 1;
            return Some(true);
        }
        if words::finding(self.line, self.at).is_some() || words::label(self.line, self.at).is_some() {
            return Some(false);
        }
        if words::is_antibody(word) && !self.analyte.is_antibody() {
            return None;
        }
        // `al 3° giorno`
        let is_of_day = words::is_of_day(word) && self.at + 1 < self.line.cell_end(self.at);
        if words::is_neutral(word)
            || words::is_verb(word)
            || (is_of_day && self.line.is_ordinal_number(self.at + 1))
        {
            self.at += 1;
            return Some(true);
        }
        if words::is_about(word) {
            return Some(false);
        }
        // A flag before the value: `TSH H 5,2`.
        matches!(&self.line.text[lexeme.start..lexeme.end], "H" | "L").then_some(false)
    }

    /// Past `3a`, `4th`, `3° giorno`.
    fn ordinal(&mut self) -> bool {
        let is_ordinal = self.line.is_ordinal(self.at);
        if is_ordinal {
            self.at += 2;
            let is_day =
                |it: &Lexeme| matches!(it.folded.as_str(), "giorno" | "giornata" | "g" | "gg" | "day");
            self.at += usize::from(self.line.lexemes.get(self.at).is_some_and(is_day));
        }
        is_ordinal
    }
}

/// `8`, `08`, `8.30`
fn is_time(number: &str) -> bool {
    let (hour, minutes) = number.split_once(['.', ',']).unwrap_or((number, "00"));
    hour.len() <= 2 && minutes.len() == 2
}

/// `3,5 - 12,5`
fn is_two_numbers(content: &[super::lines::Lexeme]) -> bool {
    matches!(content, [first, _, last, ..] if first.kind == Kind::Number && last.kind == Kind::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::laboratory::grammar::lines::lines;

    fn named(text: &str, section: Section) -> Option<(&'static str, String)> {
        let lines = lines(text);
        let head = read(&lines[0], 0, section)?;
        let rest = lines[0].lexemes.get(head.end).map_or("", |it| &lines[0].text[it.start..]);
        Some((head.analyte.code, rest.to_owned()))
    }

    #[test]
    fn names_stand_in_many_company() {
        for (text, code, rest) in [
            ("FSH   7,2", "fsh", "7,2"),
            ("S-FSH: 7,2 mUI/mL", "fsh", "7,2 mUI/mL"),
            ("Ormone follicolo-stimolante (FSH)  7,2", "fsh", "7,2"),
            ("WBC - Globuli bianchi   6,4", "leukocytes", "6,4"),
            ("Estradiolo (pg/mL)   41", "estradiol", "41"),
            ("TSH, 3rd generation   1,8", "tsh", "1,8"),
            ("Serum FSH  8.1", "fsh", "8.1"),
            ("FSH (3,5 - 12,5) 7,2", "fsh", "(3,5 - 12,5) 7,2"),
            ("HIV 1/2 Ag/Ab (Combo)   Negativo", "hiv", "Negativo"),
            ("HBsAg Negativo", "hbsag", "Negativo"),
            ("S-Cortisolo ore 8   14,2", "cortisol", "14,2"),
            ("Testosterone, free   9.1", "free_testosterone", "9.1"),
            ("* AMH < 0,1", "amh", "< 0,1"),
        ] {
            assert_eq!(named(text, Section::General), Some((code, rest.to_owned())), "{text}");
        }
        assert_eq!(named("Volume   2,8 mL", Section::Semen).map(|it| it.0), Some("semen_volume"));
        assert!(
            lines("Forme normali %   5").iter().all(|it| read(it, 0, Section::Semen).unwrap().unit.is_some())
        );
    }

    #[test]
    fn an_unknown_word_makes_a_name_unknown() {
        for text in [
            "TSH receptor antibody 0.9",
            "FSH e LH vanno dosati tra il 2° e il 5° giorno",
            "Hemoglobin F   0.4",
            "Testosterone, bioavailable   188",
            "Glucosio (urine)   2",
            "Urine glucose   2",
            "In terapia con progesterone 200 mg",
            "Estradiol, sensitive, LC/MS dilution factor   10",
            "",
            "12,5",
        ] {
            assert_eq!(named(text, Section::General), None, "{text}");
        }
    }
}
