//! What is said when no PDF can be made.

use crate::{
    http::problem::{Problem, SOON},
    pdf::{PressError, RenderError},
};

/// Busy passes; a text that has become too long is the sender's; everything else is ours.
pub(in crate::http) fn as_problem(error: RenderError) -> Problem {
    match error {
        RenderError::Busy | RenderError::Late => Problem::unavailable(SOON).because(error),
        RenderError::Refused(PressError::TooLarge) => Problem::rule("too_large", error.to_string()),
        RenderError::Refused(PressError::Broken { .. }) => Problem::internal(error),
    }
}
