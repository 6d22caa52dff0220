//! Serology that is asked for before treatment: a word, or an index or titre that the word was made from.

use super::{Analyte, Group, Kind};
use crate::clinic::laboratory::units::Dimension::{Activity, Arbitrary, Index};

const SEROLOGY: Kind = Kind::QuantityOrFinding(&[Index, Activity, Arbitrary]);

const fn infection(code: &'static str, names: &'static [&'static str]) -> Analyte {
    Analyte::new(code, Group::Infection, SEROLOGY, names)
}

/// The table.
pub const TABLE: &[Analyte] = &[
    infection(
        "hbsag",
        &[
            "hbsag",
            "hbs ag",
            "hb s ag",
            "antigene hbs",
            "antigene di superficie epatite b",
            "hepatitis b surface antigen",
            "hbsag antigene di superficie epatite b",
            "epatite b hbsag",
        ],
    )
    .loinc_finding("5195-3"),
    infection(
        "hbs_ab",
        &["anti hbs", "hbsab", "hbs ab", "ab anti hbs", "anticorpi anti hbs", "hepatitis b surface antibody"],
    )
    .international(),
    infection(
        "anti_hcv",
        &[
            "anti hcv",
            "hcv",
            "hcv ab",
            "ab anti hcv",
            "hcv anticorpi",
            "anticorpi anti hcv",
            "hcv antibody",
            "hcv antibodies",
            "hepatitis c antibody",
            "hepatitis c antibodies",
            "epatite c anticorpi",
        ],
    )
    .loinc_finding("16128-1"),
    infection(
        "hiv",
        &[
            "hiv",
            "hiv 1 2",
            "hiv ag ab",
            "hiv 1 2 ag ab",
            "hiv 1 2 ab ag",
            "hiv 1 2 antigen antibody",
            "hiv antigen antibody",
            "hiv combo",
            "hiv 1 2 combo",
        ],
    )
    .loinc_finding("56888-1"),
    infection(
        "hiv_ab",
        &[
            "anti hiv",
            "anti hiv 1 2",
            "ab anti hiv",
            "ab anti hiv 1 2",
            "anticorpi anti hiv",
            "anticorpi anti hiv 1 2",
            "hiv ab",
            "hiv 1 2 ab",
            "hiv anticorpi",
            "hiv 1 2 anticorpi",
            "hiv antibody",
            "hiv antibodies",
            "hiv 1 2 antibody",
            "hiv 1 2 antibodies",
        ],
    )
    .loinc_finding("31201-7"),
    infection(
        "syphilis",
        &[
            "sifilide",
            "sifilide treponema pallidum",
            "treponema pallidum",
            "tpha",
            "tppa",
            "lue",
            "sifilide anticorpi",
            "anticorpi anti treponema",
            "anticorpi anti treponema pallidum",
            "treponema pallidum antibodies",
            "treponema pallidum antibody",
            "treponema pallidum ab",
            "syphilis",
            "syphilis antibody",
            "syphilis antibodies",
            "syphilis serology",
        ],
    )
    .loinc_finding("22587-0"),
    infection(
        "rubella_igg",
        &[
            "rosolia igg",
            "rubeo igg",
            "rubeotest igg",
            "anti rosolia igg",
            "rubella igg",
            "rosolia anticorpi igg",
            "rubella antibody igg",
        ],
    )
    .loinc(&[(Activity, "8014-3")])
    .loinc_finding("25514-1"),
    infection(
        "rubella_igm",
        &[
            "rosolia igm",
            "rubeo igm",
            "rubeotest igm",
            "anti rosolia igm",
            "rubella igm",
            "rosolia anticorpi igm",
            "rubella antibody igm",
        ],
    ),
    infection(
        "toxo_igg",
        &[
            "toxoplasma igg",
            "toxo igg",
            "toxotest igg",
            "anti toxoplasma igg",
            "toxoplasma gondii igg",
            "toxoplasma anticorpi igg",
        ],
    )
    .loinc_finding("22580-5"),
    infection(
        "toxo_igm",
        &[
            "toxoplasma igm",
            "toxo igm",
            "toxotest igm",
            "anti toxoplasma igm",
            "toxoplasma gondii igm",
            "toxoplasma anticorpi igm",
        ],
    ),
    infection(
        "cmv_igg",
        &[
            "citomegalovirus igg",
            "cmv igg",
            "cytomegalovirus igg",
            "anti cmv igg",
            "anti citomegalovirus igg",
            "citomegalovirus anticorpi igg",
        ],
    ),
    infection(
        "cmv_igm",
        &[
            "citomegalovirus igm",
            "cmv igm",
            "cytomegalovirus igm",
            "anti cmv igm",
            "anti citomegalovirus igm",
            "citomegalovirus anticorpi igm",
        ],
    )
    .loinc(&[(Activity, "7853-5")])
    .loinc_finding("30325-5"),
    infection("chlamydia", &["chlamydia trachomatis", "clamidia", "chlamydia", "chlamydia trachomatis dna"]),
];
