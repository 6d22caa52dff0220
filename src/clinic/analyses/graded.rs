//! An input of a kind, and what its rule says of it.

use postgres_types::Json;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::clinic::{
    laboratory::flags::Sex,
    rules::{
        checks::Refused,
        embryo::{self, Embryo, EmbryoAnalysis},
        explained::Explained,
        follicle::{self, FollicleAnalysis, FollicleScan, Ovary},
        hysteroscopy::{self, Hysteroscopy, HysteroscopyAnalysis},
        oocyte::{self, Oocyte, OocyteAnalysis},
        score::Measure,
        semen::{self, Semen, SemenAnalysis},
    },
};

stored! {
    /// What is graded.
    Kind as AnalysisKind {
        /// An examination of semen.
        Semen = "semen",
        /// An oocyte.
        Oocyte = "oocyte",
        /// An embryo.
        Embryo = "embryo",
        /// An ultrasound of the ovaries.
        Follicle = "follicle",
        /// A hysteroscopy.
        Hysteroscopy = "hysteroscopy",
    }
}

impl Kind {
    /// From its stored name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// Who alone can have it; an embryo is of both.
    pub const fn only_of(self) -> Option<Sex> {
        match self {
            Self::Semen => Some(Sex::Male),
            Self::Oocyte | Self::Follicle | Self::Hysteroscopy => Some(Sex::Female),
            Self::Embryo => None,
        }
    }
}

/// What is given, by its kind.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "kind", content = "input", rename_all = "snake_case")]
#[schema(as = AnalysisInput)]
pub enum Input {
    /// Values of an examination of semen.
    Semen(Semen),
    /// What is seen of an oocyte.
    Oocyte(Oocyte),
    /// What is seen of an embryo.
    Embryo(Embryo),
    /// What an ultrasound of the ovaries shows.
    Follicle(FollicleScan),
    /// What was seen of the cavity.
    Hysteroscopy(Hysteroscopy),
}

/// What was given and what came out, by the kind.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = AnalysisGraded)]
#[expect(missing_docs, reason = "what was given, and what its rule says")]
pub enum Graded {
    /// Semen.
    Semen { input: Semen, result: SemenAnalysis },
    /// An oocyte.
    Oocyte { input: Oocyte, result: OocyteAnalysis },
    /// An embryo.
    Embryo { input: Embryo, result: EmbryoAnalysis },
    /// An ultrasound of the ovaries.
    Follicle { input: FollicleScan, result: FollicleAnalysis },
    /// A hysteroscopy.
    Hysteroscopy { input: Hysteroscopy, result: HysteroscopyAnalysis },
}

impl Input {
    /// Grades it; everything that cannot be is refused at once, with pointers into the input. So is what says nothing: of it a
    /// result would have nothing but limits.
    pub fn grade(self) -> Result<Graded, Refused> {
        let has_finding = self.has_finding();
        let graded = match self {
            Self::Semen(input) => Graded::Semen { result: semen::analyse(&input)?, input },
            Self::Oocyte(input) => Graded::Oocyte { result: oocyte::analyse(&input)?, input },
            Self::Embryo(input) => Graded::Embryo { result: embryo::analyse(&input)?, input },
            Self::Follicle(input) => Graded::Follicle { result: follicle::analyse(&input)?, input },
            Self::Hysteroscopy(input) => {
                Graded::Hysteroscopy { result: hysteroscopy::analyse(&input)?, input }
            }
        };
        if has_finding { Ok(graded) } else { Err(Refused::no_finding()) }
    }

    /// Whether anything is said of what was looked at. The stage of an embryo, days and that all was seen are no findings; an
    /// empty list of what was looked for is one.
    fn has_finding(&self) -> bool {
        match self {
            Self::Semen(it) => Semen { abstinence_days: None, ..*it } != Semen::default(),
            Self::Oocyte(it) => *it != Oocyte::default(),
            Self::Embryo(it) => it.has_finding(),
            Self::Follicle(it) => {
                let is_seen = [&it.left, &it.right].into_iter().flatten().any(|it| *it != Ovary::default());
                is_seen || it.total_antral_follicles.is_some()
            }
            Self::Hysteroscopy(it) => {
                Hysteroscopy { is_complete: None, ..it.clone() } != Hysteroscopy::default()
            }
        }
    }

    /// As it was stored.
    pub fn stored(kind: Kind, input: Value) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            Kind::Semen => Self::Semen(serde_json::from_value(input)?),
            Kind::Oocyte => Self::Oocyte(serde_json::from_value(input)?),
            Kind::Embryo => Self::Embryo(serde_json::from_value(input)?),
            Kind::Follicle => Self::Follicle(serde_json::from_value(input)?),
            Kind::Hysteroscopy => Self::Hysteroscopy(serde_json::from_value(input)?),
        })
    }
}

impl Graded {
    /// Which.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Semen { .. } => Kind::Semen,
            Self::Oocyte { .. } => Kind::Oocyte,
            Self::Embryo { .. } => Kind::Embryo,
            Self::Follicle { .. } => Kind::Follicle,
            Self::Hysteroscopy { .. } => Kind::Hysteroscopy,
        }
    }

    /// Why it is what it is.
    pub const fn explained(&self) -> &Explained {
        match self {
            Self::Semen { result, .. } => &result.explained,
            Self::Oocyte { result, .. } => &result.explained,
            Self::Embryo { result, .. } => &result.explained,
            Self::Follicle { result, .. } => &result.explained,
            Self::Hysteroscopy { result, .. } => &result.explained,
        }
    }

    /// What of it counts in the fertility score. How an oocyte or an embryo looks says nothing of the couple's next one.
    pub fn measures(&self) -> Vec<Measure> {
        match self {
            Self::Semen { result, .. } => result.measures(),
            Self::Follicle { result, .. } => result.measures(),
            Self::Hysteroscopy { result, .. } => result.measures(),
            Self::Oocyte { .. } | Self::Embryo { .. } => Vec::new(),
        }
    }

    /// What was given, as it is stored.
    pub fn input(&self) -> Result<Value, serde_json::Error> {
        Ok(self.columns()?.0)
    }

    /// What was given and what came out, as they are stored.
    pub(super) fn columns(&self) -> Result<(Value, Value), serde_json::Error> {
        fn both(
            input: &impl Serialize,
            result: &impl Serialize,
        ) -> Result<(Value, Value), serde_json::Error> {
            Ok((serde_json::to_value(input)?, serde_json::to_value(result)?))
        }
        match self {
            Self::Semen { input, result } => both(input, result),
            Self::Oocyte { input, result } => both(input, result),
            Self::Embryo { input, result } => both(input, result),
            Self::Follicle { input, result } => both(input, result),
            Self::Hysteroscopy { input, result } => both(input, result),
        }
    }

    /// From a row with `kind`, `input` and `result`.
    pub(super) fn from_row(row: &Row) -> Self {
        let kind = Kind::of(row.get("kind")).expect("a constraint lists the kinds");
        match kind {
            Kind::Semen => Self::Semen { input: json(row, "input"), result: json(row, "result") },
            Kind::Oocyte => Self::Oocyte { input: json(row, "input"), result: json(row, "result") },
            Kind::Embryo => Self::Embryo { input: json(row, "input"), result: json(row, "result") },
            Kind::Follicle => Self::Follicle { input: json(row, "input"), result: json(row, "result") },
            Kind::Hysteroscopy => {
                Self::Hysteroscopy { input: json(row, "input"), result: json(row, "result") }
            }
        }
    }

    /// How heavy what was found is at least, in the words of the grade, if the grade is not known but that is.
    pub fn grade_at_least(&self) -> Option<String> {
        let Self::Hysteroscopy { result, .. } = self else { return None };
        let least = result.level_at_least.filter(|_| result.level.is_none());
        serde_json::to_value(least?).ok()?.as_str().map(str::to_owned)
    }

    /// The whole in one word, as the result has it, if it says one.
    pub fn grade(&self) -> Option<String> {
        fn word(grade: Option<impl Serialize>) -> Option<String> {
            serde_json::to_value(grade?).ok()?.as_str().map(str::to_owned)
        }
        match self {
            Self::Semen { result, .. } => word(result.grade),
            Self::Oocyte { result, .. } => word(result.grade),
            Self::Embryo { result, .. } => word(result.quality),
            Self::Follicle { result, .. } => word(result.response),
            Self::Hysteroscopy { result, .. } => word(result.level),
        }
    }
}

fn json<T: for<'d> serde::Deserialize<'d>>(row: &Row, column: &str) -> T {
    row.get::<_, Json<T>>(column).0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Graded, Input, Kind, Refused};

    /// One of every kind, with the word that its result comes to.
    fn examples() -> [(Kind, serde_json::Value, &'static str); 5] {
        [
            (
                Kind::Semen,
                json!({ "concentration_million_per_ml": 40.0, "volume_ml": 3.0, "progressive_percent": 45.0,
                "normal_forms_percent": 6.0 }),
                "within_reference",
            ),
            (Kind::Oocyte, json!({ "maturity": "germinal_vesicle" }), "not_suitable"),
            (Kind::Embryo, json!({ "stage": "morula", "compaction": "whole" }), "good"),
            (Kind::Follicle, json!({ "total_antral_follicles": 12 }), "normal"),
            (
                Kind::Hysteroscopy,
                json!({ "myomas": [{ "figo": 1, "figo_serosa": null, "size_mm": 45.0 }] }),
                "severe",
            ),
        ]
    }

    #[test]
    fn every_kind_is_read_graded_and_described_by_the_same_name() {
        for (kind, given, word) in examples() {
            let input = Input::stored(kind, given).unwrap();
            assert_eq!(serde_json::to_value(&input).unwrap()["kind"], kind.as_str());
            let graded = input.clone().grade().unwrap();
            assert_eq!((graded.kind(), graded.grade().as_deref()), (kind, Some(word)));
            let shown = serde_json::to_value(&graded).unwrap();
            assert_eq!(shown["kind"], kind.as_str());
            let (stored, result) = graded.columns().unwrap();
            assert_eq!((&shown["input"], &shown["result"]), (&stored, &result));
            assert_eq!(Input::stored(kind, stored).unwrap(), input);
            assert!(!graded.explained().limits.is_empty());
            assert_eq!(Kind::of(kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn what_says_nothing_is_refused_as_a_whole() {
        let grade = |kind, given| Input::stored(kind, given).unwrap().grade();
        for (kind, given, finding) in [
            (Kind::Semen, json!({}), json!({ "ph": 7.4 })),
            (Kind::Semen, json!({ "abstinence_days": 3.0 }), json!({ "pellet": "absent" })),
            (Kind::Oocyte, json!({}), json!({ "cumulus": "compact" })),
            (
                Kind::Embryo,
                json!({ "stage": "cleavage", "day": 3 }),
                json!({ "stage": "cleavage", "day": 3, "cells": 8 }),
            ),
            (Kind::Embryo, json!({ "stage": "morula" }), json!({ "stage": "morula", "compaction": "most" })),
            (
                Kind::Embryo,
                json!({ "stage": "blastocyst", "day": 5 }),
                json!({ "stage": "blastocyst", "expansion": 1 }),
            ),
            (Kind::Follicle, json!({ "left": {}, "cycle_day": 3 }), json!({ "left": { "volume_ml": 6.0 } })),
            (Kind::Hysteroscopy, json!({ "is_complete": true }), json!({ "polyps": [] })),
        ] {
            assert_eq!(grade(kind, given), Err(Refused::no_finding()), "{kind:?}");
            assert!(grade(kind, finding).is_ok(), "{kind:?}");
        }
    }

    #[test]
    fn what_an_embryo_or_an_oocyte_looks_like_does_not_count_in_the_score() {
        let counts = |(kind, given, _): (Kind, serde_json::Value, &str)| {
            let graded: Graded = Input::stored(kind, given).unwrap().grade().unwrap();
            graded.measures().len()
        };
        assert_eq!(examples().map(counts), [4, 0, 0, 1, 1]);
    }
}
