//! What an ultrasound scan counts and measures.

use super::{Analyte, Group, Kind};
use crate::clinic::laboratory::units::Dimension::{Length, Volume};

const fn ovarian(code: &'static str, kind: Kind, names: &'static [&'static str]) -> Analyte {
    Analyte::new(code, Group::OvarianUltrasound, kind, names)
}

/// The table.
pub const TABLE: &[Analyte] = &[
    ovarian(
        "afc",
        Kind::Bare,
        &[
            "afc",
            "afc totale",
            "conta follicoli antrali",
            "conta dei follicoli antrali",
            "conta follicolare antrale",
            "follicoli antrali",
            "follicoli antrali totali",
            "conta dei follicoli antrali afc totale",
            "antral follicle count",
            "total antral follicle count",
            "total afc",
            "afc total",
        ],
    ),
    ovarian(
        "afc_right",
        Kind::Bare,
        &[
            "afc ovaio destro",
            "afc destro",
            "afc destra",
            "conta follicoli antrali dx",
            "conta follicoli antrali ovaio destro",
            "follicoli antrali dx",
            "follicoli antrali destra",
            "afc dx",
            "afc ovaio dx",
            "follicoli antrali ovaio destro",
            "right afc",
            "afc right",
            "afc right ovary",
            "right ovary afc",
            "right antral follicle count",
            "antral follicle count right",
            "antral follicle count right ovary",
        ],
    ),
    ovarian(
        "afc_left",
        Kind::Bare,
        &[
            "afc ovaio sinistro",
            "afc sinistro",
            "afc sinistra",
            "conta follicoli antrali sn",
            "conta follicoli antrali sx",
            "conta follicoli antrali ovaio sinistro",
            "follicoli antrali sn",
            "follicoli antrali sx",
            "follicoli antrali sinistra",
            "afc sn",
            "afc sx",
            "afc ovaio sn",
            "follicoli antrali ovaio sinistro",
            "left afc",
            "afc left",
            "afc left ovary",
            "left ovary afc",
            "left antral follicle count",
            "antral follicle count left",
            "antral follicle count left ovary",
        ],
    ),
    ovarian(
        "ovary_volume_right",
        Kind::Quantity(&[Volume]),
        &[
            "volume ovaio destro",
            "volume ovarico destro",
            "ovaio destro volume",
            "right ovary volume",
            "right ovarian volume",
        ],
    ),
    ovarian(
        "ovary_volume_left",
        Kind::Quantity(&[Volume]),
        &[
            "volume ovaio sinistro",
            "volume ovarico sinistro",
            "ovaio sinistro volume",
            "left ovary volume",
            "left ovarian volume",
        ],
    ),
    ovarian(
        "dominant_follicle",
        Kind::Quantity(&[Length]),
        &[
            "follicolo dominante",
            "diametro follicolo dominante",
            "dominant follicle",
            "leading follicle",
            "dominant follicle size",
        ],
    ),
    Analyte::new(
        "endometrial_thickness",
        Group::UterineUltrasound,
        Kind::Quantity(&[Length]),
        &[
            "spessore endometriale",
            "spessore dell endometrio",
            "endometrio",
            "endometrio spessore",
            "endometrio di spessore",
            "rima endometriale",
            "spessore rima endometriale",
            "endometrial thickness",
            "endometrium",
            "endometrial stripe",
        ],
    ),
];
