//! What the fonts of this binary can print.

use std::{borrow::Cow, collections::BTreeSet};

use super::press::fonts;

/// Stands for what cannot be printed.
const INSTEAD: char = '\u{fffd}';

/// The characters of a text that cannot be printed: no font has them, or they would change what others look like (who could
/// turn the direction of what follows, could have something signed that reads otherwise).
pub fn unprintable(text: &str) -> BTreeSet<char> {
    text.chars().filter(|&c| !is_printable(c)).collect()
}

/// A text as it is printed: what cannot be is replaced. Words that are too long for their place are the layout's business
/// (`fit` in `layouts/common.typ`).
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && !text.contains(|c: char| c.is_ascii_control()) {
        return Cow::Borrowed(text);
    }
    let printed = |c| match c {
        '\t' => ' ',
        c if is_printable(c) => c,
        _ => INSTEAD,
    };
    Cow::Owned(text.replace("\r\n", "\n").chars().map(printed).collect())
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
