//! From graded analyses to values that count: what a result does not say, gives nothing.

use super::measure::{CavityFinding, Measure};
use crate::clinic::rules::{
    follicle::FollicleAnalysis,
    hysteroscopy::{Finding, FindingKind, HysteroscopyAnalysis},
    semen::{SemenAnalysis, SemenParameter, SemenTerm},
};

impl SemenAnalysis {
    /// What of it counts; no ejaculate is no spermatozoa. Those that only the pellet shows were not counted: the number is none.
    pub fn measures(&self) -> Vec<Measure> {
        let none = self.terms.contains(&SemenTerm::Aspermia).then_some(Measure::SpermTotal(0.0));
        let values = self.values.iter().filter_map(|it| {
            Some(match it.parameter {
                SemenParameter::TotalNumber => Measure::SpermTotal(it.value),
                SemenParameter::Concentration => Measure::SpermConcentration(it.value),
                SemenParameter::Progressive => Measure::ProgressiveMotility(it.value),
                SemenParameter::NormalForms => Measure::NormalForms(it.value),
                _ => return None,
            })
        });
        values.filter(|_| none.is_none()).chain(none.clone()).collect()
    }
}

impl FollicleAnalysis {
    /// What of it counts.
    pub fn measures(&self) -> Vec<Measure> {
        self.total_antral_follicles.map(|it| Measure::AntralFollicles(it.into())).into_iter().collect()
    }
}

impl HysteroscopyAnalysis {
    /// What of it counts.
    pub fn measures(&self) -> Vec<Measure> {
        let mut found: Vec<_> = self.findings.iter().filter_map(Finding::to_discuss).collect();
        found.sort_unstable();
        found.dedup();
        let level = self.level.or(self.level_at_least);
        let measure = |level| match self.level {
            Some(level) if found.is_empty() => Measure::Cavity(level),
            known => Measure::CavityFindings { level, is_at_least: known.is_none(), found },
        };
        level.map(measure).into_iter().collect()
    }
}

impl Finding {
    fn to_discuss(&self) -> Option<CavityFinding> {
        Some(match self.kind {
            FindingKind::Polyp => CavityFinding::Polyp,
            FindingKind::Myoma if self.is_submucous() => CavityFinding::SubmucousMyoma,
            FindingKind::Adhesions => CavityFinding::Adhesions,
            FindingKind::Septum if !self.is_slight() => CavityFinding::Septum,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clinic::rules::{
        follicle::{self, FollicleScan},
        hysteroscopy::{self, Hysteroscopy, Level},
        semen::{self, Pellet, Semen},
    };

    #[test]
    fn few_spermatozoa_are_not_none() {
        let semen = Semen {
            volume_ml: Some(2.0),
            concentration_million_per_ml: Some(0.002),
            progressive_percent: Some(50.0),
            ..Semen::default()
        };
        assert_eq!(semen::analyse(&semen).unwrap().measures()[0], Measure::SpermTotal(0.004));
        let crypto = Semen {
            concentration_million_per_ml: Some(0.0),
            pellet: Some(Pellet::Present),
            ..Semen::default()
        };
        assert_eq!(
            semen::analyse(&crypto).unwrap().measures(),
            [Measure::SpermTotal(0.0), Measure::SpermConcentration(0.0)],
            "none were counted, which is what is said of it"
        );
    }

    #[test]
    fn analyses_give_what_they_say_and_nothing_else() {
        let semen = Semen {
            volume_ml: Some(2.0),
            concentration_million_per_ml: Some(30.0),
            progressive_percent: Some(40.0),
            ..Semen::default()
        };
        assert_eq!(
            semen::analyse(&semen).unwrap().measures(),
            [
                Measure::SpermTotal(60.0),
                Measure::SpermConcentration(30.0),
                Measure::ProgressiveMotility(40.0)
            ]
        );
        let aspermia = Semen { volume_ml: Some(0.0), ..Semen::default() };
        assert_eq!(semen::analyse(&aspermia).unwrap().measures(), [Measure::SpermTotal(0.0)]);
        let scan = FollicleScan { total_antral_follicles: Some(12), ..FollicleScan::default() };
        assert_eq!(follicle::analyse(&scan).unwrap().measures(), [Measure::AntralFollicles(12.0)]);
        assert!(semen::analyse(&Semen::default()).unwrap().measures().is_empty());
        assert!(follicle::analyse(&FollicleScan::default()).unwrap().measures().is_empty());
        assert!(hysteroscopy::analyse(&Hysteroscopy::default()).unwrap().measures().is_empty());
    }

    #[test]
    fn a_cavity_that_is_not_wholly_described_counts_with_what_it_is_at_least() {
        let seen = |given| {
            let seen: Hysteroscopy = serde_json::from_value(given).unwrap();
            hysteroscopy::analyse(&seen).unwrap().measures()
        };
        let adhesions = json!({ "adhesions": { "extent": "over_two_thirds", "kind": "dense" } });
        let found = vec![CavityFinding::Adhesions];
        assert_eq!(
            seen(adhesions),
            [Measure::CavityFindings { level: Level::Moderate, is_at_least: true, found }]
        );
        let severe = json!({ "myomas": [{ "figo": 1, "size_mm": 45.0 }, { "figo": 4 }] });
        let found = vec![CavityFinding::SubmucousMyoma];
        assert_eq!(
            seen(severe),
            [Measure::CavityFindings { level: Level::Severe, is_at_least: false, found }]
        );
        let slight = json!({ "septum": { "indentation_mm": 4.0, "wall_mm": 10.0 } });
        assert_eq!(
            seen(slight),
            [Measure::CavityFindings { level: Level::Minor, is_at_least: true, found: vec![] }]
        );
        assert_eq!(seen(json!({ "polyps": [] })), [], "nothing found is not normal");
    }
}
