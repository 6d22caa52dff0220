//! Semen analysis, in the words of the WHO manual (6th edition, 2021).

use super::{Analyte, Group, Kind};
use crate::clinic::laboratory::units::Dimension::{self, Count, Fraction, Number, Time, Volume};

const PARTS: &[Dimension] = &[Fraction];

const fn semen(code: &'static str, kind: Kind, names: &'static [&'static str]) -> Analyte {
    Analyte::new(code, Group::Semen, kind, names)
}

/// The table.
pub const TABLE: &[Analyte] = &[
    semen(
        "semen_abstinence",
        Kind::Quantity(&[Time]),
        &["giorni di astinenza", "astinenza sessuale", "sexual abstinence"],
    )
    .in_semen(&["astinenza", "abstinence", "abstinence period", "periodo di astinenza", "days of abstinence"])
    .loinc(&[(Time, "10587-4")]),
    semen(
        "semen_volume",
        Kind::Quantity(&[Volume]),
        &["volume eiaculato", "volume dell eiaculato", "volume seminale", "semen volume", "ejaculate volume"],
    )
    .in_semen(&["volume", "quantita"])
    .loinc(&[(Volume, "3160-9")]),
    semen("semen_ph", Kind::Bare, &["ph seminale", "semen ph", "ph del liquido seminale"]).in_semen(&["ph"]),
    semen("semen_liquefaction", Kind::Quantity(&[Time]), &[]).in_semen(&[
        "tempo di fluidificazione",
        "fluidificazione",
        "tempo di liquefazione",
        "liquefazione",
        "liquefaction",
        "liquefaction time",
    ]),
    semen(
        "sperm_concentration",
        Kind::Quantity(&[Count]),
        &[
            "concentrazione spermatozoi",
            "concentrazione di spermatozoi",
            "concentrazione spermatica",
            "concentrazione nemaspermica",
            "concentrazione nemaspermi",
            "nemaspermi ml",
            "spermatozoi ml",
            "n spermatozoi ml",
            "numero spermatozoi ml",
            "sperm concentration",
            "sperm density",
        ],
    )
    .in_semen(&["concentrazione", "concentration", "conta spermatozoi"])
    .loinc(&[(Count, "9780-8")]),
    // Mostly a sentence by itself, which is told and not guessed: somebody reads it.
    semen(
        "azoospermia",
        Kind::Finding,
        &[
            "azoospermia",
            "azoospermico",
            "spermatozoi assenti",
            "spermatozoi non osservati",
            "assenza di spermatozoi",
            "non si osservano spermatozoi",
            "no spermatozoa",
            "no sperm seen",
            "absence of spermatozoa",
        ],
    ),
    semen(
        "sperm_total",
        Kind::Quantity(&[Number]),
        &[
            "numero totale spermatozoi",
            "numero totale di spermatozoi",
            "n totale spermatozoi",
            "n totale spermatozoi eiaculato",
            "numero totale spermatozoi eiaculato",
            "spermatozoi totali",
            "spermatozoi eiaculato",
            "numero spermatozoi eiaculato",
            "conta totale spermatozoi",
            "total sperm number",
            "total sperm count",
            "total sperm",
        ],
    )
    .in_semen(&["concentrazione totale", "numero totale", "total count", "conta totale", "total number"]),
    semen(
        "sperm_motility_total",
        Kind::Quantity(PARTS),
        &[
            "motilita totale",
            "motilita totale pr np",
            "total motility",
            "sperm motility total",
            "spermatozoi mobili",
        ],
    )
    .in_semen(&["motility total", "motili totali", "mobilita totale"])
    .loinc(&[(Fraction, "6800-7")]),
    semen(
        "sperm_motility_progressive",
        Kind::Quantity(PARTS),
        &[
            "motilita progressiva",
            "motilita progressiva pr",
            "motilita progressiva totale",
            "motilita progressiva a b",
            "motilita a b",
            "mobilita progressiva",
            "progressive motility",
            "progressive motility a b",
            "motility a b",
            "progressively motile",
        ],
    )
    .in_semen(&["progressivi", "pr", "progressive", "motility progressive", "progressive pr"])
    .loinc(&[(Fraction, "14194-5")]),
    semen(
        "sperm_motility_nonprogressive",
        Kind::Quantity(PARTS),
        &[
            "motilita non progressiva",
            "motilita non progressiva np",
            "non progressive motility",
            "nonprogressive motility",
        ],
    )
    .in_semen(&["non progressivi", "np", "non progressive", "motilita in situ", "non progressive np"])
    .loinc(&[(Fraction, "10620-3")]),
    semen(
        "sperm_immotile",
        Kind::Quantity(PARTS),
        &["spermatozoi immobili", "immotile sperm", "immotile spermatozoa"],
    )
    .in_semen(&["immobili", "immobili im", "immotile", "immotili", "immotile im"])
    .loinc(&[(Fraction, "10611-2")]),
    semen(
        "sperm_morphology_normal",
        Kind::Quantity(PARTS),
        &[
            "forme normali",
            "morfologia normale",
            "morfologia forme normali",
            "spermatozoi normali",
            "forme tipiche",
            "spermatozoi tipici",
            "normal forms",
            "normal morphology",
            "sperm morphology",
            "sperm morphology normal forms",
            "morphology normal forms",
        ],
    )
    .in_semen(&["morfologia", "morphology", "morphology normal"])
    .loinc(&[(Fraction, "10622-9")]),
    semen(
        "sperm_vitality",
        Kind::Quantity(PARTS),
        &["vitalita spermatozoi", "sperm vitality", "spermatozoi vitali"],
    )
    .in_semen(&[
        "vitalita",
        "vitality",
        "viability",
        "test di vitalita",
        "vitalita test all eosina",
        "vitalita eosina",
        "eosin test",
    ])
    .loinc(&[(Fraction, "10613-8")]),
    semen(
        "semen_leukocytes",
        Kind::QuantityOrFinding(&[Count]),
        &["leucociti seminali", "seminal leukocytes"],
    )
    .in_semen(&[
        "leucociti",
        "leukocytes",
        "leucocytes",
        "leucociti perossidasi positivi",
        "globuli bianchi",
        "wbc",
    ]),
    semen("semen_round_cells", Kind::QuantityOrFinding(&[Count]), &[]).in_semen(&[
        "cellule rotonde",
        "round cells",
        "elementi rotondi",
        "cellule rotonde totali",
    ]),
];
