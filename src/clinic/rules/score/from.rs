//! From graded analyses to values that count: what a result does not say, gives nothing.

use super::measure::Measure;
use crate::clinic::rules::{
    follicle::FollicleAnalysis,
    hysteroscopy::HysteroscopyAnalysis,
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
        self.level.map(Measure::Cavity).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::rules::{
        follicle::{self, FollicleScan},
        hysteroscopy::{self, Hysteroscopy},
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
}
