//! Who may use which route, and on whose things: one row per route, and a route without a row fails.
//!
//! Everybody is sent to every route: who may not hears 401 or 403, and about a stranger's thing exactly what is said about
//! one that does not exist. The routes come from the description of the API, which the router itself makes.
//!
//! [`table`] has the rows, [`things`] what they are about, [`everybody`] sends everybody everywhere.

mod everybody;
mod table;
mod things;
