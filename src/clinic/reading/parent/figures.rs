//! Whether a number is as wide as its figures are. On a page figures are all as wide as each other, so a comma that was not
//! read leaves a gap of half a figure: `114` that stands where `11,4` would stand is no number to rely on.
//!
//! What it is measured by is the page itself: the width of a figure is the one that most numbers of the page agree on.

/// Fewer numbers than this do not tell how wide a figure is.
const NUMBERS_MIN: usize = 6;
/// A number is this much narrower than its figures, in figures: the blank at its two sides.
const BEARING: f32 = 0.1;
/// A decimal sign is as wide as this, in figures; the second, where all letters are as wide as each other.
const SIGNS: [f32; 2] = [0.5, 1.0];
/// A number may be off by so much of a figure: of 1,900 numbers on pages that were made for this, 99 % were off by less than
/// half of that, and those that had lost or won a sign by half a figure or more.
const OFF_MAX: f32 = 0.28;
/// A comma hangs below the figures, and makes a number taller.
const TAIL: f32 = 1.2;
/// Numbers whose height differs by no more are of one size.
const ONE_SIZE: std::ops::Range<f32> = 0.85..1.18;

/// A word that is nothing but a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number {
    figures: f32,
    signs: f32,
    width: f32,
    height: f32,
}

impl Number {
    /// `7`, `7,2`, `1.234,5`: figures, and signs between them.
    pub(super) fn of(word: &str, width: f32, height: f32) -> Option<Self> {
        let is_figure = |it: u8| it.is_ascii_digit();
        let bytes = word.as_bytes();
        let is_number = bytes.iter().all(|it| is_figure(*it) || matches!(it, b',' | b'.'))
            && bytes.first().copied().is_some_and(is_figure)
            && bytes.last().copied().is_some_and(is_figure)
            && width > 0.0
            && height > 0.0;
        let figures = bytes.iter().filter(|it| is_figure(**it)).count();
        let height = if word.contains(',') { height / TAIL } else { height };
        let signs = (bytes.len() - figures) as f32;
        is_number.then_some(Self { figures: figures as f32, signs, width, height })
    }

    /// In figures.
    fn length(&self, sign: f32) -> f32 {
        self.figures + sign * self.signs - BEARING
    }
}

/// How wide figures are on a page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figures {
    width: f32,
    height: f32,
    sign: f32,
}

impl Figures {
    /// Of a page with these numbers, if they are enough to tell.
    pub(super) fn of(numbers: &[Number]) -> Option<Self> {
        if numbers.len() < NUMBERS_MIN {
            return None;
        }
        let height = median(numbers.iter().map(|it| it.height));
        let fitted = SIGNS.into_iter().map(|sign| {
            let width = median(numbers.iter().map(|it| it.width / it.length(sign)));
            let figures = Self { width, height, sign };
            (median(numbers.iter().map(|it| figures.off(it))), figures)
        });
        fitted.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, figures)| figures)
    }

    /// Whether a number is as wide as its figures.
    pub(super) fn fit(&self, number: &Number) -> bool {
        self.off(number) <= OFF_MAX
    }

    /// By how much it is wider or narrower, in figures.
    fn off(&self, number: &Number) -> f32 {
        let size = number.height / self.height;
        let size = if ONE_SIZE.contains(&size) { 1.0 } else { size };
        (number.width / (self.width * size) - number.length(self.sign)).abs()
    }
}

fn median(values: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it is set: figures of 20 pixels, a sign of 10.
    fn set(printed: &str, read: &str) -> Number {
        let signs = printed.bytes().filter(|it| !it.is_ascii_digit()).count() as f32;
        let width = 20.0 * (printed.len() as f32 - signs) + 10.0 * signs - 2.0;
        Number::of(read, width, if read.contains(',') { 36.0 } else { 30.0 }).unwrap()
    }

    fn page() -> Figures {
        let printed = ["3,5", "12,5", "7", "166", "0,27", "4,2", "10,6", "2024"];
        Figures::of(&printed.map(|it| set(it, it))).unwrap()
    }

    #[test]
    fn a_sign_that_was_lost_or_won_leaves_its_place() {
        for (printed, read, fits) in [
            ("11,4", "11,4", true),
            ("114", "114", true),
            ("11,4", "114", false),
            ("0,93", "093", false),
            ("114", "11,4", false),
            ("11,4", "1,4", false),
            ("7,1", "7,7", true),
            ("312.000", "312.000", true),
        ] {
            assert_eq!(page().fit(&set(printed, read)), fits, "{printed} as {read}");
        }
    }

    #[test]
    fn small_print_is_measured_by_its_size() {
        let small = |width: f32| page().fit(&Number::of("114", width, 20.0).unwrap());
        assert!(small(39.0) && !small(46.0));
    }

    #[test]
    fn where_all_letters_are_as_wide_a_sign_is_a_figure_wide() {
        let set =
            |printed: &str, read: &str| Number::of(read, 20.0 * printed.len() as f32 - 2.0, 30.0).unwrap();
        let printed = ["3,5", "12,5", "7", "166", "0,27", "4,2", "10,6", "2024"];
        let page = Figures::of(&printed.map(|it| set(it, it))).unwrap();
        assert!(page.fit(&set("11,4", "11,4")) && !page.fit(&set("11,4", "114")));
    }

    #[test]
    fn a_page_with_few_numbers_tells_nothing() {
        assert_eq!(Figures::of(&[set("3,5", "3,5"), set("7", "7")]), None);
        for word in ["", "7,", ",7", "<7", "7,2*", "x"] {
            assert_eq!(Number::of(word, 10.0, 10.0), None, "{word}");
        }
        assert_eq!(Number::of("7", 0.0, 10.0), None);
    }
}
