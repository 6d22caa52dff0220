//! The extractor against the corpus, against whole reports, and against texts that mean harm.

mod corpus;
mod doubts;
mod hostile;
mod identity;
mod layouts;
mod reports;
