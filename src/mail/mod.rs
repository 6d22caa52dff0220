//! Mails: the one place for texts that people receive.
//!
//! A text is a file `texts/<name>.<language>.txt`: its first line is the subject, the rest are paragraphs. Text part and
//! HTML part are made from the same paragraphs, so they cannot say different things. Values are escaped for HTML.

mod format;
mod render;

pub use format::{date, moment, money};
pub use render::{Language, Mail, Text, render};
