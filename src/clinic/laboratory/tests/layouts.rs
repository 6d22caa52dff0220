//! How laboratories set a row: what belongs to a name, what belongs to another one, and what is nobody's.

use jiff::civil::date;

use crate::clinic::laboratory::{
    flags::{Flag, Sex},
    grammar::rows::Value,
    report::{About, Reading, Report, read},
};

fn of(text: &str) -> Report {
    read(text, About { sex: Some(Sex::Female), ..About::default() })
}

fn said(reading: &Reading) -> String {
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

fn found(text: &str) -> Vec<String> {
    of(text).values.iter().map(said).collect()
}

fn unread(text: &str) -> Vec<&'static str> {
    of(text).unread.iter().map(|it| it.analyte.code).collect()
}

/// Texts, each with what is found in it.
fn each(texts: &[(&str, &[&str])]) {
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

fn ranges(text: &str) -> (usize, Option<Flag>) {
    let report = of(text);
    assert_eq!(report.values.len(), 1, "{text}");
    (report.values[0].ranges.len(), report.values[0].flag)
}

#[test]
fn a_range_for_an_age_is_not_applied_and_the_age_is_no_range() {
    for text in [
        "AMH   1,2   ng/mL   35-40 anni: 0,8 - 6,0",
        "AMH 1,2 ng/mL 35-40 anni: 0,8 - 6,0",
        "FSH   7,2   mUI/mL   18 - 45 anni: 3,5 - 12,5",
        "Testosterone   5,2   ng/mL   20-49 anni 2,5 - 8,4",
        "DHEA-S   210   ug/dL   30-39 a: 61 - 337",
        "AMH   1,2   ng/mL   (25-30 anni) 1,17 - 3,29",
        "AMH   1,2   ng/mL   20-29 anni: 1,5-9,5; 30-34: 1,2-8,0; 35-40: 0,8-6,0",
        "AMH   1,2   ng/mL   20-29 anni   1,5 - 9,5\n                    30-34 anni   1,2 - 8,0",
        "AMH   1,2   ng/mL\n                    20-29 anni: 1,5 - 9,5\n                    30-34: 1,2 - 8,0",
        "AMH   1,2   ng/mL   1,5 - 9,5 (20-29 anni)",
        "AMH   1,2   ng/mL   1,5 - 9,5\n                    (20-29 anni)",
        "AMH   1,2   ng/mL   Donne 20-29 anni: 1,5-9,5",
        "AMH   1,2   ng/mL   > 40 anni: 0,2 - 5,0",
        "AMH   1,2   ng/mL   Adulti (> 18 anni): 1,5 - 5,0",
        "AMH   1.2   ng/mL   25-29 y: 1.5-9.0",
        "AMH   1.2   ng/mL   Age 35-40: 1.8-6.0",
    ] {
        assert_eq!(ranges(text), (0, None), "{text}");
    }
    assert_eq!(ranges("FSH   7,2   mUI/mL   3,5 - 12,5"), (1, Some(Flag::Normal)));
    each(&[("AMH   35-40 anni: 0,8 - 6,0   ng/mL", &[]), ("AMH   35-40 anni: 5 ng/mL", &[])]);
}

#[test]
fn a_number_less_than_0_is_no_value() {
    each(&[
        ("TSH   -2,0   mUI/L   0,27 - 4,2", &[]),
        ("TSH -2,0 mUI/L", &[]),
        ("TSH: -2,0 mUI/L", &[]),
        ("TSH-2,0 mUI/L", &[]),
        ("TSH   \u{2212}2,0   mUI/L", &[]),
        ("TSH   < -2,0   mUI/L", &[]),
        ("LH   5,1-   mUI/mL   2,4 - 12,6", &[]),
        ("AMH - 2,0 ng/mL", &["amh 2.0 ng/mL"]),
        ("TSH-3rd generation   2.1   mIU/L", &["tsh 2.1 m[IU]/L"]),
    ]);
    assert_eq!(unread("TSH   -2,0   mUI/L   0,27 - 4,2"), ["tsh"]);
    assert_eq!(ranges("FSH   7,2   mUI/mL   3,5 -12,5"), (1, Some(Flag::Normal)));
    assert_eq!(ranges("FSH   7,2   mUI/mL   3,5-12,5"), (1, Some(Flag::Normal)));
}

#[test]
fn a_number_that_begins_with_its_mark_is_no_value() {
    each(&[
        ("Prolactin   .5   ng/mL   4.8-23.3", &[]),
        ("Prolactin .5 ng/mL", &[]),
        ("Prolattina   ,5   ng/mL   4,8-23,3", &[]),
        ("Prolattina   < ,5   ng/mL", &[]),
        ("Prolattina:,5 ng/mL", &[]),
        ("Prolattina ........ 7,5 ng/mL", &["prolactin 7.5 ng/mL"]),
    ]);
    assert_eq!(unread("Prolactin   .5   ng/mL   4.8-23.3"), ["prolactin"]);
    assert_eq!(ranges("TSH   2.1   mIU/L   .4 - 4.0"), (0, None), "not from 4");
}

#[test]
fn what_the_laboratory_was_not_sure_of_is_no_value() {
    each(&[
        ("Glucose   95?   mg/dL", &[]),
        ("Glucose   ?95   mg/dL", &[]),
        ("Testosterone   ~0.3   ng/mL   0.1-0.5", &[]),
        ("Testosterone ~ 0.3 ng/mL", &[]),
        ("Testosterone   ≈ 0.3   ng/mL", &[]),
    ]);
    assert_eq!(unread("Glucose   95?   mg/dL"), ["glucose"]);
}

#[test]
fn the_day_of_printing_is_no_day_of_values() {
    for text in [
        "Stampato il 15/04/2026",
        "Data stampa: 15/04/2026",
        "Printed on 2026-04-15",
        "Date printed: 2026-04-15",
    ] {
        assert_eq!(of(&format!("{text}\nFSH   7,2   mUI/mL")).values[0].date, None, "{text}");
    }
}

fn reasons(text: &str) -> Vec<(&'static str, &'static str)> {
    of(text).unread.iter().map(|it| (it.analyte.code, it.why.as_str())).collect()
}

#[test]
fn three_digits_behind_a_mark_are_what_their_range_says_or_nothing() {
    for (text, code) in [
        ("TSH   2.150   mUI/L   0,27 - 4,20", "tsh"),
        ("AMH   1.050   ng/mL   1,0-10,6", "amh"),
        ("Test   Result   Units\nTSH   2,150   mIU/L   0.27-4.20", "tsh"),
        ("Test   Result   Units   Reference\nLH   5.1   IU/L   2.4-12.6\nAMH   1,050   pmol/L", "amh"),
        // Both are near, neither is.
        ("Estradiolo   1.250   pg/mL   12,5 - 498,0", "estradiol"),
        ("AMH   1.050   ng/mL   > 30000,0", "amh"),
        ("Prolattina   1.250   ng/mL\nFSH   7,2   mUI/mL", "prolactin"),
    ] {
        assert_eq!(reasons(text), [(code, "ambiguous")], "{text}");
    }
    each(&[
        (
            "Piastrine   250.000   /uL   150.000 - 400.000\nFSH   7,2   mUI/mL",
            &["platelets 250000 /uL", "fsh 7.2 m[IU]/mL"],
        ),
        (
            "Leucociti   12.480   /uL   4.000 - 10.000\nFSH   7,2   mUI/mL",
            &["leukocytes 12480 /uL", "fsh 7.2 m[IU]/mL"],
        ),
        ("Leucociti   12.480   /uL\nFSH   7,2   mUI/mL", &["leukocytes 12480 /uL", "fsh 7.2 m[IU]/mL"]),
        ("TSH   2,345   mUI/L   0,270 - 4,200", &["tsh 2.345 m[IU]/L"]),
        ("TSH   2,345   mUI/L\nFSH   7,2   mUI/mL", &["tsh 2.345 m[IU]/L", "fsh 7.2 m[IU]/mL"]),
        ("TSH   150,123   mUI/L   0,27 - 4,20", &["tsh 150.123 m[IU]/L"]),
        (
            "Beta hCG   3.412   mUI/mL   < 5\nFSH   7,2   mUI/mL",
            &["beta_hcg 3412 m[IU]/mL", "fsh 7.2 m[IU]/mL"],
        ),
        ("Estradiolo   2.345   pg/mL\nFSH   7,2   mUI/mL", &["estradiol 2345 pg/mL", "fsh 7.2 m[IU]/mL"]),
        ("Test   Result   Units\nTSH   1.458   mIU/L   0.27-4.20", &["tsh 1.458 m[IU]/L"]),
        ("FSH   1.234,5   mUI/mL", &[]),
    ]);
}

#[test]
fn what_cannot_be_is_unread() {
    for (text, code) in [
        ("TSH   2150   mIU/L   0.27-4.20", "tsh"),
        ("TSH   2.15   mIU/mL", "tsh"),
        ("AMH   1050   pmol/L", "amh"),
        ("SPERMIOGRAMMA\nMotilita progressiva   140   %", "sperm_motility_progressive"),
        ("SPERMIOGRAMMA\npH   77", "semen_ph"),
        ("SPERMIOGRAMMA\nVolume   28   mL", "semen_volume"),
    ] {
        assert_eq!(reasons(text), [(code, "impossible")], "{text}");
        assert_eq!(found(text), [""; 0], "{text}");
    }
}

#[test]
fn a_heading_of_semen_may_share_its_line() {
    let rows = "\nVolume   1,2   mL   >= 1,5\nLeucociti   0,4   mln/mL   < 1";
    for heading in [
        "SEMEN ANALYSIS   Patient: Marco Verdi    Collected: 2026-03-10",
        "Esame del liquido seminale - Paziente: Marco Verdi",
        "SPERMIOGRAMMA    Paziente: Marco Verdi   Data: 10/03/2026",
        "SPERMIOGRAMMA   10/03/2026",
        "Spermiogramma (Data: 10/03/2026)",
        "SPERMIOGRAMMA",
    ] {
        let text = format!("{heading}{rows}");
        assert_eq!(found(&text), ["semen_volume 1.2 mL", "semen_leukocytes 0.4 10*6/mL"], "{text}");
    }
    each(&[
        (
            "SEMEN ANALYSIS   Patient: Marco Verdi\nLeukocytes   0.4   M/mL\n\nBLOOD COUNT   Patient: Marco Verdi\nLeukocytes   6.4   10^9/L",
            &["semen_leukocytes 0.4 10*6/mL", "leukocytes 6.4 10*9/L"],
        ),
        ("Data spermiogramma: 12/03/2024\nLeucociti   6,4   10^9/L", &["leukocytes 6.4 10*9/L"]),
        ("ESAME URINE   Paziente: Verdi Marta\nGlucosio   20 mg/dL", &[]),
    ]);
}

#[test]
fn a_day_of_collection_on_a_later_page_is_that_of_its_values() {
    let days = |text: &str| {
        of(text)
            .values
            .iter()
            .map(|it| (it.analyte.code, it.date.map(|it| it.to_string())))
            .collect::<Vec<_>>()
    };
    let day = |it: &str| Some(it.to_owned());
    let text = "Collected: 2026-01-10\nFSH   7.2   IU/L\n\u{c}Collected: 2026-02-20\nFSH   6.0   IU/L\nTSH   2.5   mIU/L\n\u{c}LH   5.0   IU/L";
    assert_eq!(
        days(text),
        [
            ("fsh", day("2026-01-10")),
            ("fsh", day("2026-02-20")),
            ("tsh", day("2026-02-20")),
            ("lh", day("2026-02-20"))
        ]
    );
    assert_eq!(of(text).date.map(|it| it.to_string()), day("2026-01-10"));
    let at_the_end = "Collected: 2026-01-10\nFSH   7.2   IU/L\n\u{c}TSH   2.5   mIU/L\nCollected: 2026-02-20";
    assert_eq!(days(at_the_end)[1], ("tsh", day("2026-02-20")));
    let unclear = "Collected: 2026-01-10\nFSH   7.2   IU/L\n\u{c}Collected: 03/04/2026\nTSH   2.5   mIU/L";
    assert_eq!(days(unclear)[1], ("tsh", None), "March or April, but not January");
    let reported = "Collected: 2026-01-10\nFSH   7.2   IU/L\n\u{c}Reported: 2026-02-20\nTSH   2.5   mIU/L";
    assert_eq!(days(reported)[1], ("tsh", day("2026-01-10")), "another day, but not of collection");
}

#[test]
fn the_partners_values_are_not_the_patients() {
    let his = "FSH   4,1   mUI/mL   1,5 - 12,4\n";
    let hers = "FSH   11,9   mUI/mL   3,5 - 12,5\n";
    for heading in
        ["PARTNER MASCHILE (Verdi Luca)", "PARTNER", "MALE PARTNER", "MARITO", "Marito: Verdi Luca"]
    {
        let text = format!("{heading}\n{his}\nPAZIENTE (Verdi Marta)\n{hers}");
        assert_eq!(found(&text), ["fsh 11.9 m[IU]/mL"], "{text}");
        assert_eq!(reasons(&text), [("fsh", "another_person")], "{text}");
        let text = format!("Paziente: Verdi Marta\n{hers}\n{heading}\n{his}");
        assert_eq!(found(&text), ["fsh 11.9 m[IU]/mL"], "{text}");
        // The top of the next page is not the end of his part.
        let text = format!("Paziente: Verdi Marta\n{hers}\n{heading}\n\u{c}Paziente: Verdi Marta\n{his}");
        assert_eq!(found(&text), ["fsh 11.9 m[IU]/mL"], "{text}");
    }
    let named = format!("Paziente: Verdi Marta\nPartner: Verdi Luca\n{hers}");
    assert_eq!(found(&named), ["fsh 11.9 m[IU]/mL"], "who they are, at the top");
    let couple = format!("MALE PARTNER\n{his}FEMALE PARTNER\n{hers}");
    assert_eq!(found(&couple), ["fsh 11.9 m[IU]/mL"]);
    let mans = |text: &str| {
        let report = read(text, About { sex: Some(Sex::Male), ..About::default() });
        report.values.iter().map(said).collect::<Vec<_>>()
    };
    assert_eq!(mans(&couple), ["fsh 4.1 m[IU]/mL"]);
    assert_eq!(mans(&format!("PARTNER MASCHILE\n{his}PAZIENTE\n{hers}")), ["fsh 4.1 m[IU]/mL"]);
    let nobody = read(&couple, About::default());
    assert!(nobody.values.is_empty() && nobody.unread.len() == 2, "whose record it is, is not known");
    assert_eq!(
        found(
            "SPERMIOGRAMMA\nVolume   2   mL\nPARTNER\nFSH   4,1   mUI/mL\nPAZIENTE\nLeucociti   6,4   10^9/L"
        ),
        ["semen_volume 2 mL", "leukocytes 6.4 10*9/L"]
    );
}

#[test]
fn days_of_abstinence_are_days() {
    each(&[
        ("SPERMIOGRAMMA\nGiorni di astinenza: 4", &["semen_abstinence 4 d"]),
        ("SEMEN ANALYSIS\nDays of abstinence   4", &["semen_abstinence 4 d"]),
        ("SPERMIOGRAMMA\nAstinenza 4 giorni", &["semen_abstinence 4 d"]),
        ("SPERMIOGRAMMA\nAstinenza: 4", &["semen_abstinence 4"]),
    ]);
}

#[test]
fn a_range_may_have_wide_blanks() {
    let head = "Esame   Risultato   U.M.   Riferimento\n";
    for row in [
        "LH   15,1   mUI/mL   2,4   -   12,6",
        "LH   15,1   mUI/mL   2,4 -   12,6",
        "LH   15,1   mUI/mL   2,4   - 12,6",
        "LH   15,1   2,4   -   12,6   mUI/mL",
        "LH   15,1 mUI/mL   2,4   –   12,6",
    ] {
        assert_eq!(ranges(row), (1, Some(Flag::High)), "{row}");
        assert_eq!(ranges(&format!("{head}{row}")), (1, Some(Flag::High)), "{row}");
        assert_eq!(found(row), ["lh 15.1 m[IU]/mL"], "{row}");
    }
    assert_eq!(ranges("LH   7,2   -   6,8"), (0, None), "the sign is missing, and an older value");
    let older = "Esame   Risultato   U.M.     Precedente\nLH      7,2         mUI/mL   6,1   -   6,8";
    assert_eq!(ranges(older), (0, None));
}
