//! How laboratories set a row: what belongs to a name, what belongs to another one, and what is nobody's.

use jiff::civil::date;

use crate::clinic::laboratory::{
    flags::{Flag, Sex},
    grammar::rows::Value,
    report::{About, Reading, Report, read},
};

pub(super) fn of(text: &str) -> Report {
    read(text, About { sex: Some(Sex::Female), ..About::default() })
}

pub(super) fn said(reading: &Reading) -> String {
    let value = match &reading.value {
        Value::Number(comparator, number) => {
            format!("{}{number}", comparator.map_or("", |it| it.as_str()))
        }
        Value::Finding(finding) => finding.as_str().to_owned(),
        Value::Karyotype(text) => text.clone(),
    };
    let unit = reading.unit.as_ref().map_or("", |it| it.ucum());
    format!("{} {value} {unit}", reading.analyte.code).trim_end().to_owned()
}

pub(super) fn found(text: &str) -> Vec<String> {
    of(text).values.iter().map(said).collect()
}

pub(super) fn unread(text: &str) -> Vec<&'static str> {
    of(text).unread.iter().map(|it| it.analyte.code).collect()
}

/// Texts, each with what is found in it.
pub(super) fn each(texts: &[(&str, &[&str])]) {
    let wrong = texts.iter().filter(|(text, expected)| found(text) != *expected);
    let wrong: Vec<_> = wrong.map(|(text, _)| (text, found(text))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_karyotype_may_have_blanks() {
    each(&[
        ("Cariotipo   46, XX", &["karyotype 46,XX"]),
        ("Cariotipo: (46,XY)", &["karyotype 46,XY"]),
        ("Cariotipo: 46,XX (20 metafasi)", &["karyotype 46,XX"]),
        ("Cariotipo   46, XX, normale femminile", &["karyotype 46,XX"]),
        ("Cariotipo   46, XY [30]", &["karyotype 46,XY[30]"]),
        // What follows changes it: it is not left out.
        ("Cariotipo   46, XY, t(9;22)(q34;q11)", &["karyotype 46,XY,t(9;22)(q34;q11)"]),
        ("Cariotipo   46,XY t(9;22)(q34;q11)", &["karyotype 46,XY t(9;22)(q34;q11)"]),
        ("Cariotipo   (46, XX, inv (9)(p12q13))", &["karyotype 46,XX,inv(9)(p12q13)"]),
        ("Cariotipo   45, XY, rob(13;14)(q10;q10)", &["karyotype 45,XY,rob(13;14)(q10;q10)"]),
        ("Cariotipo   47, XX, +21", &["karyotype 47,XX,+21"]),
        ("Cariotipo   45,X [4] / 46,XX [26]", &["karyotype 45,X[4]/46,XX[26]"]),
        ("Cariotipo   45,X[4]/46,XX[26]", &["karyotype 45,X[4]/46,XX[26]"]),
        ("Cariotipo   46,   XX", &[]),
    ]);
}

#[test]
fn of_several_names_without_a_value_none_takes_the_first_one_below() {
    each(&[
        ("FSH\nLH\n7,2 mUI/mL\n5,1 mUI/mL", &[]),
        ("FSH   LH\n7,2 mUI/mL   5,1 mUI/mL", &[]),
        ("HBsAg\nHIV 1/2\nNegativo\nPositivo", &[]),
        ("FSH\n7,2 mUI/mL\nLH\n5,1 mUI/mL", &["fsh 7.2 m[IU]/mL", "lh 5.1 m[IU]/mL"]),
    ]);
    assert_eq!(unread("FSH\nLH\n7,2 mUI/mL\n5,1 mUI/mL"), ["fsh", "lh"]);
}

#[test]
fn a_number_below_a_name_needs_its_unit() {
    each(&[
        ("Esami richiesti\nProlattina\n2\n", &[]),
        ("Prolattina\n\u{c}2\n", &[]),
        ("Conta follicoli antrali\n\u{c}2\n", &[]),
        ("FSH (mUI/mL)\n7,2", &["fsh 7.2 m[IU]/mL"]),
        ("Conta follicoli antrali\n12", &["afc 12"]),
    ]);
}

#[test]
fn urine_is_not_read_however_it_is_announced() {
    each(&[
        ("Esame urine:\nGlucosio   20 mg/dL", &[]),
        ("ESAME URINE   Risultato   U.M.   Valori di riferimento\nGlucosio   20   mg/dL   0 - 15", &[]),
        ("Materiale: urine\nGlucosio   20 mg/dL", &[]),
        ("Campione:   Urine delle 24 ore\nGlucosio   20 mg/dL", &[]),
        ("Urine:   Glucosio   20 mg/dL", &[]),
        ("Esame   Materiale   Risultato   U.M.\nGlucosio   Urine   20   mg/dL", &[]),
        ("URINE\nRicerca sangue assente\nGlucosio   20 mg/dL", &[]),
        ("URINE\nBlood 250 /uL\nGlucosio   20 mg/dL", &[]),
        ("URINE\nGlucosio   20 mg/dL\nEMATOLOGIA:\nEmoglobina   12,1 g/dL", &["haemoglobin 12.1 g/dL"]),
        (
            "Materiale: urine\nGlucosio   20 mg/dL\nMateriale: siero\nGlucosio   90 mg/dL",
            &["glucose 90 mg/dL"],
        ),
        ("Esame   Materiale   Risultato   U.M.\nGlucosio   Siero   90   mg/dL", &["glucose 90 mg/dL"]),
    ]);
}

#[test]
fn cells_in_semen_are_no_blood() {
    each(&[
        ("SPERMIOGRAMMA:\nLeucociti   0,5 mln/mL", &["semen_leukocytes 0.5 10*6/mL"]),
        ("SPERMIOGRAMMA\nEmazie   assenti\nEritrociti   0,2 mln/mL\nEmoglobina   0,1 g/dL", &[]),
        (
            "SPERMIOGRAMMA\nVolume   2,8 mL\nEMOCROMO\nEmazie   4,5 mln/uL",
            &["semen_volume 2.8 mL", "erythrocytes 4.5 10*6/uL"],
        ),
    ]);
}

#[test]
fn a_name_alone_in_its_line_is_no_heading() {
    each(&[
        ("Thyroid stimulating hormone\n2.1 mIU/L", &["tsh 2.1 m[IU]/L"]),
        ("Anti-Müllerian hormone\n2.8 ng/mL", &["amh 2.8 ng/mL"]),
        ("HIV screening\nNegativo", &["hiv negative"]),
    ]);
}

#[test]
fn an_antibody_against_a_hormone_is_not_the_hormone() {
    each(&[
        ("Insulin antibodies   0.4 U/mL", &[]),
        ("Anticorpi TSH   0,9 UI/L", &[]),
        ("TSH Ab   0,9 UI/L", &[]),
        ("TSH (anticorpi)   0,9 UI/L", &[]),
        ("TSH   anticorpi   0,9 UI/L", &[]),
        ("HBsAg antibody   positive", &[]),
        ("HCV anticorpi   negativo", &["anti_hcv negative"]),
        ("HCV   anticorpi   negativo", &["anti_hcv negative"]),
        ("Ab anti-TPO   12 UI/mL", &["anti_tpo 12 [IU]/mL"]),
        ("HIV 1/2 Ag/Ab (Combo)   Negativo", &["hiv negative"]),
    ]);
}

#[test]
fn a_range_in_another_unit_is_not_the_values() {
    let ranges = |text| {
        let report = of(text);
        assert_eq!(report.values.len(), 1, "{text}");
        (report.values[0].ranges.len(), report.values[0].flag)
    };
    assert_eq!(ranges("AMH   2,8 ng/mL   (7,1 - 35,7 pmol/L)"), (0, None));
    assert_eq!(ranges("AMH   2,8 ng/mL   < 35,7 pmol/L"), (0, None));
    assert_eq!(ranges("AMH   2,8 ng/mL\n7,1 - 35,7 pmol/L"), (0, None));
    assert_eq!(ranges("AMH   2,8 ng/mL   (1,0 - 10,6 ng/mL)"), (1, Some(Flag::Normal)));
    assert_eq!(ranges("AMH   2,8   1,0 - 10,6   ng/mL"), (1, Some(Flag::Normal)));
    assert_eq!(ranges("AMH   2,8 ng/mL   (1,0 - 10,6 µg/L)"), (1, Some(Flag::Normal)), "the same size");
    assert_eq!(ranges("Insulina   8   mU/L   2 - 25 mU/L"), (1, Some(Flag::Normal)));
    assert_eq!(ranges("Anti-TPO   8   U/mL   0 - 25 U/mL"), (1, Some(Flag::Normal)), "both of a maker's own");
}

#[test]
fn a_comparator_in_a_column_of_its_own_belongs_to_the_number() {
    each(&[
        ("AMH   <   0,1   ng/mL", &["amh <0.1 ng/mL"]),
        ("SPERMIOGRAMMA\nLeucociti   <   1   mln/mL", &["semen_leukocytes <1 10*6/mL"]),
        ("Prolattina   >   200   ng/mL   4,8 - 23,3", &["prolactin >200 ng/mL"]),
        // Behind the number it is the laboratory's sign, and before a range it is nobody's.
        ("FSH   0,8 <   mUI/mL   3,5 - 12,5", &["fsh 0.8 m[IU]/mL"]),
        ("FSH   0,8   <   3,5 - 12,5   mUI/mL", &["fsh 0.8 m[IU]/mL"]),
        ("FSH   <   3,5 - 12,5   mUI/mL", &[]),
    ]);
}

#[test]
fn a_titre_is_no_bound_and_a_minute_no_value() {
    each(&[
        ("Toxoplasma IgG   < 1:16", &[]),
        ("Toxoplasma IgG   <   1:16", &[]),
        ("Insulina 60'   45", &[]),
        ("Glicemia 60′   145", &[]),
        ("Follicoli antrali   12 × 8 mm", &[]),
        ("Toxoplasma IgG   < 1,6 UI/mL", &["toxo_igg <1.6 [IU]/mL"]),
    ]);
}

#[test]
fn a_short_name_of_something_else_is_not_read() {
    each(&[
        ("ANA   negativo\nSMA   negativo", &[]),
        ("SMA (anticorpi anti muscolo liscio)   negativo", &[]),
        ("SMA (SMN1)   negativo", &["smn1 negative"]),
    ]);
}

#[test]
fn the_day_of_something_else_is_not_the_day_of_the_values() {
    for (text, expected) in [
        (
            "Data esame precedente: 14/03/2023   Data prelievo: 02/05/2024\nFSH   7,2 mUI/mL",
            Some(date(2024, 5, 2)),
        ),
        ("Prelievo precedente: 14/03/2023\nFSH   7,2 mUI/mL", None),
        ("Ultimo ciclo 02/05/2024\nFSH   7,2 mUI/mL", None),
        ("Inizio terapia 01/02/2024\nFSH   7,2 mUI/mL", None),
        ("Rev. 01/01/2019\nFSH   7,2 mUI/mL", None),
        ("Scade il 12/05/2027\nFSH   7,2 mUI/mL", None),
        ("3° giorno del ciclo, prelievo 12/05/2024\nFSH   7,2 mUI/mL", Some(date(2024, 5, 12))),
    ] {
        assert_eq!(of(text).values[0].date, expected, "{text}");
    }
}

#[test]
fn a_day_after_the_upload_is_no_day() {
    let until = Some(date(2026, 3, 20));
    let days = |text: &str| {
        let report = read(text, About { until, ..About::default() });
        report.values.iter().map(|it| it.date).collect::<Vec<_>>()
    };
    assert_eq!(days("Data prelievo: 12/03/2062\nFSH   7,2 mUI/mL"), [None]);
    assert_eq!(days("Data prelievo: 20/03/2026\nFSH   7,2 mUI/mL"), [until]);
    assert_eq!(
        days("Data prelievo: 12/03/2062\nData referto: 14/03/2026\nFSH   7,2 mUI/mL"),
        [Some(date(2026, 3, 14))]
    );
    let table = "Data prelievo: 12/03/2026\nEsame   U.M.     12/03/2025   12/03/2062\nFSH     mUI/mL   7,2          8,1";
    assert_eq!(days(table), [Some(date(2025, 3, 12)), None], "not the day of the report either");
}

#[test]
fn a_value_of_a_day_before_the_birth_is_unread() {
    let from = Some(date(1990, 5, 17));
    let said = |text: &str| {
        let report = read(text, About { from, ..About::default() });
        let values = report.values.iter().map(|it| it.date.map(|it| it.to_string()).unwrap_or_default());
        let unread = report.unread.iter().map(|it| it.why.as_str().to_owned());
        values.chain(unread).collect::<Vec<_>>()
    };
    assert_eq!(said("Data prelievo: 12/03/1986\nFSH   7,2 mUI/mL"), ["before_birth"]);
    assert_eq!(said("Data prelievo: 17/05/1990\nFSH   7,2 mUI/mL"), ["1990-05-17"]);
    assert_eq!(said("FSH   7,2 mUI/mL"), [""], "without a day");
    let table = "Data prelievo: 12/03/2026\nEsame   U.M.     12/03/2025   12/03/1986\nFSH     mUI/mL   7,2          8,1";
    assert_eq!(said(table), ["2025-03-12", "before_birth"]);
}

#[test]
fn the_sign_of_an_older_result_is_not_that_of_the_new_one() {
    let head = "Esame   Risultato   V.R.         Precedente\n";
    let report = of(&format!("{head}FSH     7,2         3,5 - 12,5   15,1 *"));
    assert_eq!((report.values[0].printed, report.values[0].flag), (None, Some(Flag::Normal)));
    let report = of(&format!("{head}FSH     15,1 *      3,5 - 12,5   7,2"));
    assert!(report.values[0].printed.is_some());
}

#[test]
fn a_hormone_of_a_day_of_the_cycle_is_read() {
    each(&[
        ("FSH 3° giorno   7,2   mUI/mL   3,5 - 12,5", &["fsh 7.2 m[IU]/mL"]),
        ("FSH 3°giorno   7,2   mUI/mL", &["fsh 7.2 m[IU]/mL"]),
        ("FSH (3° giorno)   7,2   mUI/mL", &["fsh 7.2 m[IU]/mL"]),
        ("FSH giorno 3   7,2   mUI/mL", &["fsh 7.2 m[IU]/mL"]),
        ("FSH day 3   7.2   mIU/mL", &["fsh 7.2 m[IU]/mL"]),
        ("FSH 3rd day   7.2   mIU/mL", &["fsh 7.2 m[IU]/mL"]),
        ("FSH giorno   7,2   mUI/mL", &["fsh 7.2 m[IU]/mL"]),
        ("Progesterone 21° giorno   12,3   8,1   ng/mL", &[]),
        ("Cortisolo ore 8   14,2   ug/dL", &["cortisol 14.2 ug/dL"]),
        ("Cortisolo ore 8.30   14,2   ug/dL", &["cortisol 14.2 ug/dL"]),
        ("Cortisolo ore 8:00   14,2   ug/dL", &["cortisol 14.2 ug/dL"]),
    ]);
}

#[test]
fn a_power_of_ten_stands_behind_its_number_in_many_ways() {
    for unit in ["x 10^6/mL", "x10^6/mL", "x 10⁶/mL", "× 10⁶/mL", "×10⁶/mL", "10⁶/mL", "x 106/mL", "x106/mL"]
    {
        for gap in [" ", "   "] {
            let text = format!("Concentrazione spermatozoi   45{gap}{unit}   > 16");
            assert_eq!(found(&text), ["sperm_concentration 45 10*6/mL"], "{text}");
        }
        let text = format!("SPERMIOGRAMMA\nConcentrazione ({unit})   45");
        if unit.contains('^') || unit.contains('⁶') {
            assert_eq!(found(&text), ["sperm_concentration 45 10*6/mL"], "{text}");
        }
    }
    each(&[
        ("Volume ovaio destro   72 x 41 x 38 mm", &[]),
        ("Volume ovaio destro   72 × 41 × 38 mm", &[]),
        ("Volume ovaio destro   8,2 cm³", &["ovary_volume_right 8.2 cm3"]),
    ]);
}

#[test]
fn an_antibody_test_for_hiv_is_not_the_combined_one() {
    let codes = |text: &str| {
        let report = of(text);
        report.values.iter().map(|it| (it.analyte.code, it.loinc())).collect::<Vec<_>>()
    };
    assert_eq!(codes("HIV 1/2 Ag/Ab   negativo"), [("hiv", Some("56888-1"))]);
    assert_eq!(codes("Anticorpi anti HIV 1/2   negativo"), [("hiv_ab", Some("31201-7"))]);
    assert_eq!(codes("Anti-HIV   negativo"), [("hiv_ab", Some("31201-7"))]);
}

#[test]
fn a_unit_of_a_makers_own_has_no_prefix() {
    each(&[
        ("Anti-TPO   60 kU/L", &["anti_tpo 60 [arb'U]/mL"]),
        ("Anti-TPO   60 mAU/mL", &["anti_tpo 60 [arb'U]/L"]),
        ("Anti-TPO   60 U/mL", &["anti_tpo 60 [arb'U]/mL"]),
        ("Anti-TPO   60 kU/mL", &["anti_tpo 60 [arb'U]/uL"]),
        ("Anti-TPO   60 mU/L", &[]),
        ("TSH   2,1 mU/L", &["tsh 2.1 m[IU]/L"]),
    ]);
}
