//! Texts that mean harm: nothing panics, what comes out lies in the text, and the work stays in proportion to its length.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::clinic::laboratory::{
    grammar::rows::RANGES_MAX,
    names::all,
    report::{About, Report, VALUES_MAX, read},
};

/// A megabyte, and what is enough to see that work grows faster than the text.
const LARGE: usize = 1 << 20;
const ENOUGH: usize = 1 << 17;
/// Far more than it takes without optimisation on a slow machine; quadratic work takes hours.
const LIMIT: Duration = Duration::from_secs(60);

fn checked(text: &str) -> Report {
    let report = read(text, About::default());
    assert!(report.lexemes <= text.len(), "a lexeme has at least one byte, and each is made once");
    assert!(report.values.len() <= VALUES_MAX && report.unread.len() <= VALUES_MAX);
    let mut seen: Vec<_> = report.values.iter().map(|it| (it.analyte.code, it.date)).collect();
    seen.sort();
    assert!(seen.windows(2).all(|it| it[0] != it[1]), "each at most once for a day");
    for reading in &report.values {
        let place = reading.place;
        assert!(place.start < place.end, "{place:?}");
        assert!(text.get(place.start..place.end).is_some(), "{place:?} lies in the text, at letters");
        assert!((15..=100).contains(&reading.recognised.percent()));
    }
    report
}

#[test]
fn much_of_anything_is_read_in_proportion() {
    let names = all().flat_map(|it| it.names).copied().collect::<Vec<_>>().join(" ");
    for (what, piece) in [
        ("figures", "7"),
        ("figures and points", "1.2,3"),
        ("numbers", "7,2 "),
        ("numbers in cells", "7,2   "),
        ("brackets", "("),
        ("closed brackets", "FSH (("),
        ("dashes", "1 - "),
        ("letters", "a"),
        ("the same name", "FSH "),
        ("names in cells", "FSH   "),
        ("values in one line", "FSH 7,2 mUI/mL (3,5 - 12,5), "),
        ("values in lines", "FSH   7,2   mUI/mL   3,5 - 12,5\n"),
        ("names without values", "FSH\n"),
        ("heads of tables", "Esame   Risultato   12/03/2024\n"),
        ("dates", "12/03/2024 "),
        ("comparators", "<"),
        ("powers", "10^"),
        ("lines", "\n"),
        ("pages", "\u{c}"),
        ("dots", "."),
        ("wide letters", "\u{1f9ec}"),
        ("accents", "à̀̀"),
        ("lengthening letters", "ßİΔ"),
        ("turned around", "\u{202e}FSH 7,2 "),
        ("all names", &names),
        ("ranges of phases", "Fase follicolare: 1 - 2\n"),
        ("cells of a karyotype", "46,XX[1]/ [2] / "),
        ("names in one line of days", "FSH 1-2 3-4   "),
        ("nulls", "\0"),
    ] {
        let length = if what == "figures" || what == "values in one line" { LARGE } else { ENOUGH };
        let text = piece.repeat(length / piece.len());
        let begin = Instant::now();
        checked(&text);
        let took = begin.elapsed();
        assert!(took < LIMIT, "{what} took {took:?}");
    }
}

#[test]
fn what_a_row_has_is_not_multiplied() {
    // Days in one head and ranges in one row: each value would have all ranges of its row.
    let day = |at: usize| format!("{:02}/{:02}/{} ", at % 28 + 1, at / 28 % 12 + 1, 2000 + at / 336);
    let head: String = (0..370).map(day).collect();
    let names = all().filter(|it| it.takes_numbers()).filter_map(|it| it.names.first());
    let values = "7 1-2 3-4 ".repeat(370);
    let rows: Vec<String> = names.map(|it| format!("{it} {values}")).collect();
    let report = checked(&format!("Esame {head}\n{}", rows.join("\n")));
    let ranges: usize = report.values.iter().map(|it| it.ranges.len()).sum();
    assert!(report.values.len() > 100, "{} values", report.values.len());
    assert!(ranges <= RANGES_MAX * report.values.len(), "{ranges} ranges of {} values", report.values.len());
    // Nor have ranges below a value, line after line.
    let below = checked(&format!("FSH   7,2 mUI/mL\n{}", "1 - 2   3 - 4   5 - 6\n".repeat(12)));
    assert_eq!(below.values[0].ranges.len(), RANGES_MAX);
}

#[test]
fn twice_the_text_is_twice_the_work() {
    let report = "FSH   7,2 *   mUI/mL   3,5 - 12,5\nPrelievo del 12/03/2024: vedi nota\n";
    let lexemes = |times| checked(&report.repeat(times)).lexemes;
    assert_eq!(lexemes(2000), 2 * lexemes(1000));
    let lined_up = report.replace('\n', "  ");
    let lexemes = |times| checked(&lined_up.repeat(times)).lexemes;
    assert!(lexemes(2000).abs_diff(2 * lexemes(1000)) < 100, "cutting long lines costs nothing");
}

#[test]
fn hidden_and_turned_letters_make_no_value_of_something_else() {
    // What a person reads as 7,2 may be written from right to left; the text says 2,7, and it is no name.
    assert!(checked("\u{202e}Lm/IUm 2,7  HSF\u{202c}").values.is_empty());
    assert!(checked("F\0S\0H   7,2   mUI/mL").values.is_empty());
}

/// Pieces of reports in any order.
fn pieces() -> impl Strategy<Value = String> {
    let names: Vec<&'static str> =
        all().flat_map(|it| it.names.iter().chain(it.names_in_semen)).copied().collect();
    let piece = prop_oneof![
        proptest::sample::select(names).prop_map(str::to_owned),
        proptest::sample::select(vec![
            "  ",
            "\n",
            "\u{c}",
            "\t",
            "|",
            ":",
            "-",
            "(",
            ")",
            "<",
            "≤ ",
            "*",
            "H",
            "mUI/mL",
            "ng/mL",
            "10^6/mL",
            "%",
            "pg",
            "mm",
            "3,5 - 12,5",
            "fino a 25",
            "< 25",
            "Negativo",
            "non rilevabile",
            "in corso",
            "46,XX",
            "12/03/2024",
            "Data prelievo:",
            "Esame   Risultato   U.M.   Valori di riferimento",
            "Esame   01/02/2023   03/04/2024",
            "SPERMIOGRAMMA",
            "URINE",
            "Fase follicolare:",
            "Uomini:",
            "Risultato:",
            "......",
            "106/µL",
            "e",
            ",",
        ])
        .prop_map(str::to_owned),
        "[0-9]{1,5}([.,][0-9]{1,4}){0,2}",
        any::<char>().prop_map(String::from),
        Just(" ".to_owned()),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|it| it.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        checked(&text);
    }

    #[test]
    fn no_order_of_pieces_makes_it_panic(text in pieces()) {
        checked(&text);
    }

    #[test]
    fn a_value_stands_in_the_text(text in pieces()) {
        use crate::clinic::laboratory::grammar::rows::Value;
        for reading in checked(&text).values {
            if let Value::Number(_, number) = reading.value {
                let digits: String = number.to_string().chars().filter(char::is_ascii_digit).collect();
                let printed: String = text.chars().filter(char::is_ascii_digit).collect();
                prop_assert!(printed.contains(&digits), "{number} is invented");
            }
        }
    }
}
