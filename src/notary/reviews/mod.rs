//! What clients say of an office: one review for each of their acts, once it is signed.
//!
//! Reading order: [`review`] (what a review is and who sees it), [`writing`] (its client), [`moderation`] (administrators),
//! [`answers`] (the office), [`lists`].
//!
//! Invariants
//! - `rating_sum` and `rating_count` of an office are those of its approved reviews: each statement that makes a review
//!   count, or count no more, moves them too. They change under the lock of the review first, of the office's row then.
//! - Whether something may happen to a review is said by [`super::rules::machine::review`].
//! - What is said in public was looked at: who changes a review has it looked at again, and the office's answer, which was
//!   to other words, goes.
//! - An office without a licence is reviewed as any other, and cannot answer.

pub mod answers;
pub mod lists;
pub mod moderation;
pub mod review;
pub mod writing;

pub use review::{Opinion, PublicReview, Review, ReviewError};
