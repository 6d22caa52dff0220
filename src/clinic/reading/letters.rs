//! Letters that say nothing, and do something.

/// Whether this character steers whoever shows it: a control, or one that is not seen or turns the direction of writing, with
/// which one value can be made to look like another. Line feeds and tabs are not meant.
pub(super) fn steers(letter: char) -> bool {
    (letter.is_control() && !matches!(letter, '\n' | '\t'))
        || matches!(
            letter,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}
