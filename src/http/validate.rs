//! Checks of request bodies that collect every wrong field before answering 422, and of parameters that belong together.
//!
//! ```
//! # use sportello::http::validate::Checks;
//! let mut checks = Checks::default();
//! let title = checks.text("/title", " Concerto ", 1..=200);
//! checks.range("/tickets", 3, 1..=10);
//! checks.done().expect("all is right");
//! assert_eq!(title, "Concerto");
//! ```

use std::{borrow::Cow, fmt::Display, ops::RangeInclusive};

use super::problem::{FieldError, Problem};
use crate::text;

/// RFC 5321 allows no longer address.
const MAX_EMAIL: usize = 254;
const MAX_URL: usize = 2048;

/// The two ends of a range of days, or of anything that has an order.
#[derive(Debug, Clone, Copy)]
pub struct Ends<'n, T> {
    /// The name and value of the first parameter.
    pub from: (&'n str, Option<T>),
    /// The name and value of the last one.
    pub to: (&'n str, Option<T>),
    /// How to say that a value is beyond the other end: "later", or "more".
    pub above: &'static str,
    /// And the opposite.
    pub below: &'static str,
}

impl<T: PartialOrd> Ends<'_, T> {
    /// Errors at both parameters when they are the wrong way round: either of them may be the slip.
    pub fn check(&self, errors: &mut Vec<FieldError>) {
        let ((from, Some(first)), (to, Some(last))) = (&self.from, &self.to) else { return };
        if first > last {
            let (above, below) = (self.above, self.below);
            let mut fail = |name: &str, detail| errors.push(FieldError::query(name, "out_of_range", detail));
            fail(from, format!("must not be {above} than `{to}`"));
            fail(to, format!("must not be {below} than `{from}`"));
        }
    }
}

/// Collects field errors.
#[derive(Debug, Default)]
pub struct Checks(Vec<FieldError>);

impl Checks {
    /// Adds an error at a JSON pointer.
    pub fn fail(&mut self, pointer: &str, code: &'static str, detail: impl Into<Cow<'static, str>>) {
        self.0.push(FieldError::body(pointer, code, detail));
    }

    /// Adds an error unless `right`.
    pub fn ensure(&mut self, right: bool, pointer: &str, code: &'static str, detail: &'static str) {
        if !right {
            self.fail(pointer, code, detail);
        }
    }

    /// Text without the white space around it; its length is counted in characters.
    pub fn text<'t>(&mut self, pointer: &str, text: &'t str, chars: RangeInclusive<usize>) -> &'t str {
        if let Some((code, detail)) = text::wrong(text, chars) {
            self.fail(pointer, code, detail);
        }
        text.trim()
    }

    /// Text of one line, for names and titles.
    pub fn line<'t>(&mut self, pointer: &str, text: &'t str, chars: RangeInclusive<usize>) -> &'t str {
        if let Some((code, detail)) = text::wrong_line(text, chars) {
            self.fail(pointer, code, detail);
        }
        text.trim()
    }

    /// A number within its range.
    pub fn range<N: PartialOrd + Display + Copy>(
        &mut self,
        pointer: &str,
        value: N,
        range: RangeInclusive<N>,
    ) {
        if !range.contains(&value) {
            let detail = format!("must be from {} to {}", range.start(), range.end());
            self.fail(pointer, "out_of_range", detail);
        }
    }

    /// A list that is not too long.
    pub fn at_most<T>(&mut self, pointer: &str, items: &[T], most: usize) {
        if items.len() > most {
            self.fail(
                pointer,
                "too_many",
                format!("has {} elements, at most {most} are allowed", items.len()),
            );
        }
    }

    /// An e-mail address, in lower case. Only a mail can tell whether it exists.
    pub fn email(&mut self, pointer: &str, text: &str) -> String {
        let text = text.trim();
        self.ensure(is_email(text), pointer, "invalid_email", "is not an e-mail address");
        text.to_lowercase()
    }

    /// An absolute `http` or `https` address.
    pub fn url(&mut self, pointer: &str, text: &str) {
        let right = text.len() <= MAX_URL
            && text.parse::<axum::http::Uri>().is_ok_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https"))
                    && uri.host().is_some_and(|host| !host.is_empty())
            });
        self.ensure(right, pointer, "invalid_url", "is not an http or https address");
    }

    /// Words in lower case joined by hyphens.
    pub fn slug(&mut self, pointer: &str, text: &str, chars: RangeInclusive<usize>) {
        let right = chars.contains(&text.len())
            && !text.starts_with('-')
            && !text.ends_with('-')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        self.ensure(right, pointer, "invalid_slug", "must be lower-case letters, digits and hyphens");
    }

    /// Whether nothing is wrong so far.
    pub fn is_ok(&self) -> bool {
        self.0.is_empty()
    }

    /// 422 with all errors, if there are any.
    pub fn done(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::unprocessable(self.0)) }
    }
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[],;:\\\"@".contains(c);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    text.len() <= MAX_EMAIL
        && (1..=64).contains(&local.len())
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local.chars().all(plain)
        && domain.contains('.')
        && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::{Checks, is_email};

    #[test]
    fn all_wrong_fields_are_reported_at_once() {
        let mut checks = Checks::default();
        checks.line("/title", "two\nlines", 1..=20);
        checks.text("/text", "   ", 1..=20);
        checks.range("/tickets", 11, 1..=10);
        checks.email("/email", "nobody");
        let problem = checks.done().unwrap_err();
        let found: Vec<_> = problem.errors().iter().map(|e| (e.pointer.as_str(), e.code.as_ref())).collect();
        assert_eq!(
            found,
            [
                ("/title", "invalid_text"),
                ("/text", "required"),
                ("/tickets", "out_of_range"),
                ("/email", "invalid_email")
            ]
        );
    }

    #[test]
    fn lengths_count_characters_not_bytes() {
        let mut checks = Checks::default();
        checks.text("/name", "àèìòù", 1..=5);
        assert!(checks.is_ok());
    }

    #[test]
    fn addresses_are_recognised() {
        for good in ["a@b.it", "anna.rossi+tag@posta.example.org", "è@università.it"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "a@b",
            "@b.it",
            "a@",
            "a b@c.it",
            "a@b..it",
            ".a@b.it",
            "a@-b.it",
            "a@b.it\r\nBcc: x@y.it",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
