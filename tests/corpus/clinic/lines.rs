//! Values as lines, those that were read and those that the corpus says: what must be equal for one to be right. For the tests of
//! texts (`src/clinic/laboratory/tests`) and of files (`tests/it/clinic/reading`), each of which brings the types.

use super::{Json, Reading, Value};

/// A value that was read.
pub(super) fn said(reading: &Reading) -> String {
    let value = match &reading.value {
        Value::Number(comparator, number) => {
            format!("{}{}", comparator.map_or("", |it| it.as_str()), shortened(&number.to_string()))
        }
        Value::Finding(finding) => finding.as_str().to_owned(),
        Value::Karyotype(text) => text.clone(),
    };
    let unit = reading.unit.as_ref().map_or("", |it| it.ucum());
    let date = reading.date.map_or_else(String::new, |it| it.to_string());
    format!("{} {value} {unit} @{date} p{}", reading.analyte.code, reading.place.page)
}

/// One of the corpus.
pub(super) fn expected(it: &Json) -> String {
    let text = |key: &str| it[key].as_str().unwrap_or_default();
    let value = match it["text"].as_str() {
        Some(text) => text.to_owned(),
        None => format!("{}{}", text("comparator"), shortened(text("value"))),
    };
    format!("{} {value} {} @{} p{}", text("code"), text("unit"), text("date"), it["page"])
}

/// 5.0 is 5.
pub(super) fn shortened(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}
