//! From follicles to words.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::scan::{ANTRAL, FollicleScan, Ovary};
use crate::clinic::rules::{
    checks::Refused, explained::Explained, references::Reference, sentences::Sentence,
};

/// The method, with its version.
const METHOD: &str = "sportello.follicle/1";
/// Fewer: low (POSEIDON).
const LOW: u16 = 5;
/// Fewer: borderline (the end of the range of the Bologna criteria).
const BORDERLINE: u16 = 7;
/// More: high (Humaidan).
const HIGH: u16 = 24;
/// In one ovary: polycystic morphology.
const POLYCYSTIC: u16 = 20;
/// As many millilitres of one ovary too.
const POLYCYSTIC_ML: f64 = 10.0;
/// From here, a follicle leads; in mm.
const LEADS: f64 = 10.0;
/// Final maturation is triggered at such a size.
const MATURE: RangeInclusive<f64> = 16.0..=22.0;
/// Larger is no longer physiological.
const PHYSIOLOGICAL: f64 = 30.0;
/// Counts for the response to stimulation.
const RESPONDS: f64 = 11.0;
/// More of those are a high response.
const RESPONSE_HIGH: usize = 18;
/// Days of the cycle on which antral follicles are counted.
const COUNTED_ON: RangeInclusive<u16> = 2..=4;

/// What response to stimulation the count lets expect; fewest follicles first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OvarianResponse)]
pub enum Response {
    /// Fewer than 5.
    Low,
    /// 5 or 6.
    Borderline,
    /// 7 to 24.
    Normal,
    /// More than 24.
    High,
}

/// How large the largest is; smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LeadingFollicle)]
pub enum Leading {
    /// Below 10 mm: none leads.
    Antral,
    /// From 10 mm.
    Growing,
    /// 16 to 22 mm.
    Mature,
    /// Above 22 mm.
    Large,
    /// Above 30 mm.
    Cystic,
}

/// What can be said of a scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FollicleAnalysis {
    /// Antral follicles of both ovaries.
    pub total_antral_follicles: Option<u16>,
    /// What response they let expect.
    pub response: Option<Response>,
    /// Whether an ovary looks polycystic.
    pub is_polycystic: Option<bool>,
    /// Diameter of the largest follicle that was measured.
    pub leading_mm: Option<f64>,
    /// What it is.
    pub leading: Option<Leading>,
    /// Follicles of 11 mm or more.
    pub from_11_mm: Option<u16>,
    /// Why.
    pub explained: Explained,
}

/// Grades a scan.
pub fn analyse(scan: &FollicleScan) -> Result<FollicleAnalysis, Refused> {
    scan.check()?;
    let mut explained = Explained::new(
        METHOD,
        &[
            Reference::Poseidon2016,
            Reference::Bologna2011,
            Reference::Humaidan2010,
            Reference::Pcos2023,
            Reference::Broekmans2010,
            Reference::Baerwald2012,
            Reference::EshreStimulation,
            Reference::Levine2010,
        ],
        &[Sentence::FollicleObserver, Sentence::FollicleWithoutHormone],
    );
    let total = scan.total();
    let response = total.map(response);
    let is_polycystic = polycystic(scan);
    let leading_mm = scan.sizes().reduce(f64::max);
    let leading = leading_mm.map(leading);
    let responding = scan.sizes().filter(|size| *size >= RESPONDS).count();
    explain_count(scan, response, &mut explained);
    explained.say_if(is_polycystic == Some(true), Sentence::FolliclePolycystic);
    if let Some(leading) = leading {
        explained.say(match leading {
            Leading::Antral => Sentence::FollicleNoneLeads,
            Leading::Growing => Sentence::FollicleGrowing,
            Leading::Mature => Sentence::FollicleMature,
            Leading::Large => Sentence::FollicleLarge,
            Leading::Cystic => Sentence::FollicleCystic,
        });
    }
    explained.say_if(responding > RESPONSE_HIGH, Sentence::FollicleHighResponse);
    Ok(FollicleAnalysis {
        total_antral_follicles: total,
        response,
        is_polycystic,
        leading_mm,
        leading,
        from_11_mm: leading_mm.map(|_| responding as u16),
        explained,
    })
}

const fn response(total: u16) -> Response {
    match total {
        0..LOW => Response::Low,
        LOW..BORDERLINE => Response::Borderline,
        BORDERLINE..=HIGH => Response::Normal,
        _ => Response::High,
    }
}

fn leading(size: f64) -> Leading {
    match size {
        it if it < LEADS => Leading::Antral,
        it if it < *MATURE.start() => Leading::Growing,
        it if it <= *MATURE.end() => Leading::Mature,
        it if it <= PHYSIOLOGICAL => Leading::Large,
        _ => Leading::Cystic,
    }
}

/// One ovary is enough for yes; for no, both must have been counted.
fn polycystic(scan: &FollicleScan) -> Option<bool> {
    let of = |ovary: &Ovary| {
        let has_dominant = ovary.follicles_mm.iter().any(|size| size > ANTRAL.end());
        let is_large = ovary.volume_ml.is_some_and(|it| it >= POLYCYSTIC_ML) && !has_dominant;
        let counted = ovary.antral_follicles.map(|it| it >= POLYCYSTIC);
        if is_large { Some(true) } else { counted }
    };
    let (left, right) = (scan.left.as_ref().and_then(of), scan.right.as_ref().and_then(of));
    match (left, right) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

fn explain_count(scan: &FollicleScan, response: Option<Response>, explained: &mut Explained) {
    let Some(response) = response else {
        let counted = |ovary: &Option<Ovary>| ovary.as_ref().is_some_and(|it| it.antral_follicles.is_some());
        explained.lacks(!counted(&scan.left), "/left/antral_follicles");
        explained.lacks(!counted(&scan.right), "/right/antral_follicles");
        return;
    };
    explained.say(match response {
        Response::Low => Sentence::FollicleLow,
        Response::Borderline => Sentence::FollicleBorderline,
        Response::Normal => Sentence::FollicleNormal,
        Response::High => Sentence::FollicleHigh,
    });
    match scan.cycle_day {
        Some(day) => explained.limit_if(!COUNTED_ON.contains(&day), Sentence::FollicleOtherDay),
        None => explained.limit_if(true, Sentence::FollicleDayUnknown),
    }
}
