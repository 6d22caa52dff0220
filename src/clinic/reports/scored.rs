//! A score on paper: each domain, what it was computed from with its points, and what was left out and why.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    figures::{day, number, range, rounded, short_day},
    page::{Say, fill},
};
use crate::clinic::rules::{
    score::{DomainScore, FertilityScore, Hormone, LeftOut, Measure, Reason, Used},
    sentences::Sentence,
};

impl Say {
    pub(super) fn score(&self, score: &FertilityScore) -> Value {
        let shown = |value: f64| rounded(value, 1, self.0);
        // What weighs on the number stands beside it, not pages later.
        let caution = score.limits.contains(&Sentence::ScoreLowCoverage);
        json!({
            "overall": score.overall.map(shown), "band": score.band, "coverage": score.coverage_percent,
            "caution": caution.then(|| self.sentence(Sentence::ScoreLowCoverage)),
            "method": score.method, "on": day(score.on, self.0),
            "domains": score.domains.iter().map(|it| self.domain(it)).collect::<Vec<_>>(),
            "left_out": self.left_out(&score.left_out),
            "critical": self.sentences(&score.critical), "positive": self.sentences(&score.positive),
            "recommendations": self.sentences(&score.recommendations), "improvement": score.improvement,
        })
    }

    fn domain(&self, it: &DomainScore) -> Value {
        let shown = |value: f64| rounded(value, 1, self.0);
        let input = |it: &Used| {
            json!({ "text": self.measured(&it.observed.measure), "day": short_day(it.observed.on, self.0),
                "points": shown(it.points) })
        };
        json!({ "domain": it.domain, "weight": it.weight, "score": it.score, "shown": it.score.map(shown), "band": it.band,
            "missing": it.missing, "inputs": it.inputs.iter().map(input).collect::<Vec<_>>() })
    }

    /// Of each kind and reason the newest, and how many there are.
    fn left_out(&self, all: &[LeftOut]) -> Vec<Value> {
        let mut kinds: BTreeMap<(String, Reason), (Option<Date>, &Measure, usize)> = BTreeMap::new();
        for it in all {
            let key = (self.called(&it.observed.measure), it.reason);
            let newest = kinds.entry(key).or_insert((it.observed.on, &it.observed.measure, 0));
            newest.2 += 1;
            if it.observed.on > newest.0 {
                (newest.0, newest.1) = (it.observed.on, &it.observed.measure);
            }
        }
        let left_out =
            |((_, reason), (on, measure, count)): ((String, Reason), (Option<Date>, &Measure, usize))| {
                let code = serde_json::to_value(reason).unwrap_or_default();
                let on = on.map_or_else(|| self.word("label", "not_dated"), |on| short_day(on, self.0));
                json!({ "text": self.measured(measure), "day": on, "count": count,
                "reason": self.word("left_out", code.as_str().unwrap_or_default()) })
            };
        kinds.into_iter().map(left_out).collect()
    }

    /// What is measured.
    fn called(&self, measure: &Measure) -> String {
        match measure {
            Measure::Hormone { hormone, .. } => self.word("analyte", analyte(*hormone)),
            Measure::GeneticTest { test, .. } => self.word("analyte", test),
            other => self.word("measure", other.code()),
        }
    }

    /// The word for one of a few answers.
    fn answer(&self, of: &str, found: &impl Serialize) -> String {
        let code = serde_json::to_value(found).unwrap_or_default();
        self.word("answer", &format!("{of}_{}", code.as_str().unwrap_or_default()))
    }

    /// Of which only the least is known.
    pub(super) fn at_least(&self, found: &str) -> String {
        fill(&self.word("answer", "at_least"), &found)
    }

    /// What is measured, and what was found.
    pub(super) fn measured(&self, measure: &Measure) -> String {
        let plain = |value: f64| number(&value.to_string(), self.0);
        let found = match measure {
            Measure::SpermTotal(value) => format!("{} × 10⁶", plain(*value)),
            Measure::SpermConcentration(value) => format!("{} × 10⁶/mL", plain(*value)),
            Measure::ProgressiveMotility(value) | Measure::NormalForms(value) => {
                format!("{} %", plain(*value))
            }
            Measure::Age(value) => format!("{} {}", plain(*value), self.word("answer", "years")),
            Measure::CycleLength(value) => format!("{} {}", plain(*value), self.word("answer", "days")),
            Measure::Ovulation(value) => self.answer("ovulation", value),
            Measure::Endometriosis(value) => self.answer("stage", value),
            Measure::Amh(value) => format!("{} ng/mL", plain(*value)),
            Measure::AntralFollicles(value) => plain(*value),
            Measure::Tubes(value) => self.answer("tubes", value),
            Measure::Cavity(level) | Measure::CavityFindings { level, is_at_least: false, .. } => {
                self.answer("cavity", level)
            }
            Measure::CavityFindings { level, .. } => self.at_least(&self.answer("cavity", level)),
            Measure::EndometrialThickness(value) => format!("{} mm", plain(*value)),
            Measure::Hormone { value, least, most, .. } => {
                let [least, most] = [least, most].map(|it| it.map(|it| it.to_string()));
                let range = range(least.as_deref(), most.as_deref(), self.0);
                if range.is_empty() { plain(*value) } else { format!("{} ({range})", plain(*value)) }
            }
            Measure::GeneticTest { result, .. } => self.answer("genetic", result),
            Measure::BodyMassIndex(value) => format!("{} kg/m²", rounded(*value, 1, self.0)),
            Measure::Cigarettes(value) => format!("{} {}", plain(*value), self.word("answer", "a_day")),
            Measure::Alcohol(value) => format!("{} {}", plain(*value), self.word("answer", "grams_a_week")),
        };
        format!("{}: {found}", self.called(measure))
    }
}

/// As the tables of values call it.
pub(super) const fn analyte(hormone: Hormone) -> &'static str {
    match hormone {
        Hormone::Fsh => "fsh",
        Hormone::Lh => "lh",
        Hormone::Estradiol => "estradiol",
        Hormone::Progesterone => "progesterone",
        Hormone::Prolactin => "prolactin",
        Hormone::Testosterone => "testosterone",
        Hormone::Tsh => "tsh",
        Hormone::FreeT4 => "ft4",
    }
}
