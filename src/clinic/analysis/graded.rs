//! Analyses that grade, made of the values of one document: those of the newest day, each as it was printed.
//!
//! Values that are only bounded (`< 1`) are left out: a rule that compares numbers would take the bound for the value. A page that
//! names somebody else makes up nothing until it is confirmed to be the patient's.

use jiff::civil::Date;

use super::read::Read;
use crate::clinic::{
    analyses::{Graded, Input},
    laboratory::{
        flags::Sex,
        grammar::rows::Value,
        names::Group,
        report::{self, Reading},
    },
    rules::{
        follicle::{ANTRAL, FollicleScan, Ovary},
        semen::Semen,
        sentences::Sentence,
    },
    values::{Place, canonical},
};

/// An analysis that a document makes up.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// What was given, and what came out.
    pub graded: Graded,
    /// When it was seen.
    pub observed_on: Date,
    /// Which of its kind; empty if there is one.
    pub item: String,
    /// What people call it.
    pub label: String,
    /// Where it stands.
    pub places: Vec<Place>,
    /// Whether it was described in words, not measured.
    pub is_described: bool,
}

/// What came of grading values of a kind, or what is described.
#[derive(Debug, Clone, PartialEq)]
pub enum Grading {
    /// They make up an analysis.
    Done(Box<Made>),
    /// They contradict each other.
    Refused,
    /// It is not said of which day they are.
    Undated,
    /// Only the other sex has it.
    OtherSex,
}

impl Grading {
    /// The analysis, if it is one.
    pub fn made(&self) -> Option<&Made> {
        if let Self::Done(made) = self { Some(made) } else { None }
    }

    /// What is said of it among the findings.
    pub const fn sentence(&self) -> Sentence {
        match self {
            Self::Done(made) if made.is_described => Sentence::DocumentDescribed,
            Self::Done(_) => Sentence::DocumentGraded,
            Self::Refused => Sentence::DocumentGradingRefused,
            Self::Undated => Sentence::DocumentGradingUndated,
            Self::OtherSex => Sentence::DocumentOtherSex,
        }
    }
}

/// What the values of a document make up, at most one analysis of each kind, and what it describes.
pub fn of(read: &Read) -> Vec<Grading> {
    let values =
        [(Group::Semen, semen_of as fn(&Day<'_>) -> Option<Input>), (Group::OvarianUltrasound, follicle_of)];
    let measured = values.into_iter().filter_map(|(group, input)| {
        let is_of = |it: &Reading| it.analyte.group == group && !read.is_in_question(it.place.page);
        let day = newest(&read.values, is_of)?;
        let places: Vec<Place> = day.1.iter().take(PLACES_MAX).map(|it| place(it.place)).collect();
        Some(graded((input(&day)?, read.sex), day.0, |made| Made { places, ..made }))
    });
    let is_in_question = |place: &Place| read.is_in_question(place.page.cast_unsigned());
    let of_patient = read.descriptions.found.iter().filter(|it| !it.places.iter().any(is_in_question));
    let described = of_patient.map(|it| match it.input.clone() {
        None => Grading::Refused,
        Some(input) => graded((input, read.sex), it.day, |made| Made {
            item: it.item.clone(),
            label: it.label.clone(),
            places: it.places.clone(),
            is_described: true,
            ..made
        }),
    });
    measured.chain(described).collect()
}

/// Nobody looks at more places of one analysis.
const PLACES_MAX: usize = 100;

/// Their day and they.
type Day<'r> = (Option<Date>, Vec<&'r Reading>);

/// Those of the newest day; those without one, if no other has one.
fn newest(values: &[Reading], is_of: impl Fn(&Reading) -> bool) -> Option<Day<'_>> {
    let of: Vec<&Reading> = values.iter().filter(|it| is_of(it)).collect();
    let day = of.iter().map(|it| it.date).max()?;
    Some((day, of.into_iter().filter(|it| it.date == day).collect()))
}

/// Where a value stands, in its line.
fn place(it: report::Place) -> Place {
    let small = |it: usize| i32::try_from(it).unwrap_or(i32::MAX);
    let (start, end) = (small(it.start - it.line_start), small(it.end - it.line_start));
    Place { page: it.page.cast_signed(), line: it.line.cast_signed(), start, end }
}

/// A number in its canonical unit; nothing, if it is only bounded.
fn number(values: &[&Reading], code: &str) -> Option<f64> {
    let reading = values.iter().find(|it| it.analyte.code == code)?;
    let Value::Number(None, number) = reading.value else { return None };
    canonical::of(reading.analyte, number, reading.unit.as_ref()).map(|(it, _)| it.to_f64())
}

fn semen_of((_, values): &Day<'_>) -> Option<Input> {
    let of = |code| number(values, code);
    let semen = Semen {
        volume_ml: of("semen_volume"),
        ph: of("semen_ph"),
        concentration_million_per_ml: of("sperm_concentration"),
        total_million: of("sperm_total"),
        total_motility_percent: of("sperm_motility_total"),
        progressive_percent: of("sperm_motility_progressive"),
        non_progressive_percent: of("sperm_motility_nonprogressive"),
        immotile_percent: of("sperm_immotile"),
        vitality_percent: of("sperm_vitality"),
        normal_forms_percent: of("sperm_morphology_normal"),
        leukocytes_million_per_ml: of("semen_leukocytes"),
        abstinence_days: of("semen_abstinence"),
        liquefaction_minutes: of("semen_liquefaction"),
        pellet: None,
    };
    (semen != Semen::default()).then_some(Input::Semen(semen))
}

fn follicle_of((_, values): &Day<'_>) -> Option<Input> {
    let of = |code| number(values, code);
    let whole = |code| of(code).filter(|it| it.fract() == 0.0 && *it <= 1000.0).map(|it| it as u16);
    let is_led = values.iter().any(|it| it.analyte.code == "dominant_follicle")
        && of("dominant_follicle").is_none_or(|size| size > *ANTRAL.end());
    let ovary = |antral, volume| {
        // Whose follicle it is, is not said: then no ovary is judged by its volume.
        let volume_ml = of(volume).filter(|_| !is_led);
        let ovary = Ovary { antral_follicles: whole(antral), volume_ml, follicles_mm: Vec::new() };
        (ovary != Ovary::default()).then_some(ovary)
    };
    let scan = FollicleScan {
        left: ovary("afc_left", "ovary_volume_left"),
        right: ovary("afc_right", "ovary_volume_right"),
        total_antral_follicles: whole("afc"),
        cycle_day: None,
    };
    (scan != FollicleScan::default()).then_some(Input::Follicle(scan))
}

fn graded((input, sex): (Input, Option<Sex>), day: Option<Date>, with: impl FnOnce(Made) -> Made) -> Grading {
    let is_other = |graded: &Graded| graded.kind().only_of().zip(sex).is_some_and(|(only, own)| only != own);
    let (graded, observed_on) = match (input.grade(), day) {
        (Err(_), _) => return Grading::Refused,
        (Ok(graded), _) if is_other(&graded) => return Grading::OtherSex,
        (Ok(_), None) => return Grading::Undated,
        (Ok(graded), Some(day)) => (graded, day),
    };
    let (item, label, places) = (String::new(), String::new(), Vec::new());
    Grading::Done(Box::new(with(Made { graded, observed_on, item, label, places, is_described: false })))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::clinic::{
        analysis::read::read,
        documents::pages::PageText,
        laboratory::{flags::Sex, identity::Person},
        reading::Origin,
    };

    fn gradings(text: &str, sex: Option<Sex>) -> Vec<Grading> {
        let page = PageText {
            number: 1,
            width: 1.0,
            height: 1.0,
            origin: Origin::Text,
            text: text.to_owned(),
            again: None,
        };
        let person = Person { sex, ..Person::of_sex(Sex::Male) };
        of(&read(vec![page], (&person, false), date(2026, 3, 20)))
    }

    #[test]
    fn what_only_the_other_sex_has_is_not_graded() {
        let semen = "SPERMIOGRAMMA\nData prelievo: 03/02/2026\nVolume   2,8 mL\n";
        let oocytes = "Data del pick-up: 03/02/2026\nOvociti recuperati 3\nMII 2 / MI 1\n";
        let made = |text: &str, sex| {
            let all = gradings(text, sex);
            (all.iter().filter(|it| it.made().is_some()).count(), all.contains(&Grading::OtherSex))
        };
        assert_eq!(made(semen, Some(Sex::Female)), (0, false), "there is no value of it");
        assert_eq!(made(semen, None), (1, false));
        assert_eq!(made(oocytes, Some(Sex::Male)), (0, true));
        assert_eq!(made(oocytes, Some(Sex::Female)), (2, false));
    }

    #[test]
    fn a_semen_analysis_is_graded_as_it_was_printed() {
        let found = gradings(
            "SPERMIOGRAMMA\nData prelievo: 03/02/2026\nVolume   2,8 mL\nConcentrazione spermatozoi   9 milioni/mL\n\
             Motilità progressiva   25 %\nForme normali   3 %\n",
            Some(Sex::Male),
        );
        let [Grading::Done(made)] = found.as_slice() else { panic!("{found:?}") };
        let Graded::Semen { input, .. } = &made.graded else { panic!("{made:?}") };
        assert_eq!((made.observed_on, input.concentration_million_per_ml), (date(2026, 2, 3), Some(9.0)));
        assert_eq!(made.graded.explained().method, "sportello.semen/1");
        let lines: Vec<_> = made.places.iter().map(|it| (it.page, it.line, it.start)).collect();
        assert_eq!(lines, [(1, 3, 0), (1, 4, 0), (1, 5, 0), (1, 6, 0)]);
    }

    #[test]
    fn by_its_volume_no_ovary_is_polycystic_while_a_follicle_leads_in_one_of_them() {
        let of = |text: &str| {
            let text =
                format!("Data prelievo: 03/02/2026\nAFC destro   9\nVolume ovaio destro   12 mL\n{text}\n");
            let found = gradings(&text, Some(Sex::Female));
            let [Grading::Done(made)] = found.as_slice() else { panic!("{found:?}") };
            let Graded::Follicle { result, .. } = &made.graded else { panic!("{made:?}") };
            result.is_polycystic
        };
        assert_eq!(of(""), Some(true));
        assert_eq!(
            of("Follicolo dominante   9 mm"),
            Some(true),
            "an antral one does not make an ovary large"
        );
        assert_eq!(of("Follicolo dominante   19 mm"), None);
        assert_eq!(of("Follicolo dominante   > 9 mm"), None, "how large is not said");
    }

    #[test]
    fn without_a_day_and_with_contradictions_nothing_is_graded() {
        let undated = gradings("SPERMIOGRAMMA\nVolume   2,8 mL\n", Some(Sex::Male));
        assert_eq!(undated, [Grading::Undated]);
        let wrong = gradings(
            "SPERMIOGRAMMA\nData prelievo: 03/02/2026\nMotilità progressiva   80 %\nMotilità totale   20 %\n",
            Some(Sex::Male),
        );
        assert_eq!(wrong, [Grading::Refused]);
        assert!(gradings("FSH   7,2 mUI/mL\n", Some(Sex::Male)).is_empty());
    }
}
