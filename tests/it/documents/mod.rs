//! Documents: files of any size arrive, are checked, stored, and read by those who may.

mod at_rest;
mod downloads;
mod killed;
mod library;
mod refused;
mod shelf;
mod tus;
mod versions;
