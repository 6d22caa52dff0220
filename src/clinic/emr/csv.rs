//! Values as a table (RFC 4180), made to be opened by spreadsheets: no cell is a formula.

use crate::clinic::values::LaboratoryValue;

/// The columns.
const HEADER: &str = "id,analyte,loinc,comparator,number,unit,finding,canonical,canonical_unit,range_low,range_high,flag,\
                      observed_on,source,confidence,doubts\r\n";

/// The table with its header.
pub fn of_values(values: &[LaboratoryValue]) -> String {
    let mut table = HEADER.to_owned();
    for value in values {
        let canonical = value.canonical.map(|it| it.to_string()).unwrap_or_default();
        let day = value.observed_on.map(|it| it.to_string()).unwrap_or_default();
        let confidence = value.confidence.map(|it| it.to_string()).unwrap_or_default();
        let text = |it: &Option<String>| it.clone().unwrap_or_default();
        let cells = [
            value.id.to_string(),
            value.analyte.clone(),
            text(&value.loinc),
            text(&value.comparator),
            text(&value.number),
            text(&value.unit),
            text(&value.finding),
            canonical,
            text(&value.canonical_unit),
            text(&value.range_low),
            text(&value.range_high),
            text(&value.flag),
            day,
            value.source.as_str().to_owned(),
            confidence,
            value.doubts.join(" "),
        ];
        table.push_str(&cells.map(|it| cell(&it)).join(","));
        table.push_str("\r\n");
    }
    table
}

/// A cell; what spreadsheets would take for a formula gets an apostrophe (OWASP, CSV injection).
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let plain = if is_formula { format!("'{text}") } else { text.to_owned() };
    if plain.contains([',', '"', '\n', '\r']) { format!("\"{}\"", plain.replace('"', "\"\"")) } else { plain }
}

#[cfg(test)]
mod tests {
    use super::{HEADER, cell, of_values};

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        for (text, expected) in [
            ("7.20", "7.20"),
            ("<", "<"),
            ("46,XX", "\"46,XX\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
            ("=SUM(A1)", "'=SUM(A1)"),
            ("-1", "'-1"),
            ("@x,y", "\"'@x,y\""),
        ] {
            assert_eq!(cell(text), expected);
        }
        assert_eq!(of_values(&[]), HEADER);
        assert_eq!(HEADER.split(',').count(), 16);
    }
}
