//! Semen: values of an examination against the fifth centiles of men whose partners conceived within a year.
//!
//! Sources: WHO laboratory manual, 6th edition 2021, table 8.3 (limits with their 95 % confidence intervals) and section 2.4
//! (pH, liquefaction, abstinence); Campbell et al. 2021 (the data behind it). The words (normozoospermia and so on) are those
//! of the 5th edition, appendix 1: the 6th does not repeat them, and laboratories go on using them. It says there that the
//! total number comes before the concentration; so it does here, and the concentration decides only when the total number is
//! neither given nor computable. The limits 15, 32, 40, 58 and 1.5 of 2010 are used nowhere.
//!
//! Degrees of oligozoospermia are not WHO's. Below 5 million per mL is called severe by the guidelines of the EAU, below 10
//! moderate and below the limit mild by convention. (The original called below 1, 5 and 15 so: a clinician who reads
//! "moderate" at 3 million per mL would be misled.)
//!
//! A limit is met by the value that is equal to it, except pH (consensus: above 7.2) and leukocytes (consensus: fewer than
//! one million per mL). Fifth centiles of immotile and non-progressive spermatozoa are shown, and nothing is judged by them.

mod grade;
mod limits;
#[cfg(test)]
mod tests;
mod values;

pub use grade::{Degree, SemenAnalysis, SemenGrade, SemenTerm, SemenValue, analyse};
pub use limits::{LIMITS, LowerLimit, Position, SemenParameter};
pub use values::{Pellet, Semen};
