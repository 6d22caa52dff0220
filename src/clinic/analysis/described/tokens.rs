//! A line as these grammars read it: words, numbers, days and signs, each with what stands right before it.

use jiff::civil::Date;

use crate::clinic::laboratory::{
    dates::{self, Order},
    grammar::lines::{Kind, Line},
};

/// Something in a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'l> {
    /// A word in small letters without accents, and as it was printed.
    Word(&'l str, &'l str),
    /// Digits, with points and commas in between.
    Number(&'l str),
    /// A day.
    Day(Date),
    /// A sign.
    Sign(char),
    /// Something that these grammars do not read: a bound, a date in an order that is not known.
    Other,
}

/// A token and where it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct At<'l> {
    /// What it is.
    pub(super) token: Token<'l>,
    /// First byte in its line.
    pub(super) start: usize,
    /// After the last byte.
    pub(super) end: usize,
    /// Whether nothing stands between it and the one before.
    pub(super) is_attached: bool,
}

/// What a line consists of.
pub(super) fn tokens<'l>(line: &'l Line<'_>, order: Option<Order>) -> Vec<At<'l>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(lexeme) = line.lexemes.get(at) {
        let printed = &line.text[lexeme.start..lexeme.end];
        let (token, next) = match (dates::day_at(line, at, order), lexeme.kind) {
            (Some((day, next)), _) => (Token::Day(day), next),
            (None, Kind::Word) => (Token::Word(&lexeme.folded, printed), at + 1),
            (None, Kind::Number) => (Token::Number(printed), at + 1),
            (None, Kind::Sign(sign)) => (Token::Sign(sign), at + 1),
            (None, Kind::Date(_) | Kind::Comparator(_)) => (Token::Other, at + 1),
        };
        let end = line.lexemes[next - 1].end;
        let is_attached = at > 0 && line.is_attached(at - 1);
        tokens.push(At { token, start: lexeme.start, end, is_attached });
        at = next;
    }
    tokens
}

impl<'l> At<'l> {
    /// The word, if it is one.
    pub(super) const fn word(&self) -> Option<&'l str> {
        if let Token::Word(word, _) = self.token { Some(word) } else { None }
    }

    /// Whether it is one of these words.
    pub(super) fn is_one_of(&self, words: &[&str]) -> bool {
        self.word().is_some_and(|it| words.contains(&it))
    }

    /// The whole number, if it is one of at most three digits.
    pub(super) fn whole(&self) -> Option<u16> {
        let Token::Number(text) = self.token else { return None };
        text.parse().ok().filter(|_| text.len() <= 3)
    }

    /// The number, with at most one comma or point, before at most two digits.
    pub(super) fn number(&self) -> Option<f64> {
        let Token::Number(text) = self.token else { return None };
        let mut parts = text.split([',', '.']);
        let (whole, part) = (parts.next()?, parts.next());
        let fits = whole.len() <= 3 && part.is_none_or(|it| it.len() <= 2) && parts.next().is_none();
        text.replace(',', ".").parse().ok().filter(|_| fits)
    }

    /// Whether it is one of these signs.
    pub(super) fn is_sign(&self, signs: &[char]) -> bool {
        matches!(self.token, Token::Sign(sign) if signs.contains(&sign))
    }
}
