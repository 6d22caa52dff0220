//! Mails: the one place for texts that people receive.
//!
//! A text is a file `texts/<name>.<language>.txt`: its first line is the subject, the rest are paragraphs. Text part and
//! HTML part are made from the same paragraphs, so they cannot say different things. Values are escaped for HTML; addresses of ours
//! among them become links. What people
//! agree to stands here too, word for word. [`transport`] is how mails leave.

mod format;
mod pages;
mod render;
pub mod transport;
mod wordings;

pub use format::{date, moment, money};
pub use pages::PageText;
pub use render::{Attachment, Language, Mail, Text, render};
pub use wordings::{WORDINGS, Wording, newest as newest_wording};
