//! Blood count, sugar, iron, vitamins.

use super::{Analyte, Group, Kind};
use crate::clinic::laboratory::units::{
    Dimension::{self, Amount, AmountFraction, CellMass, Count, Fraction, Mass, Volume},
    conversion::Bridge,
    molar,
};

const CHEMISTRY: Kind = Kind::Quantity(&[Mass, Amount]);
const CELLS: Kind = Kind::Quantity(&[Count]);
const PARTS: &[Dimension] = &[Fraction];

const fn count(code: &'static str, kind: Kind, names: &'static [&'static str]) -> Analyte {
    Analyte::new(code, Group::BloodCount, kind, names)
}

const fn sugar(code: &'static str, kind: Kind, names: &'static [&'static str]) -> Analyte {
    Analyte::new(code, Group::Sugar, kind, names)
}

const fn nutrition(code: &'static str, kind: Kind, names: &'static [&'static str]) -> Analyte {
    Analyte::new(code, Group::Nutrition, kind, names)
}

/// The table.
pub const TABLE: &[Analyte] = &[
    count(
        "leukocytes",
        CELLS,
        &[
            "leucociti",
            "globuli bianchi",
            "gb",
            "gb globuli bianchi",
            "wbc",
            "wbc globuli bianchi",
            "wbc leucociti",
            "white blood cells",
            "white blood cell count",
            "leukocytes",
            "leucocytes",
        ],
    )
    .loinc(&[(Count, "6690-2")]),
    count(
        "erythrocytes",
        CELLS,
        &[
            "eritrociti",
            "globuli rossi",
            "gr",
            "gr globuli rossi",
            "emazie",
            "rbc",
            "rbc globuli rossi",
            "rbc eritrociti",
            "red blood cells",
            "red blood cell count",
            "erythrocytes",
        ],
    )
    .loinc(&[(Count, "789-8")]),
    count(
        "haemoglobin",
        Kind::Quantity(&[Mass]),
        &[
            "emoglobina",
            "hb",
            "hgb",
            "hgb emoglobina",
            "hb emoglobina",
            "haemoglobin",
            "hemoglobin",
            "emoglobina hb",
        ],
    )
    .loinc(&[(Mass, "718-7")]),
    count(
        "haematocrit",
        Kind::Quantity(PARTS),
        &["ematocrito", "hct", "hct ematocrito", "ht", "pcv", "haematocrit", "hematocrit"],
    )
    .loinc(&[(Fraction, "4544-3")]),
    count(
        "mcv",
        Kind::Quantity(&[Volume]),
        &[
            "mcv",
            "volume globulare medio",
            "volume corpuscolare medio",
            "mcv volume globulare medio",
            "mcv volume corpuscolare medio",
            "mean corpuscular volume",
            "mean cell volume",
        ],
    )
    .loinc(&[(Volume, "787-2")]),
    count(
        "mch",
        Kind::Quantity(&[CellMass]),
        &[
            "mch",
            "contenuto medio hb",
            "contenuto medio di emoglobina",
            "mch contenuto medio hb",
            "contenuto emoglobinico medio",
            "mean corpuscular hemoglobin",
            "mean corpuscular haemoglobin",
            "mean cell haemoglobin",
        ],
    )
    .loinc(&[(CellMass, "785-6")]),
    count(
        "mchc",
        Kind::Quantity(&[Mass]),
        &[
            "mchc",
            "concentrazione media hb",
            "mchc concentrazione media hb",
            "concentrazione emoglobinica media",
            "mean corpuscular hemoglobin concentration",
            "mean corpuscular haemoglobin concentration",
        ],
    )
    .loinc(&[(Mass, "786-4")]),
    count(
        "rdw",
        Kind::Quantity(PARTS),
        &["rdw", "rdw cv", "ampiezza distribuzione eritrocitaria", "red cell distribution width"],
    )
    .loinc(&[(Fraction, "788-0")]),
    count(
        "platelets",
        CELLS,
        &[
            "piastrine",
            "plt",
            "plt piastrine",
            "conta piastrinica",
            "platelets",
            "platelet count",
            "trombociti",
        ],
    )
    .loinc(&[(Count, "777-3")]),
    sugar(
        "glucose",
        CHEMISTRY,
        &[
            "glucosio",
            "glicemia",
            "glucosio basale",
            "glicemia basale",
            "glicemia a digiuno",
            "glucosio a digiuno",
            "glucose",
            "fasting glucose",
            "glucose fasting",
            "plasma glucose",
            "blood glucose",
            "fasting plasma glucose",
        ],
    )
    .bridge(Bridge::Molar(molar::GLUCOSE))
    .loinc(&[(Mass, "2345-7"), (Amount, "14749-6")]),
    sugar(
        "homa_ir",
        Kind::Bare,
        &["homa", "homa ir", "homa index", "indice homa", "indice homa ir", "homa test", "homa ir index"],
    ),
    sugar(
        "hba1c",
        Kind::Quantity(&[Fraction, AmountFraction]),
        &[
            "hba1c",
            "hb a1c",
            "a1c",
            "emoglobina glicata",
            "emoglobina glicosilata",
            "emoglobina glicata hba1c",
            "hemoglobin a1c",
            "haemoglobin a1c",
            "glycated haemoglobin",
            "glycated hemoglobin",
        ],
    )
    .loinc(&[(Fraction, "4548-4"), (AmountFraction, "59261-8")]),
    nutrition("ferritin", Kind::Quantity(&[Mass]), &["ferritina", "ferritin", "ferritinemia"])
        .loinc(&[(Mass, "2276-4")]),
    nutrition("iron", CHEMISTRY, &["sideremia", "ferro", "ferro sierico", "iron", "serum iron"])
        .loinc(&[(Mass, "2498-4"), (Amount, "14798-3")]),
    nutrition("transferrin", Kind::Quantity(&[Mass]), &["transferrina", "transferrin"])
        .loinc(&[(Mass, "3034-6")]),
    nutrition(
        "vitamin_b12",
        CHEMISTRY,
        &["vitamina b12", "vitamina b 12", "cobalamina", "vitamin b12", "vitamin b 12", "b12", "cobalamin"],
    )
    .loinc(&[(Mass, "2132-9"), (Amount, "14685-2")]),
    nutrition(
        "folate",
        CHEMISTRY,
        &["acido folico", "folati", "folato", "folati sierici", "folate", "serum folate", "folic acid"],
    )
    .bridge(Bridge::Molar(molar::FOLIC_ACID))
    .loinc(&[(Mass, "2284-8"), (Amount, "14732-2")]),
];
