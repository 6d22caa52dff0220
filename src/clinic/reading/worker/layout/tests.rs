//! Pages laid out by hand.

use super::*;

/// Letters half as wide as they are high.
fn write(x: f32, y: f32, size: f32, text: &str) -> Vec<Glyph> {
    let glyph = |(at, letter): (usize, char)| Glyph {
        x: x + at as f32 * size / 2.0,
        y,
        advance: size / 2.0,
        size,
        letters: letter.to_string(),
    };
    text.chars().enumerate().map(glyph).collect()
}

fn text(parts: &[Vec<Glyph>]) -> String {
    lay_out(&parts.concat()).text
}

#[test]
fn a_row_of_a_table_is_one_line_in_the_order_of_its_columns() {
    let page = [
        write(300.0, 100.0, 10.0, "mUI/mL"),
        write(50.0, 100.0, 10.0, "FSH"),
        write(200.0, 100.0, 10.0, "7,2"),
        write(50.0, 112.0, 10.0, "Estradiolo (E2)"),
        write(200.0, 112.0, 10.0, "48"),
        write(300.0, 112.0, 10.0, "pg/mL"),
    ];
    let text = text(&page);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["FSH", "7,2", "mUI/mL"]);
    assert_eq!(lines[1], "Estradiolo (E2)  48   pg/mL");
    // What begins at the same place of the page begins at the same place of its line.
    assert_eq!(lines[0].find("7,2"), lines[1].find("48"));
    assert_eq!(lines[0].find("mUI"), lines[1].find("pg"));
}

#[test]
fn a_row_whose_baselines_differ_a_little_stays_together() {
    let page =
        [write(50.0, 100.0, 10.0, "LH"), write(200.0, 101.5, 8.0, "5,1"), write(300.0, 99.0, 10.0, "UI/L")];
    assert_eq!(text(&page).split_whitespace().collect::<Vec<_>>(), ["LH", "5,1", "UI/L"]);
    assert_eq!(text(&page).lines().count(), 1);
}

#[test]
fn raised_digits_are_exponents() {
    let page = [write(50.0, 100.0, 10.0, "10"), write(60.0, 96.0, 6.0, "6"), write(63.0, 100.0, 10.0, "/mL")];
    assert_eq!(text(&page).trim(), "10⁶/mL");
}

#[test]
fn letters_drawn_twice_to_look_bold_are_read_once() {
    let page = [write(50.0, 100.0, 10.0, "FSH"), write(50.3, 100.0, 10.0, "FSH")];
    assert_eq!(text(&page).trim(), "FSH");
}

#[test]
fn lines_set_tightly_are_not_mixed() {
    let page = [write(50.0, 100.0, 10.0, "Metodo CLIA"), write(50.0, 107.0, 10.0, "Siero sang.")];
    assert_eq!(text(&page).lines().collect::<Vec<_>>(), ["Metodo CLIA", "Siero sang."]);
}

#[test]
fn words_know_their_bytes_and_their_place() {
    let laid = lay_out(&[write(50.0, 100.0, 10.0, "pH"), write(200.0, 100.0, 10.0, "7,4")].concat());
    let (line, start, end, [left, top, right, bottom]) = laid.words[1];
    assert_eq!((line, &laid.text[start as usize..end as usize]), (0, "7,4"));
    assert_eq!((left as i32, right as i32), (200, 215));
    assert!(top < 100.0 && bottom > 100.0);
}

#[test]
fn a_hole_in_the_page_is_an_empty_line() {
    let page: Vec<_> =
        [10.0, 22.0, 34.0, 80.0, 92.0].map(|y| write(50.0, y, 10.0, "riga")).into_iter().collect();
    assert_eq!(text(&page).lines().filter(|line| line.is_empty()).count(), 3);
}

#[test]
fn nonsense_is_survived() {
    let odd = [f32::NAN, f32::INFINITY, -1e30, 0.0, 1e30];
    let glyphs: Vec<_> = odd
        .iter()
        .flat_map(|x| odd.map(|y| Glyph { x: *x, y, advance: y, size: *x, letters: "x".to_owned() }))
        .collect();
    lay_out(&glyphs);
    lay_out(&[]);
}
