//! Hormones of reproduction and of the thyroid, and its antibodies.

use super::{Analyte, Group, Kind};
use crate::clinic::laboratory::units::{
    Dimension::{self, Activity, Amount, Arbitrary, Mass},
    conversion::{AMH, Bridge, INSULIN, PROLACTIN},
    molar,
};

const STEROID: Kind = Kind::Quantity(&[Mass, Amount]);
const GONADOTROPIN: Kind = Kind::Quantity(&[Activity]);
const ANTIBODY: Kind = Kind::Quantity(&[Activity, Arbitrary]);
const SERUM: &[Dimension] = &[Mass, Amount];

const fn hormone(code: &'static str, kind: Kind, names: &'static [&'static str]) -> Analyte {
    Analyte::new(code, Group::ReproductiveHormone, kind, names)
}

const fn androgen(code: &'static str, names: &'static [&'static str]) -> Analyte {
    Analyte::new(code, Group::Androgen, STEROID, names)
}

const fn thyroid(code: &'static str, kind: Kind, names: &'static [&'static str]) -> Analyte {
    Analyte::new(code, Group::Thyroid, kind, names)
}

/// The table.
pub const TABLE: &[Analyte] = &[
    hormone(
        "fsh",
        GONADOTROPIN,
        &[
            "fsh",
            "f s h",
            "follitropina",
            "follitropin",
            "ormone follicolo stimolante",
            "ormone follicolostimolante",
            "ormone follicolo stimolante fsh",
            "follicle stimulating hormone",
            "follicle stim hormone",
            "gonadotropina follicolo stimolante",
        ],
    )
    .international()
    .loinc(&[(Activity, "15067-2")]),
    hormone(
        "lh",
        GONADOTROPIN,
        &[
            "lh",
            "l h",
            "lutropina",
            "lutropin",
            "ormone luteinizzante",
            "ormone luteotropo",
            "luteinizing hormone",
            "luteinising hormone",
        ],
    )
    .international()
    .loinc(&[(Activity, "10501-5")]),
    hormone(
        "estradiol",
        STEROID,
        &[
            "estradiolo",
            "estradiol",
            "oestradiol",
            "e2",
            "17 beta estradiolo",
            "17b estradiolo",
            "17 b estradiolo",
            "beta estradiolo",
            "17 beta estradiol",
            "estradiolo 17 beta",
            "estradiolo e2",
            "e2 17 beta estradiolo",
        ],
    )
    .bridge(Bridge::Molar(molar::ESTRADIOL))
    .loinc(&[(Mass, "2243-4"), (Amount, "14715-7")]),
    hormone("progesterone", STEROID, &["progesterone", "progesterone p4", "p4", "pg progesterone"])
        .bridge(Bridge::Molar(molar::PROGESTERONE))
        .loinc(&[(Mass, "2839-9"), (Amount, "14890-8")]),
    hormone(
        "amh",
        STEROID,
        &[
            "amh",
            "a m h",
            "ormone antimulleriano",
            "ormone anti mulleriano",
            "ormone antimuelleriano",
            "antimulleriano",
            "ormone anti muelleriano",
            "anti mullerian hormone",
            "antimullerian hormone",
            "anti muellerian hormone",
            "mullerian inhibiting substance",
        ],
    )
    .bridge(AMH)
    .loinc(&[(Mass, "38476-8"), (Amount, "48377-6")]),
    hormone(
        "prolactin",
        Kind::Quantity(&[Mass, Activity]),
        &["prolattina", "prolactin", "prl", "prolattinemia"],
    )
    .international()
    .bridge(PROLACTIN)
    .loinc(&[(Mass, "2842-3"), (Activity, "15081-3")]),
    hormone("inhibin_b", Kind::Quantity(&[Mass]), &["inibina b", "inhibin b", "inibina beta"]),
    hormone(
        "beta_hcg",
        GONADOTROPIN,
        &[
            "beta hcg",
            "bhcg",
            "b hcg",
            "hcg",
            "hcg beta",
            "hcg beta subunit",
            "hcg totale",
            "beta hcg totale",
            "gonadotropina corionica",
            "gonadotropina corionica umana",
            "human chorionic gonadotropin",
            "beta hcg frazione",
            "betahcg",
        ],
    )
    .international(),
    hormone("cortisol", STEROID, &["cortisolo", "cortisol", "cortisolo ematico", "cortisolemia"])
        .bridge(Bridge::Molar(molar::CORTISOL))
        .loinc(&[(Mass, "2143-6"), (Amount, "14675-3")]),
    androgen(
        "testosterone",
        &["testosterone", "testosterone totale", "total testosterone", "testosterone total"],
    )
    .bridge(Bridge::Molar(molar::TESTOSTERONE))
    .loinc(&[(Mass, "2986-8"), (Amount, "14913-8")]),
    androgen(
        "free_testosterone",
        &["testosterone libero", "free testosterone", "testosterone free", "testosterone libero calcolato"],
    )
    .bridge(Bridge::Molar(molar::TESTOSTERONE))
    .loinc(&[(Mass, "2991-8"), (Amount, "14914-6")]),
    androgen(
        "androstenedione",
        &["androstenedione", "delta 4 androstenedione", "delta4 androstenedione", "d4 androstenedione"],
    )
    .bridge(Bridge::Molar(molar::ANDROSTENEDIONE))
    .loinc(&[(Mass, "1854-9"), (Amount, "14603-5")]),
    androgen(
        "dheas",
        &[
            "dheas",
            "dhea s",
            "dhea so4",
            "dhea solfato",
            "dhea sulfate",
            "dhea sulphate",
            "dea s",
            "deidroepiandrosterone solfato",
            "dehydroepiandrosterone sulfate",
            "dehydroepiandrosterone sulphate",
        ],
    )
    .bridge(Bridge::Molar(molar::DHEAS))
    .loinc(&[(Mass, "2191-5"), (Amount, "14688-6")]),
    androgen(
        "17_ohp",
        &[
            "17 oh progesterone",
            "17oh progesterone",
            "17 ohp",
            "17ohp",
            "17 alfa oh progesterone",
            "17 alfa idrossiprogesterone",
            "17 idrossiprogesterone",
            "17 idrossi progesterone",
            "idrossiprogesterone",
            "17 hydroxyprogesterone",
            "17 alpha hydroxyprogesterone",
        ],
    )
    .bridge(Bridge::Molar(molar::HYDROXYPROGESTERONE))
    .loinc(&[(Mass, "1668-3"), (Amount, "14569-8")]),
    androgen(
        "shbg",
        &[
            "shbg",
            "globulina legante gli ormoni sessuali",
            "globulina legante gli ormoni",
            "globulina legante ormoni sessuali",
            "sex hormone binding globulin",
            "sex hormone binding glob",
        ],
    )
    .loinc(&[(Mass, "2942-1"), (Amount, "13967-5")]),
    thyroid(
        "tsh",
        GONADOTROPIN,
        &[
            "tsh",
            "t s h",
            "tireotropina",
            "ormone tireotropo",
            "ormone tireostimolante",
            "tsh ormone tireotropo",
            "thyroid stimulating hormone",
            "thyrotropin",
            "s tsh",
            "tsh reflex",
            "tsh riflesso",
        ],
    )
    .international()
    .loinc(&[(Activity, "3016-3")]),
    thyroid(
        "ft3",
        STEROID,
        &[
            "ft3",
            "t3 libera",
            "t3 libero",
            "t3 free",
            "free t3",
            "triiodotironina libera",
            "ft3 triiodotironina libera",
            "free triiodothyronine",
        ],
    )
    .bridge(Bridge::Molar(molar::TRIIODOTHYRONINE))
    .loinc(&[(Mass, "3051-0"), (Amount, "14928-6")]),
    thyroid(
        "ft4",
        STEROID,
        &[
            "ft4",
            "t4 libera",
            "t4 libero",
            "t4 free",
            "free t4",
            "tiroxina libera",
            "ft4 tiroxina libera",
            "free thyroxine",
            "thyroxine free",
        ],
    )
    .bridge(Bridge::Molar(molar::THYROXINE))
    .loinc(&[(Mass, "3024-7"), (Amount, "14920-3")]),
    thyroid(
        "anti_tpo",
        ANTIBODY,
        &[
            "anti tpo",
            "ab anti tpo",
            "ac anti tpo",
            "abtpo",
            "ab tpo",
            "atpo",
            "tpo ab",
            "tpoab",
            "anticorpi anti tpo",
            "anti perossidasi tiroidea",
            "ab anti perossidasi tiroidea",
            "ab anti tireoperossidasi",
            "anticorpi anti perossidasi",
            "anticorpi anti perossidasi tiroidea",
            "anticorpi anti tireoperossidasi",
            "anticorpi antiperossidasi",
            "anti tireoperossidasi",
            "tpo antibodies",
            "anti thyroid peroxidase",
            "thyroid peroxidase antibodies",
            "thyroid peroxidase antibody",
            "thyroid peroxidase ab",
        ],
    )
    .loinc(&[(Activity, "8099-4")]),
    thyroid(
        "anti_tg",
        ANTIBODY,
        &[
            "anti tg",
            "anti htg",
            "ab anti tg",
            "ac anti tg",
            "abtg",
            "ab tg",
            "tgab",
            "tg ab",
            "anticorpi anti tg",
            "ab anti tireoglobulina",
            "anticorpi anti tireoglobulina",
            "anticorpi antitireoglobulina",
            "anti tireoglobulina",
            "anti thyroglobulin",
            "anti thyroglobulin antibodies",
            "thyroglobulin antibodies",
            "thyroglobulin antibody",
            "thyroglobulin ab",
        ],
    )
    .loinc(&[(Activity, "8098-6")]),
    Analyte::new(
        "insulin",
        Group::Sugar,
        Kind::Quantity(&[Activity, Amount]),
        &["insulina", "insulin", "insulinemia", "insulina basale", "fasting insulin", "insulin fasting"],
    )
    .international()
    .bridge(INSULIN)
    .loinc(&[(Activity, "20448-7"), (Amount, "14796-7")]),
    Analyte::new(
        "vitamin_d",
        Group::Nutrition,
        Kind::Quantity(SERUM),
        &[
            "vitamina d",
            "vitamina d 25 oh",
            "vitamina d 25oh",
            "vitamina d totale",
            "25 oh vitamina d",
            "25oh vitamina d",
            "25 oh d",
            "25 idrossivitamina d",
            "25 idrossi vitamina d",
            "vitamina d 25 idrossi",
            "vitamina d3 25 oh",
            "25 oh vitamina d totale",
            "vitamin d",
            "25 oh vitamin d",
            "25 hydroxyvitamin d",
            "25 hydroxy vitamin d",
            "vitamin d 25 oh",
            "vitamin d 25 hydroxy",
            "vitamin d 25 oh total",
        ],
    )
    .bridge(Bridge::Molar(molar::CALCIFEDIOL))
    .loinc(&[(Mass, "62292-8")]),
];
