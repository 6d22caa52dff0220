//! What looks like a value and is none, or is somebody else's: ages, signs, thousands, partners, days.

use super::layouts::{each, found, of, said, unread};
use crate::clinic::laboratory::{
    flags::{Flag, Sex},
    report::{About, read},
};

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
        // As small as no method can tell.
        ("FSH 7,2 mIU/l", "fsh"),
        ("LH   5,1   mUI/L   2,4 - 12,6", "lh"),
        ("Prolattina 15 ng/L", "prolactin"),
        ("Estradiolo 45 pg/L", "estradiol"),
        ("Haemoglobin   131   g/dL", "haemoglobin"),
        ("Leukocytes   6100   10*3/uL", "leukocytes"),
        ("Ematocrito   0,41   %", "haematocrit"),
        ("Piastrine   250000   10^9/L", "platelets"),
        ("HbA1c   38   %", "hba1c"),
    ] {
        assert_eq!(reasons(text), [(code, "impossible")], "{text}");
        assert_eq!(found(text), [""; 0], "{text}");
    }
    each(&[
        ("FSH   < 0,01   mUI/mL", &["fsh <0.01 m[IU]/mL"]),
        ("FSH   0,3   mUI/mL", &["fsh 0.3 m[IU]/mL"]),
    ]);
}

#[test]
fn what_is_a_part_is_not_the_whole() {
    for text in [
        "Conta follicoli antrali: 6 (dx) + 7 (sn)",
        "AFC 6+7",
        "AFC 6 + 7",
        "AFC: 6 +7",
        "AFC: 6 dx, 7 sx",
        "AFC: 6 (dx), 7 (sx)",
        "AFC   6 dx   7 sn",
        "AFC   6   7",
        "AFC 6, 7",
        "AFC 6 e 7",
        "AFC 6/7",
        "AFC: dx 6, sn 7",
        "AFC (dx): 6+7",
        "AFC 6 a destra e 7 a sinistra",
        "AFC 6 follicoli nell'ovaio destro",
        "AFC 6 on the right, 7 on the left",
        "Antral follicle count: 6 (R) + 7 (L)",
        "Antral follicle count: 6R + 7L",
        "AFC 6 R",
        "AFC 12 per ovaio",
        "AFC 8 per ovary",
        "AFC: 8 each",
        "AFC: 8 in each ovary",
        "AFC 12 (per lato)",
        "AFC 12 per side",
        "Conta follicoli antrali\n6 (dx) + 7 (sn)",
        "Esame   Risultato   U.M.\nAFC   6 + 7",
        "FSH   7,2 + 0,3   mUI/mL",
        "FSH   7,2 mUI/mL + 0,3 mUI/mL",
        "Spessore endometriale 4 mm + 5 mm",
        "SPERMIOGRAMMA\nLeucociti   2+",
    ] {
        assert_eq!(found(text), [""; 0], "{text}");
        let report = of(text);
        assert_eq!(report.unread.len(), 1, "{text}: {:?}", report.unread);
        assert_eq!(report.unread[0].why.as_str(), "no_value", "{text}");
    }
    each(&[
        ("AFC: 13", &["afc 13"]),
        ("AFC 13 (6 + 7)", &["afc 13"]),
        ("AFC 13 (6 dx, 7 sn)", &["afc 13"]),
        ("AFC 13 (6 a destra, 7 a sinistra)", &["afc 13"]),
        ("AFC 13 (6 dx, 5 sn)", &[]),
        ("AFC 13 (3° giorno)", &["afc 13"]),
        ("AFC 13   10 - 20", &["afc 13"]),
        ("AFC 13 in total", &["afc 13"]),
        ("Esame   Risultato   Precedente\nAFC     13          11", &["afc 13"]),
        ("AFC destro 9", &["afc_right 9"]),
        ("AFC right 9", &["afc_right 9"]),
        ("AFC (dx): 6\nAFC (sn): 7", &["afc_right 6", "afc_left 7"]),
        ("Conta follicoli antrali (dx): 6", &["afc_right 6"]),
        ("AFC dx 6 + 7", &[]),
        ("Follicolo dominante 18 mm a destra", &["dominant_follicle 18 mm"]),
        ("LH   5,1 L   mUI/mL", &["lh 5.1 m[IU]/mL"]),
    ]);
    assert_eq!(unread("AFC (ovaio a destra) 6"), ["afc"]);
}

#[test]
fn what_is_written_in_another_way_is_read_or_listed() {
    each(&[
        ("F.S.H. 7,2 mUI/mL", &["fsh 7.2 m[IU]/mL"]),
        ("L.H.   5,1   mUI/mL", &["lh 5.1 m[IU]/mL"]),
        ("FSH al 3° giorno 7,2 mUI/mL", &["fsh 7.2 m[IU]/mL"]),
        ("FSH on 3rd day: 7.2 mIU/mL", &["fsh 7.2 m[IU]/mL"]),
        ("F S H 7,2 mUI/mL", &[]),
        ("L-H 5,1 mUI/mL", &[]),
        ("FSH circa 7,2", &[]),
        ("FSH about 7.2 mIU/mL", &[]),
    ]);
    for text in ["FSH circa 7,2", "FSH circa   7,2   mUI/mL", "FSH about 7.2 mIU/mL"] {
        assert_eq!(reasons(text), [("fsh", "no_value")], "{text}");
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

#[test]
fn that_there_are_no_spermatozoa_is_told_and_never_guessed() {
    let his = |text: &str| read(text, About { sex: Some(Sex::Male), ..About::default() });
    for text in [
        "SPERMIOGRAMMA\nAzoospermia",
        "SPERMIOGRAMMA\nAzoospermia: assente",
        "SPERMIOGRAMMA\nSpermatozoi assenti",
        "SPERMIOGRAMMA\nNon si osservano spermatozoi nel campione",
        "SPERMIOGRAMMA\nAssenza di spermatozoi dopo centrifugazione",
        "SEMEN ANALYSIS\nNo spermatozoa seen",
    ] {
        let report = his(text);
        let unread: Vec<_> = report.unread.iter().map(|it| it.analyte.code).collect();
        assert_eq!((report.values.len(), unread), (0, vec!["azoospermia"]), "{text}");
    }
    for (text, expected) in [
        ("SPERMIOGRAMMA\nMotilità a+b   40 %", "sperm_motility_progressive 40 %"),
        ("SPERMIOGRAMMA\nNemaspermi/mL   40 milioni/mL", "sperm_concentration 40 10*6/mL"),
    ] {
        let values: Vec<_> = his(text).values.iter().map(said).collect();
        assert_eq!(values, [expected], "{text}");
    }
}

#[test]
fn the_last_name_of_a_text_is_told_if_it_has_no_value() {
    assert_eq!(unread("TSH   2,1 mUI/L\nFSH"), ["fsh"]);
}
