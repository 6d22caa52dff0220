//! One case from registration to the archive, as each of its people lives it: only through the API, with the mails they get,
//! and a deed that the programs of others verify.
//!
//! [`town`] is where they live, [`case`] and [`deed`] are what happens, step by step, each by whom it is for; [`proof`] is what a
//! stranger makes of the papers. A story is one person's: what they see and do, and what they cannot.

mod administrator;
mod case;
mod citizen;
mod collaborator;
mod deed;
mod notary;
mod partner;
mod proof;
mod town;
