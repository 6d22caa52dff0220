//! From letters with places to text with its layout kept, as `pdftotext -layout` does: what stands on one line of the page
//! stands on one line of the text, and columns are two blanks apart or more.
//!
//! [`words`] puts letters together, [`lines`] words that stand side by side, [`columns`] says how many blanks go between.
//! Nothing here knows of PDF. Time is linear in letters, and quadratic in pieces only up to a bound.

mod columns;
mod lines;
mod words;

/// A letter, or several that are drawn as one, where reading goes to the right and down.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Glyph {
    /// Where it begins.
    pub(super) x: f32,
    /// Of its baseline; grows downwards.
    pub(super) y: f32,
    /// To where the next one begins.
    pub(super) advance: f32,
    /// Of its font.
    pub(super) size: f32,
    /// What it says.
    pub(super) letters: String,
}

/// Text, and where its words are.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Laid {
    pub(super) text: String,
    /// Line, first byte, byte after the last; left, top, right, bottom.
    pub(super) words: Vec<(u32, u32, u32, [f32; 4])>,
}

/// Letters in the order in which they are drawn.
pub(super) fn lay_out(glyphs: &[Glyph]) -> Laid {
    columns::write(&lines::of(words::of(glyphs)))
}

#[cfg(test)]
mod tests;
