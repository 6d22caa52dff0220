//! Rules of the notary desk that need neither a database nor a clock: what is given decides what comes out.
//!
//! Reading order: [`fiscal_code`], [`vat_number`], [`operator_code`] and [`iban`] (numbers that carry their own proof),
//! [`holidays`] (when nobody works), [`slots`] (when somebody can be met), [`protocol`] (numbers of the register),
//! [`machine`] (which states there are and who may change them).
//!
//! Invariants
//! - Whatever stands in one of these types was checked; there is no way to make one unchecked.
//! - Everything here is a function of its arguments: the time, the time zone and the day are among them.

pub mod fiscal_code;
pub mod holidays;
pub mod iban;
mod letters;
pub mod machine;
pub mod operator_code;
pub mod protocol;
pub mod slots;
pub mod vat_number;
