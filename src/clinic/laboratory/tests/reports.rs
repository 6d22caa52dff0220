//! Whole reports: what comes out, where it stood, how sure it is, and what is left out.

use jiff::civil::date;

use crate::clinic::laboratory::{
    flags::{Flag, Printed, Sex},
    report::{About, Reading, Report, Why, read},
    units::{Unit, conversion, spelling},
};

const REPORT: &str = "\
Laboratorio San Giorgio          Tel. 06 4455667
Paziente: ROSSI ANNA      Data di nascita: 05/05/1988
Data prelievo: 02/05/2024      Data referto: 04/05/2024

Esame                  Risultato    U.M.       Valori di riferimento
FSH                    13,1 *       mUI/mL     3,5 - 12,5
Emoglobina             12,9         g/dL       Donne: 12 - 16
                                               Uomini: 13,5 - 17,5
AMH                    in corso     ng/mL      1,0 - 10,6
\u{c}Prolattina             398          mUI/L      102 - 496
Pag. 2 di 2
";

fn of(text: &str) -> Report {
    read(text, About { sex: Some(Sex::Female), ..About::default() })
}

fn shown(report: &Report) -> Vec<String> {
    let show =
        |it: &Reading| format!("{} {:?} {:?}", it.analyte.code, it.value, it.unit.as_ref().map(Unit::ucum));
    report.values.iter().map(show).collect()
}

#[test]
fn a_value_knows_its_place_its_day_and_what_was_recognised() {
    let report = of(REPORT);
    let codes: Vec<_> = report.values.iter().map(|it| it.analyte.code).collect();
    assert_eq!(codes, ["fsh", "haemoglobin", "prolactin"]);
    let [fsh, haemoglobin, prolactin] = &report.values[..] else { unreachable!("three were found") };
    assert_eq!(
        &REPORT[fsh.place.start..fsh.place.end],
        "FSH                    13,1 *       mUI/mL     3,5 - 12,5"
    );
    assert_eq!((fsh.place.page, fsh.place.line), (1, 6));
    assert_eq!((prolactin.place.page, prolactin.place.line), (2, 1));
    assert_eq!(fsh.date, Some(date(2024, 5, 2)));
    assert_eq!(
        (fsh.flag, fsh.printed, fsh.contradicts()),
        (Some(Flag::High), Some(Printed::Abnormal), false)
    );
    assert_eq!(fsh.loinc(), Some("15067-2"));
    assert_eq!(fsh.recognised.percent(), 100);
    assert_eq!(haemoglobin.ranges.len(), 2);
    assert_eq!(
        haemoglobin.flag,
        Some(Flag::Normal),
        "the range for women, from the same line, not that below"
    );
    assert_eq!(prolactin.loinc(), Some("15081-3"), "in activity, not in mass");
}

#[test]
fn what_was_named_and_has_no_value_is_said_to_be_unread() {
    let report = of(REPORT);
    let unread: Vec<_> = report.unread.iter().map(|it| (it.analyte.code, it.why, it.place.line)).collect();
    assert_eq!(unread, [("amh", Why::NoValue, 9)]);
    let strange = of("FSH   7,2   furlongs   3,5 - 12,5\nTSH   2,1   mg/dL");
    assert!(strange.values.is_empty());
    assert!(strange.unread.iter().all(|it| it.why == Why::Unit));
}

#[test]
fn a_value_is_there_once_for_a_day() {
    let report = of("FSH  7,2 mUI/mL\nTSH  2,1 mUI/L\nFSH  7,2 mUI/mL\nTSH  2,4 mUI/L");
    assert_eq!(report.values.len(), 2);
    let unread: Vec<_> = report.unread.iter().map(|it| (it.analyte.code, it.why)).collect();
    assert_eq!(unread, [("tsh", Why::AnotherValue)], "the same again is nothing new, another value is said");
}

#[test]
fn confidence_says_what_is_missing() {
    let report = of("FSH\n7,2 mUI/mL\nLH   5,1\nSPERMIOGRAMMA\nVolume   2,8 mL\nHOMA-IR   1,9   H   < 2,5");
    let missing = |place: usize| report.values[place].recognised.missing().collect::<Vec<_>>();
    assert_eq!(missing(0), ["value_in_another_line", "no_range", "no_date"]);
    assert_eq!(missing(1), ["no_unit", "no_range", "no_date"]);
    assert_eq!(missing(2), ["name_depends_on_section", "no_range", "no_date"]);
    assert_eq!(missing(3), ["no_date", "range_contradicts_flag"]);
    assert_eq!(report.values[0].recognised.percent(), 65);
    let scan = read(REPORT, About { is_scan: true, ..About::default() });
    assert_eq!(scan.values[0].recognised.missing().collect::<Vec<_>>(), ["read_from_image"]);
}

#[test]
fn a_value_below_its_name_is_found_and_one_below_other_words_is_not() {
    let found =
        shown(&of("Follitropina (FSH)\nRisultato: 18,3   U.M.: UI/L\nValori di riferimento: 3,5 - 12,5"));
    assert_eq!(found, ["fsh Number(None, Decimal { mantissa: 183, scale: 1 }) Some(\"[IU]/L\")"]);
    assert!(of("FSH\nsi consiglia di ripetere\n18,3").values.is_empty());
    assert!(of("FSH\n\n\n\n\n\n18,3").values.is_empty());
}

#[test]
fn the_decimal_sign_is_that_of_the_document() {
    let platelets = |text| shown(&of(text))[0].clone();
    assert!(platelets("Piastrine  250.000 /mmc\nFSH  7,2 mUI/mL").contains("mantissa: 250000, scale: 0"));
    assert!(platelets("Platelets  250.125 K/uL\nFSH  7.2 mIU/mL").contains("mantissa: 250125, scale: 3"));
    assert!(platelets("Platelets  250,000 /uL\nFSH  7.2 mIU/mL").contains("mantissa: 250000, scale: 0"));
}

#[test]
fn urine_and_remarks_give_nothing() {
    let report =
        of("URINE\nGlucosio   12 mg/dL\nEmoglobina   0,03 mg/dL\nEMATOLOGIA\nEmoglobina   12,1 g/dL");
    assert_eq!(report.values.len(), 1);
    for text in [
        "TSH: nelle donne in gravidanza il limite superiore è 2,5 mUI/L.",
        "L'AMH è stabile; valori inferiori a 1,1 ng/mL indicano ridotta riserva.",
        "In terapia con progesterone 200 mg x 2 dal 14/01/2024.",
        "FSH e LH vanno dosati tra il 2° e il 5° giorno.",
        "AMH      ng/mL   < 10,6",
        "Vitamina D 1000 UI al giorno",
        "Beta HCG: 3a settimana 5-50; 4a settimana 5-426",
    ] {
        assert_eq!(shown(&of(text)), [""; 0], "{text}");
    }
}

#[test]
fn values_can_be_compared_across_units() {
    let report = of("Estradiolo   100 pg/mL");
    let reading = &report.values[0];
    let wanted = spelling::read_code("pmol/L").unwrap();
    let crate::clinic::laboratory::grammar::rows::Value::Number(_, number) = reading.value else {
        unreachable!()
    };
    let converted =
        conversion::convert(number, reading.unit.as_ref().unwrap(), &wanted, reading.analyte.bridge);
    assert!(converted.unwrap().to_string().starts_with("367.1"));
}
