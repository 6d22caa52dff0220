//! What the fonts of this binary can print.

use std::{borrow::Cow, collections::BTreeSet};

use super::press::fonts;

/// Stands for what cannot be printed.
const INSTEAD: char = '\u{fffd}';
/// Where a line may end.
const BREAK: char = ' ';
/// A word that is longer is broken anywhere: it would leave the page.
const WORD_MAX: usize = 60;

/// The characters of a text that cannot be printed: no font has them, or they would change what others look like (who could
/// turn the direction of what follows, could have something signed that reads otherwise).
pub fn unprintable(text: &str) -> BTreeSet<char> {
    text.chars().filter(|&c| !is_printable(c)).collect()
}

/// A text as it is printed: what cannot be is replaced, and words longer than a line may be broken.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && text.len() <= WORD_MAX && !text.contains(|c: char| c.is_ascii_control()) {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\r\n", "\n");
    let mut printed = String::with_capacity(text.len());
    let mut word = 0;
    for c in text.chars() {
        word = if c.is_whitespace() { 0 } else { word + 1 };
        if word > WORD_MAX {
            printed.push(BREAK);
            word = 1;
        }
        printed.push(match c {
            '\t' => ' ',
            c if is_printable(c) => c,
            _ => INSTEAD,
        });
    }
    Cow::Owned(printed)
}

fn is_printable(c: char) -> bool {
    match c {
        '\n' | '\t' | ' '..='~' => true,
        // What turns the direction of what follows, and private characters, which mean nothing to anybody else.
        '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{f0000}'.. => false,
        c if c.is_control() => false,
        c => fonts().have(c),
    }
}
