//! Certified mail: what is written, what is sent, what comes back.

mod away;
mod deed;
mod drafts;
mod killed;
mod operator;
mod post;
mod signed;
mod templates;
