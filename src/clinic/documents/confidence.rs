//! How far what was read in a document can be relied on: not a guess, but counted.
//!
//! ```text
//!                     sum of the confidences of its values        pages that were read
//! confidence  =  ───────────────────────────────────────────  ×  ──────────────────────
//!                 values + what was named and not understood             pages
//! ```
//!
//! The confidence of a value is the points for what was recognised around it ([`crate::clinic::laboratory::confidence`]). What
//! was named and not understood counts as a value of which nothing is sure; a page that could not be read as one whose values are
//! all missing. A document in which nothing was named has no confidence: there is nothing to rely on. The number says how well
//! the text was understood. It says nothing about the patient, nor whether the laboratory was right.

use serde::Serialize;
use utoipa::ToSchema;

use super::document::Unread;

/// What the confidence of a document is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PatientDocumentConfidence)]
pub struct Confidence {
    /// Points of 100; `null` when nothing was named.
    pub points: Option<u8>,
    /// How many values were found.
    pub values: u32,
    /// The sum of their points.
    pub points_of_values: u32,
    /// How many were named and not understood.
    pub not_understood: u32,
    /// How many pages there are.
    pub pages: u32,
    /// How many of them could not be read.
    pub pages_unread: u32,
}

impl Confidence {
    /// Of values with these points.
    pub fn of(points: impl IntoIterator<Item = u8>, unread: &[Unread], pages: u32) -> Self {
        let (mut values, mut sum) = (0_u32, 0_u32);
        for value in points {
            values += 1;
            sum += u32::from(value);
        }
        let pages_unread = unread.iter().filter(|it| it.analyte.is_none()).count() as u32;
        let not_understood = unread.len() as u32 - pages_unread;
        let named = values + not_understood;
        let read = pages.saturating_sub(pages_unread);
        let points = (named > 0 && pages > 0).then(|| {
            let exact = f64::from(sum) / f64::from(named) * f64::from(read) / f64::from(pages);
            exact.round().clamp(0.0, 100.0) as u8
        });
        Self { points, values, points_of_values: sum, not_understood, pages, pages_unread }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unread(analyte: Option<&str>) -> Unread {
        Unread { analyte: analyte.map(str::to_owned), page: 1, line: None, why: "unit".to_owned() }
    }

    #[test]
    fn it_is_the_mean_of_what_was_named() {
        let points = |values: &[u8], unread: &[Unread], pages| {
            Confidence::of(values.iter().copied(), unread, pages).points
        };
        assert_eq!(points(&[100, 100], &[], 1), Some(100));
        assert_eq!(points(&[100, 75], &[], 1), Some(88));
        assert_eq!(points(&[100], &[unread(Some("fsh"))], 1), Some(50));
        assert_eq!(points(&[100, 100], &[unread(None)], 2), Some(50));
        assert_eq!(points(&[], &[unread(Some("fsh"))], 1), Some(0));
        assert_eq!(points(&[], &[unread(None)], 3), None);
        assert_eq!(points(&[], &[], 0), None);
    }

    #[test]
    fn what_it_is_made_of_is_shown() {
        let it = Confidence::of([90, 80], &[unread(Some("lh")), unread(None)], 4);
        let expected = Confidence {
            points: Some(43),
            values: 2,
            points_of_values: 170,
            not_understood: 1,
            pages: 4,
            pages_unread: 1,
        };
        assert_eq!(it, expected);
    }
}
