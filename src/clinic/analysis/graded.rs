//! Analyses that grade, made of the values of one document: those of the newest day, each as it was printed.
//!
//! Values that are only bounded (`< 1`) are left out: a rule that compares numbers would take the bound for the value.

use jiff::civil::Date;

use super::read::Read;
use crate::clinic::{
    analyses::{Graded, Input},
    laboratory::{grammar::rows::Value, names::Group, report::Reading},
    rules::{
        follicle::{FollicleScan, Ovary},
        semen::Semen,
        sentences::Sentence,
    },
    values::canonical,
};

/// What came of grading values of a kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Grading {
    /// They make up an analysis, of this day.
    Done(Box<Graded>, Date),
    /// They contradict each other.
    Refused,
    /// It is not said of which day they are.
    Undated,
}

impl Grading {
    /// What is said of it among the findings.
    pub const fn sentence(&self) -> Sentence {
        match self {
            Self::Done(..) => Sentence::DocumentGraded,
            Self::Refused => Sentence::DocumentGradingRefused,
            Self::Undated => Sentence::DocumentGradingUndated,
        }
    }
}

/// What the values of a document make up: at most one analysis of each kind.
pub fn of(read: &Read) -> Vec<Grading> {
    let semen = newest(&read.values, |it| it.analyte.group == Group::Semen).and_then(semen_of);
    let follicle = newest(&read.values, |it| it.analyte.group == Group::OvarianUltrasound);
    semen.into_iter().chain(follicle.and_then(follicle_of)).collect()
}

type Day<'r> = (Option<Date>, Vec<&'r Reading>);

/// Those of the newest day; those without one, if no other has one.
fn newest(values: &[Reading], is_of: impl Fn(&Reading) -> bool) -> Option<Day<'_>> {
    let of: Vec<&Reading> = values.iter().filter(|it| is_of(it)).collect();
    let day = of.iter().map(|it| it.date).max()?;
    Some((day, of.into_iter().filter(|it| it.date == day).collect()))
}

/// A number in its canonical unit; nothing, if it is only bounded.
fn number(values: &[&Reading], code: &str) -> Option<f64> {
    let reading = values.iter().find(|it| it.analyte.code == code)?;
    let Value::Number(None, number) = reading.value else { return None };
    canonical::of(reading.analyte, number, reading.unit.as_ref()).map(|(it, _)| it.to_f64())
}

fn semen_of((day, values): Day<'_>) -> Option<Grading> {
    let of = |code| number(&values, code);
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
    if semen == Semen::default() {
        return None;
    }
    Some(graded(day, Input::Semen(semen)))
}

fn follicle_of((day, values): Day<'_>) -> Option<Grading> {
    let of = |code| number(&values, code);
    let whole = |code| of(code).filter(|it| it.fract() == 0.0 && *it <= 1000.0).map(|it| it as u16);
    let ovary = |antral, volume| {
        let ovary =
            Ovary { antral_follicles: whole(antral), volume_ml: of(volume), follicles_mm: Vec::new() };
        (ovary != Ovary::default()).then_some(ovary)
    };
    let scan = FollicleScan {
        left: ovary("afc_left", "ovary_volume_left"),
        right: ovary("afc_right", "ovary_volume_right"),
        total_antral_follicles: whole("afc"),
        cycle_day: None,
    };
    if scan == FollicleScan::default() {
        return None;
    }
    Some(graded(day, Input::Follicle(scan)))
}

fn graded(day: Option<Date>, input: Input) -> Grading {
    match (input.grade(), day) {
        (Err(_), _) => Grading::Refused,
        (Ok(_), None) => Grading::Undated,
        (Ok(graded), Some(day)) => Grading::Done(Box::new(graded), day),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::clinic::{analysis::read::read, documents::pages::PageText, patients::Sex, reading::Origin};

    fn gradings(text: &str) -> Vec<Grading> {
        let page = PageText {
            number: 1,
            width: 1.0,
            height: 1.0,
            origin: Origin::Text,
            text: text.to_owned(),
            again: None,
        };
        of(&read(vec![page], Sex::Male, date(2026, 3, 20)))
    }

    #[test]
    fn a_semen_analysis_is_graded_as_it_was_printed() {
        let found = gradings(
            "SPERMIOGRAMMA\nData prelievo: 03/02/2026\nVolume   2,8 mL\nConcentrazione spermatozoi   9 milioni/mL\n\
             Motilità progressiva   25 %\nForme normali   3 %\n",
        );
        let [Grading::Done(graded, day)] = found.as_slice() else { panic!("{found:?}") };
        let Graded::Semen { input, .. } = &**graded else { panic!("{graded:?}") };
        assert_eq!((*day, input.concentration_million_per_ml), (date(2026, 2, 3), Some(9.0)));
        assert_eq!(graded.explained().method, "sportello.semen/1");
    }

    #[test]
    fn without_a_day_and_with_contradictions_nothing_is_graded() {
        let undated = gradings("SPERMIOGRAMMA\nVolume   2,8 mL\n");
        assert_eq!(undated, [Grading::Undated]);
        let wrong = gradings(
            "SPERMIOGRAMMA\nData prelievo: 03/02/2026\nMotilità progressiva   80 %\nMotilità totale   20 %\n",
        );
        assert_eq!(wrong, [Grading::Refused]);
        assert!(gradings("FSH   7,2 mUI/mL\n").is_empty());
    }
}
