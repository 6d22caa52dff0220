//! The fertility score: what was found, summed up in eight domains and one number.
//!
//! Weights, as documented by the original: male 25, female 25, ovarian 15, tubal 10, uterine 10, hormonal 10, genetic 3,
//! lifestyle 2. There, a domain was the confidence of the document reader; here it measures what was found:
//!
//! 1. Every value gives 0 to 100 points by its curve (`curves.rs`, each with its source). Where a source names a limit below
//!    which something counts as reduced, the limit is worth 50; where it names what is usual, that is worth 100; nothing is 0
//!    and between them it is a straight line. That the steps are worth so much is a convention of this software.
//! 2. A domain is half the mean of its points and half the lowest of them, so that one bad finding is not averaged away
//!    (convention), rounded to a tenth.
//! 3. The score is the mean of the domains by their weights. A domain of which nothing is known is left out, and the others
//!    keep their proportions; how much of the weights is covered is said beside the score. Nothing known: no score.
//! 4. Bands: from 80 excellent, from 60 good, from 40 moderate, below significant concerns; told by the rounded number, as it
//!    is shown.
//!
//! A cavity of which not everything was seen or described counts with what it is at least: its points are the most that it can
//! have, never better than what is known of it. Polyps, submucous myomas, adhesions and septa that were found are among what is to
//! be discussed, whatever the domain comes to (version 1 left such a cavity out).
//!
//! A genetic result of uncertain meaning is worth 50, and so is its domain at most: neither good nor bad until a geneticist has
//! said what it means, which is among what is to be discussed (convention; version 1 gave it 80, which was called excellent).
//!
//! Of several values of one kind the latest counts, of one day the worse. Of number and concentration of spermatozoa the later
//! counts, of one day the number (WHO). Values of more than two years do not count, except those that stay: genetic tests and
//! the stage of endometriosis. Hormones count by the reference interval of their own report; without one they are left out. So are
//! values without a day, and those on a page that names somebody else until somebody has confirmed whose it is (version 2 counted
//! these, and did not list those). Whatever is left out is listed with its reason.
//!
//! A score is about a couple: the partner's semen belongs to the record in which it is observed. Where only one of two is
//! examined, coverage says so.
//!
//! Limits, said with every score: it sums values up, is not validated against outcomes, and is no probability of pregnancy.
//!
//! Invariants (properties in `tests.rs`): between 0 and 100; a better value never lowers it; the order of values does not
//! matter; nothing comes from nothing; every value is either used or left out with a reason.

mod advice;
mod compute;
mod curves;
mod from;
mod measure;
#[cfg(test)]
mod tests;

pub use compute::{Band, DomainScore, FRESH_DAYS, FertilityScore, LeftOut, Reason, Used, compute};
pub use measure::{
    CavityFinding, Considered, Domain, EndometriosisStage, GeneticResult, Hormone, Measure, Observed,
    Ovulation, Tubes,
};
