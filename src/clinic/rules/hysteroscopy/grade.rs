//! From findings to the whole.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    findings::{Finding, FindingKind, Level, UterineClass, endometritis},
    input::{Adhesions, Endometrium, Hysteroscopy, Myoma, Polyp, Septum},
};
use crate::clinic::rules::{
    checks::Refused, explained::Explained, references::Reference, sentences::Sentence,
};

/// The method, with its version.
const METHOD: &str = "sportello.hysteroscopy/2";

/// What can be said of a hysteroscopy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HysteroscopyAnalysis {
    /// The worst of what was found; none only if everything was seen and described.
    pub level: Option<Level>,
    /// What it is at least, whatever was not seen or described; the same, if the level is known.
    pub level_at_least: Option<Level>,
    /// What was found, heaviest first.
    pub findings: Vec<Finding>,
    /// Class of the uterus, as far as the indentation says it.
    pub uterine_class: Option<UterineClass>,
    /// Whether histology would decide something that was found.
    pub is_biopsy_suggested: Option<bool>,
    /// Why.
    pub explained: Explained,
}

/// Grades a hysteroscopy.
pub fn analyse(seen: &Hysteroscopy) -> Result<HysteroscopyAnalysis, Refused> {
    seen.check()?;
    let mut explained = Explained::new(
        METHOD,
        &[
            Reference::FigoMyoma,
            Reference::Afs1988,
            Reference::AaglEsge2017,
            Reference::EshreEsge2013,
            Reference::AsrmSeptum2016,
            Reference::AaglPolyps2012,
            Reference::Cicinelli2019,
            Reference::ThisSoftware,
        ],
        &[Sentence::HysteroscopyObserver],
    );
    let mut findings = findings(seen);
    // Those without a level come first: somebody has to look at them.
    findings.sort_by(|a, b| {
        let key = |it: &Finding| (it.level.is_some(), std::cmp::Reverse(it.level), it.kind);
        let by_size = || b.size_mm.unwrap_or(0.0).total_cmp(&a.size_mm.unwrap_or(0.0));
        key(a).cmp(&key(b)).then_with(by_size).then_with(|| a.class.cmp(&b.class))
    });
    let gaps = gaps(seen);
    explained.missing.extend(gaps.iter().map(|it| (*it).to_owned()));
    let level = level(&findings, gaps.is_empty());
    let level_at_least = level.or_else(|| findings.iter().filter_map(|it| it.level_at_least).max());
    if level.is_none() {
        explained.say_if(level_at_least == Some(Level::Minor), Sentence::HysteroscopyAtLeastMinor);
        explained.say_if(level_at_least == Some(Level::Moderate), Sentence::HysteroscopyAtLeastModerate);
    }
    explain(seen, &findings, level, &mut explained);
    let is_biopsy_suggested = if findings.iter().any(|it| is_for_histology(it.kind)) {
        Some(true)
    } else {
        let is_described =
            seen.polyps.is_some() && seen.endometrium.is_some() && seen.endometritis_signs.is_some();
        is_described.then_some(false)
    };
    explained.say_if(is_biopsy_suggested == Some(true), Sentence::HysteroscopyBiopsy);
    let uterine_class = uterine_class(seen);
    Ok(HysteroscopyAnalysis {
        level,
        level_at_least,
        findings,
        uterine_class,
        is_biopsy_suggested,
        explained,
    })
}

fn findings(seen: &Hysteroscopy) -> Vec<Finding> {
    let polyps = seen.polyps.iter().flatten().copied().map(Polyp::finding);
    let myomas = seen.myomas.iter().flatten().copied().map(Myoma::finding);
    let adhesions = match seen.adhesions {
        Some(it) => Some(it.finding()),
        None => (seen.has_adhesions == Some(true)).then(Adhesions::undescribed),
    };
    let septum = match seen.septum {
        Some(it) => it.finding(),
        None => (seen.has_indentation == Some(true)).then(Septum::undescribed),
    };
    let has_signs = seen.endometritis_signs.as_ref().is_some_and(|it| !it.is_empty());
    let mut all: Vec<_> = polyps.chain(myomas).collect();
    all.extend(adhesions);
    all.extend(septum);
    all.extend(seen.endometrium.and_then(Endometrium::finding));
    all.extend(has_signs.then(endometritis));
    all
}

/// What was not described.
fn gaps(seen: &Hysteroscopy) -> Vec<&'static str> {
    let all = [
        ("/is_complete", seen.is_complete == Some(true)),
        ("/polyps", seen.polyps.is_some()),
        ("/myomas", seen.myomas.is_some()),
        ("/has_adhesions", seen.has_adhesions.is_some() || seen.adhesions.is_some()),
        ("/has_indentation", seen.has_indentation.is_some() || seen.septum.is_some()),
        ("/endometrium", seen.endometrium.is_some()),
        ("/endometritis_signs", seen.endometritis_signs.is_some()),
    ];
    all.into_iter().filter(|(_, is_there)| !is_there).map(|(pointer, _)| pointer).collect()
}

/// The worst; a severe finding is the worst whatever was not described.
fn level(findings: &[Finding], is_whole: bool) -> Option<Level> {
    let worst = findings.iter().map(|it| it.level).max().unwrap_or(Some(Level::None));
    let is_certain = is_whole && findings.iter().all(|it| it.level.is_some());
    if is_certain || worst == Some(Level::Severe) { worst } else { None }
}

const fn is_for_histology(kind: FindingKind) -> bool {
    matches!(kind, FindingKind::Polyp | FindingKind::Hyperplasia | FindingKind::Endometritis)
}

fn uterine_class(seen: &Hysteroscopy) -> Option<UterineClass> {
    match seen.septum {
        Some(septum) => septum.class(),
        None => (seen.has_indentation == Some(false)).then_some(UterineClass::U0),
    }
}

fn explain(seen: &Hysteroscopy, findings: &[Finding], level: Option<Level>, explained: &mut Explained) {
    explained.say_if(level == Some(Level::None), Sentence::HysteroscopyNormal);
    for finding in findings {
        explained.say(match finding.kind {
            FindingKind::Polyp => Sentence::HysteroscopyPolyp,
            FindingKind::Myoma if finding.is_submucous() => Sentence::HysteroscopyMyomaInside,
            FindingKind::Myoma => Sentence::HysteroscopyMyomaOutside,
            FindingKind::Adhesions => Sentence::HysteroscopyAdhesions,
            FindingKind::Septum => Sentence::HysteroscopySeptum,
            FindingKind::Hyperplasia => Sentence::HysteroscopyHyperplasia,
            FindingKind::Atrophy => Sentence::HysteroscopyAtrophy,
            FindingKind::Endometritis => Sentence::HysteroscopyEndometritis,
        });
    }
    explain_details(seen, explained);
    if let Some(adhesions) = seen.adhesions.filter(|it| it.afs().is_none()) {
        explained.lacks(adhesions.extent.is_none(), "/adhesions/extent");
        explained.lacks(adhesions.kind.is_none(), "/adhesions/kind");
        explained.lacks(adhesions.menses.is_none(), "/adhesions/menses");
    }
    let Some(septum) = seen.septum else { return };
    explained.say_if(septum.is_deep(), Sentence::HysteroscopyDeep);
    let is_open = septum.class().is_none();
    explained.lacks(is_open && septum.wall_mm.is_none(), "/septum/wall_mm");
    let lacks_contour = is_open && septum.external_indentation_mm.is_none();
    explained.lacks(lacks_contour, "/septum/external_indentation_mm");
    explained.limit_if(lacks_contour, Sentence::HysteroscopyOuterContour);
    let lacks_os = septum.class() == Some(UterineClass::U2);
    explained.lacks(lacks_os, "/septum/reaches_internal_os");
}

/// Details without which a finding has no level.
fn explain_details(seen: &Hysteroscopy, explained: &mut Explained) {
    for (index, polyp) in seen.polyps.iter().flatten().enumerate() {
        explained.lacks(polyp.finding().level.is_none(), &format!("/polyps/{index}/size_mm"));
    }
    for (index, myoma) in seen.myomas.iter().flatten().enumerate() {
        explained.lacks(myoma.finding().level.is_none(), &format!("/myomas/{index}/size_mm"));
    }
    explained.lacks(seen.has_adhesions == Some(true) && seen.adhesions.is_none(), "/adhesions");
    explained.lacks(seen.has_indentation == Some(true) && seen.septum.is_none(), "/septum");
}
