//! From lines to rows: name, comparator, value, unit, range, flag, wherever a laboratory puts them.
//!
//! Reading order: [`lines`] (pages, cells, lexemes), [`words`] (what words mean), [`heads`] (an analyte's name at the
//! beginning of a cell), [`items`] (what follows it), [`columns`] (the heads of a table: dates, older results), [`rows`]
//! (which of the items is the value, and what belongs to it), [`parts`] (what is only a part of one), [`sections`] (urine is
//! not blood).
//!
//! The grammar, in words: a *row* begins with a name at the beginning of a cell and ends before the next one. In it the
//! first number, bound or finding is the value, unless the table's heads say that the range comes first; the rest is its
//! unit, range and flag. Anything that is not understood between name and value, and the row says nothing.

pub mod columns;
pub mod heads;
pub mod items;
pub mod lines;
pub mod parts;
pub mod persons;
pub mod rows;
pub mod sections;
pub mod words;
