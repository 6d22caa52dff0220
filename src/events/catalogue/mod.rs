//! Finding events: lists with filters, full-text search that forgives typos, suggestions, details, cities.
//!
//! Only published events that are not over are found. Everything here is public and the same for everybody, so that it
//! can be cached; what depends on the reader (favourites) is asked for apart.

mod cities;
mod detail;
mod filter;
mod list;
mod suggest;

pub use cities::{City, cities, city};
pub use detail::{Detail, detail};
pub use filter::{Category, Filter, Sort};
pub use list::{Position, Summary, list, similar_titles};
pub(super) use list::{average, summary_columns};
pub use suggest::{Suggestion, suggest};
