//! What was read: pages, their text with its layout kept, and where on the page each word stands.

use serde::{Deserialize, Serialize};

/// A document that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// All its pages, in order; none is left out.
    pub pages: Vec<Page>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// From 1.
    pub number: u32,
    /// How wide it is, in points (pixels of a picture that does not say how large it is).
    pub width: f32,
    /// How tall it is, in the same.
    pub height: f32,
    /// Where its text is from.
    pub origin: Origin,
    /// Lines as they stand on the page, columns kept apart by two blanks or more. Of control characters it has line feeds
    /// and tabs only.
    pub text: String,
    /// Its words in the order of the text; none for plain text, which has no places.
    pub words: Vec<Word>,
    /// Of a page that was read from a picture: what a second reading of it gives, with question marks for numbers that cannot
    /// stand where they were read. What it does not say, too, is not to be relied on.
    pub again: Option<String>,
}

/// Where the text of a page is from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The file has it as text.
    Text,
    /// The file has it as text that is not seen, over a picture: some other program read the picture.
    Layer,
    /// It was read from a picture here.
    Picture {
        /// The mean of its words' confidence, 0 to 1.
        confidence: f32,
    },
    /// There is none.
    Blank(Blank),
}

/// Why a page has no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blank {
    /// There is nothing on it.
    Nothing,
    /// It is a picture, and there is no program here to read it.
    NoOcr,
    /// It is a picture, and the program that reads pictures failed on it.
    OcrFailed,
    /// It is a picture, and that many were read already.
    TooManyPictures,
    /// The file says about this page what cannot be.
    Unreadable,
}

/// A word: where it stands in the text, and on the page.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// Its line, from 0.
    pub line: u32,
    /// Its first byte in the page's text.
    pub start: u32,
    /// The byte after its last.
    pub end: u32,
    /// Left, top, right and bottom, from the page's upper left corner.
    pub place: [f32; 4],
    /// How sure the reader of a picture was, 0 to 1; 1 where the file has text.
    pub confidence: f32,
}

impl Document {
    /// All text, pages ended by form feeds: what the laboratory's grammar reads.
    pub fn text(&self) -> String {
        let mut all = String::with_capacity(self.pages.iter().map(|page| page.text.len() + 2).sum());
        for page in &self.pages {
            all.push_str(&page.text);
            if !page.text.is_empty() && !page.text.ends_with('\n') {
                all.push('\n');
            }
            all.push('\u{c}');
        }
        all
    }

    /// Why there is no text, if there is none on any page: the reason of the first page that is not just empty.
    pub fn blank(&self) -> Option<Blank> {
        let mut why = Blank::Nothing;
        for page in &self.pages {
            match page.origin {
                Origin::Blank(reason) if why == Blank::Nothing => why = reason,
                Origin::Text | Origin::Layer | Origin::Picture { .. } if !page.text.trim().is_empty() => {
                    return None;
                }
                _ => {}
            }
        }
        Some(why)
    }
}

impl Page {
    /// The words whose letters are among these bytes of one of its lines: where on the page a finding stands.
    pub fn words_at(&self, line: u32, bytes: std::ops::Range<usize>) -> impl Iterator<Item = &Word> {
        let begin = self.line_start(line);
        let first = self.words.partition_point(|word| word.line < line);
        self.words[first..].iter().take_while(move |word| word.line == line).filter(move |word| {
            (word.start as usize) < begin + bytes.end && (word.end as usize) > begin + bytes.start
        })
    }

    fn line_start(&self, line: u32) -> usize {
        match line {
            0 => 0,
            line => {
                self.text.match_indices('\n').nth(line as usize - 1).map_or(self.text.len(), |(at, _)| at + 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str, origin: Origin) -> Page {
        Page {
            number: 1,
            width: 1.0,
            height: 1.0,
            origin,
            text: text.to_owned(),
            words: Vec::new(),
            again: None,
        }
    }

    #[test]
    fn pages_end_with_form_feeds() {
        let pages = vec![page("a\nb", Origin::Text), page("", Origin::Blank(Blank::Nothing))];
        assert_eq!(Document { pages }.text(), "a\nb\n\u{c}\u{c}");
    }

    #[test]
    fn a_document_without_text_says_why() {
        let nothing = || page("", Origin::Blank(Blank::Nothing));
        let of = |pages| Document { pages }.blank();
        assert_eq!(of(vec![nothing(), page("", Origin::Blank(Blank::NoOcr))]), Some(Blank::NoOcr));
        assert_eq!(of(vec![nothing()]), Some(Blank::Nothing));
        assert_eq!(of(vec![nothing(), page("x", Origin::Text)]), None);
    }

    #[test]
    fn words_are_found_by_their_line_and_bytes() {
        let word = |line, start, end| Word { line, start, end, place: [0.0; 4], confidence: 1.0 };
        let mut page = page("FSH  7\nLH  5", Origin::Text);
        page.words = vec![word(0, 0, 3), word(0, 5, 6), word(1, 7, 9), word(1, 11, 12)];
        let found: Vec<_> = page.words_at(1, 4..5).map(|word| word.start).collect();
        assert_eq!(found, [11]);
        assert_eq!(page.words_at(0, 0..6).count(), 2);
    }
}
