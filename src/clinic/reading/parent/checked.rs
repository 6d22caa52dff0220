//! A worker may be in the hands of the file that it read. What it says is taken only if it could be true, and says nothing
//! to a terminal or a browser that text does not say.

use crate::clinic::reading::{
    document::{Origin, Page, Word},
    frames::{Picture, Text},
    letters::steers,
    order::{
        Limits, PAGE_SIDE_MAX, PICTURE_BYTES_MAX, PICTURE_PIXELS_MAX, PICTURE_SIDE_MAX, TEXT_BYTES_MAX,
        WORDS_MAX,
    },
    refusal::Refusal,
};

/// What is left of the limits, on this side.
#[derive(Debug)]
pub(super) struct Bounds {
    pages: u32,
    pictures: u32,
    text_bytes: usize,
    words: usize,
    next: u32,
    /// How many pages there are to be.
    promised: Option<u32>,
}

impl Bounds {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            pages: limits.pages,
            pictures: limits.pictures,
            text_bytes: TEXT_BYTES_MAX,
            words: WORDS_MAX,
            next: 1,
            promised: None,
        }
    }

    /// How many pages there will be: said once, before the first, and then it has to be true.
    pub(super) fn promise(&mut self, count: u32) -> Result<(), Refusal> {
        if self.next != 1 || self.promised.is_some() || !(1..=self.pages).contains(&count) {
            return Err(Refusal::Misbehaved);
        }
        self.pages = count;
        self.promised = Some(count);
        Ok(())
    }

    /// How many pages there are to be, if that was said.
    pub(super) fn promised(&self) -> Option<u32> {
        self.promised
    }

    /// Whether so many pages are all of them.
    pub(super) fn are_all(&self, sent: u32) -> bool {
        sent > 0 && sent == self.pages() && self.promised.is_none_or(|promised| promised == sent)
    }

    /// How many pages came.
    fn pages(&self) -> u32 {
        self.next - 1
    }

    /// A page as the worker says it is.
    pub(super) fn page(&mut self, text: Text) -> Result<Page, Refusal> {
        self.count(text.number)?;
        let is_blank = text.blank.is_some();
        if is_blank && !(text.text.is_empty() && text.words.is_empty()) {
            return Err(Refusal::Misbehaved);
        }
        let origin = match (text.blank, text.layer) {
            (Some(blank), _) => Origin::Blank(blank),
            (None, true) => Origin::Layer,
            (None, false) => Origin::Text,
        };
        let words = text.words.into_iter().map(|(line, start, end, place)| {
            let confidence = 1.0;
            Word { line, start, end, place, confidence }
        });
        let page = Page {
            number: text.number,
            width: text.width,
            height: text.height,
            origin,
            words: words.collect(),
            text: text.text,
            again: None,
        };
        self.content(page)
    }

    /// Text and words, wherever they are from.
    pub(super) fn content(&mut self, page: Page) -> Result<Page, Refusal> {
        let text_bytes = page.text.len() + page.again.as_ref().map_or(0, String::len);
        self.text_bytes = self.text_bytes.checked_sub(text_bytes).ok_or(Refusal::TooMuchText)?;
        self.words = self.words.checked_sub(page.words.len()).ok_or(Refusal::TooMuchText)?;
        let side = |side: f32| (0.0..=PAGE_SIDE_MAX.max(PICTURE_PIXELS_MAX as f32)).contains(&side);
        let is_sound = side(page.width) && side(page.height) && words_are_sound(&page);
        if is_sound { Ok(cleaned(page)) } else { Err(Refusal::Misbehaved) }
    }

    /// A picture that is to be read here.
    pub(super) fn picture(&mut self, picture: &Picture) -> Result<(), Refusal> {
        self.count(picture.number)?;
        self.pictures = self.pictures.checked_sub(1).ok_or(Refusal::Misbehaved)?;
        let (width, height) = picture.pixels;
        let is_sound = (1..=PICTURE_SIDE_MAX).contains(&width)
            && (1..=PICTURE_SIDE_MAX).contains(&height)
            && (1..=PICTURE_BYTES_MAX).contains(&picture.bytes)
            && (1..=PICTURE_BYTES_MAX).contains(&picture.again_bytes)
            && picture.turned.is_finite();
        if is_sound { Ok(()) } else { Err(Refusal::Misbehaved) }
    }

    fn count(&mut self, number: u32) -> Result<(), Refusal> {
        if number != self.next || number > self.pages {
            return Err(Refusal::Misbehaved);
        }
        self.next += 1;
        Ok(())
    }
}

/// Words stand in the order of the text, each within its line.
fn words_are_sound(page: &Page) -> bool {
    let mut from = 0;
    let mut line = 0;
    page.words.iter().all(|word| {
        let (start, end) = (word.start as usize, word.end as usize);
        let is_sound = start >= from
            && start < end
            && page.text.get(start..end).is_some_and(|text| !text.contains('\n'))
            && word.place.iter().all(|side| side.is_finite())
            && (0.0..=1.0).contains(&word.confidence);
        if is_sound {
            line += page.text[from..start].matches('\n').count();
            from = end;
        }
        is_sound && line == word.line as usize
    })
}

/// What steers becomes blanks of the same length, so that words keep their places. (An honest worker sends none.)
fn cleaned(mut page: Page) -> Page {
    for text in [Some(&mut page.text), page.again.as_mut()].into_iter().flatten() {
        if text.contains(steers) {
            let mut clean = String::with_capacity(text.len());
            for letter in text.chars() {
                match letter {
                    letter if !steers(letter) => clean.push(letter),
                    letter => clean.extend(std::iter::repeat_n(' ', letter.len_utf8())),
                }
            }
            *text = clean;
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn bounds() -> Bounds {
        Bounds::new(&Limits {
            file_bytes: 1 << 20,
            pages: 3,
            pictures: 1,
            memory_bytes: 1 << 28,
            processor: Duration::from_secs(5),
            deadline: Duration::from_secs(10),
        })
    }

    fn text(number: u32, text: &str, words: &[(u32, u32, u32)]) -> Text {
        let words = words.iter().map(|(line, start, end)| (*line, *start, *end, [0.0; 4])).collect();
        Text { number, width: 595.0, height: 842.0, layer: false, blank: None, text: text.to_owned(), words }
    }

    #[test]
    fn pages_come_in_order_and_not_too_many() {
        let mut bounds = bounds();
        assert!(bounds.page(text(1, "", &[])).is_ok());
        assert_eq!(bounds.page(text(1, "", &[])), Err(Refusal::Misbehaved));
        assert_eq!(bounds.page(text(3, "", &[])), Err(Refusal::Misbehaved));
        assert!(bounds.page(text(2, "", &[])).is_ok());
        assert!(bounds.page(text(3, "", &[])).is_ok());
        assert_eq!(bounds.page(text(4, "", &[])), Err(Refusal::Misbehaved));
    }

    #[test]
    fn as_many_pages_come_as_were_promised() {
        let mut bounds = bounds();
        assert_eq!(bounds.promise(4), Err(Refusal::Misbehaved));
        assert_eq!(bounds.promise(0), Err(Refusal::Misbehaved));
        assert_eq!((bounds.promise(2), bounds.promised()), (Ok(()), Some(2)));
        assert_eq!(bounds.promise(2), Err(Refusal::Misbehaved), "once");
        assert!(bounds.page(text(1, "", &[])).is_ok());
        assert!(!bounds.are_all(1));
        assert!(bounds.page(text(2, "", &[])).is_ok());
        assert!(bounds.are_all(2));
        assert_eq!(bounds.page(text(3, "", &[])), Err(Refusal::Misbehaved));
        let mut late = self::bounds();
        assert!(late.page(text(1, "", &[])).is_ok());
        assert_eq!(late.promise(3), Err(Refusal::Misbehaved));
    }

    #[test]
    fn words_stand_in_their_text() {
        let ok = |words: &[(u32, u32, u32)]| bounds().page(text(1, "FSH  7\nè\n", words)).is_ok();
        assert!(ok(&[(0, 0, 3), (0, 5, 6), (1, 7, 9)]));
        // Out of order, in the wrong line, across lines, beyond the end, inside of a letter, empty.
        for words in [
            &[(0, 5, 6), (0, 0, 3)][..],
            &[(1, 0, 3)],
            &[(0, 5, 9)],
            &[(1, 7, 99)],
            &[(1, 7, 8)],
            &[(0, 3, 3)],
            &[(0, 4_000_000_000, 4_000_000_001)],
        ] {
            assert!(!ok(words), "{words:?}");
        }
    }

    #[test]
    fn numbers_are_numbers() {
        let mut odd = text(1, "x", &[(0, 0, 1)]);
        odd.words[0].3[2] = f32::INFINITY;
        assert_eq!(bounds().page(odd), Err(Refusal::Misbehaved));
        assert_eq!(bounds().page(Text { width: f32::NAN, ..text(1, "", &[]) }), Err(Refusal::Misbehaved));
        assert_eq!(bounds().page(Text { height: -1.0, ..text(1, "", &[]) }), Err(Refusal::Misbehaved));
    }

    #[test]
    fn nothing_steers_a_terminal_or_the_direction_of_writing() {
        let page = bounds().page(text(1, "a\u{1b}[2J\u{202e}7,2\tb\n", &[(0, 8, 11)])).unwrap();
        assert_eq!(page.text, "a [2J   7,2\tb\n");
        assert_eq!(&page.text[8..11], "7,2");
    }

    #[test]
    fn there_is_only_so_much_text() {
        let mut bounds = bounds();
        let most = "x".repeat(TEXT_BYTES_MAX - 1);
        assert!(bounds.page(text(1, &most, &[])).is_ok());
        assert_eq!(bounds.page(text(2, "xx", &[])), Err(Refusal::TooMuchText));
    }
}
