//! An ultrasound of the ovaries: how many antral follicles, what response they let expect, how large the leading one is.
//!
//! Sources of the limits of the count in both ovaries together:
//! - fewer than 5: low (POSEIDON 2016; below the whole range of the Bologna criteria 2011, "fewer than 5 to 7");
//! - 5 and 6: borderline, inside the range that the Bologna criteria leave open;
//! - more than 24: high, risk of ovarian hyperstimulation (Humaidan et al. 2010);
//! - the original's limits were below 6 and above 25, without a source.
//!
//! The category looks at follicles only; anti-Müllerian hormone is weighed in the fertility score. Polycystic morphology: 20
//! follicles or more in an ovary, or 10 mL or more without a dominant follicle or cyst (international guideline 2023).
//! Follicles count as antral from 2 to 10 mm (Broekmans 2010), lead from 10 mm (Baerwald 2012); 16 to 22 mm is when final
//! maturation is mostly triggered (ESHRE guideline), more than 30 mm is no longer a physiological follicle (Levine 2010). More
//! than 18 follicles of 11 mm or more are a high response (ESHRE guideline).

mod grade;
mod scan;
#[cfg(test)]
mod tests;

pub use grade::{FollicleAnalysis, Leading, Response, analyse};
pub use scan::{ANTRAL, FollicleScan, Ovary};
