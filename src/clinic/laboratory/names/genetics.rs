//! Genetics: mutations as words, the karyotype as it is written.

use super::{Analyte, Group, Kind};

const fn mutation(code: &'static str, names: &'static [&'static str]) -> Analyte {
    Analyte::new(code, Group::Genetics, Kind::Finding, names)
}

/// The table.
pub const TABLE: &[Analyte] = &[
    mutation(
        "cftr",
        &[
            "fibrosi cistica",
            "fibrosi cistica cftr",
            "cftr",
            "gene cftr",
            "cystic fibrosis",
            "cystic fibrosis cftr",
        ],
    ),
    mutation(
        "smn1",
        &[
            "atrofia muscolare spinale",
            // `SMA` alone is the antibody against smooth muscle, too.
            "sma smn1",
            "atrofia muscolare spinale sma",
            "spinal muscular atrophy sma",
            "smn1",
            "gene smn1",
            "atrofia muscolare spinale smn1",
            "spinal muscular atrophy",
            "spinal muscular atrophy smn1",
        ],
    ),
    mutation(
        "fmr1",
        &[
            "x fragile",
            "x fragile fmr1",
            "fmr1",
            "gene fmr1",
            "fragile x",
            "fragile x fmr1",
            "sindrome x fragile",
            "fragile x syndrome",
        ],
    ),
    mutation("tay_sachs", &["tay sachs", "malattia di tay sachs", "tay sachs disease", "hexa"]),
    mutation(
        "beta_thalassemia",
        &[
            "beta talassemia",
            "beta thalassemia",
            "beta thalassaemia",
            "talassemia",
            "gene hbb",
            "beta talassemia hbb",
        ],
    ),
    mutation(
        "y_microdeletion",
        &[
            "microdelezioni del cromosoma y",
            "microdelezioni cromosoma y",
            "microdelezioni y",
            "microdelezioni azf",
            "y chromosome microdeletion",
            "y chromosome microdeletions",
            "y microdeletions",
        ],
    ),
    mutation("factor_v_leiden", &["fattore v leiden", "fattore v di leiden", "factor v leiden", "fv leiden"]),
    mutation(
        "prothrombin_mutation",
        &[
            "mutazione protrombina g20210a",
            "mutazione protrombina",
            "fattore ii g20210a",
            "fattore ii protrombina",
            "protrombina g20210a",
            "prothrombin g20210a",
            "prothrombin mutation",
            "factor ii g20210a",
        ],
    ),
    mutation("mthfr", &["mthfr", "mthfr c677t", "mutazione mthfr c677t", "mutazione mthfr"]),
    Analyte::new(
        "karyotype",
        Group::Genetics,
        Kind::Karyotype,
        &["cariotipo", "karyotype", "cariotipo costituzionale", "formula cromosomica", "mappa cromosomica"],
    ),
];
