//! The one integration binary: real servers, no mocks of our own parts. In reading order.

#![allow(clippy::unwrap_used, reason = "a test fails where something unexpected happens")]

mod harness;

mod accounts;
mod actors;
mod audit;
mod authorisation;
mod cache;
mod cli;
mod clinic;
mod database;
mod documents;
mod events;
mod http;
mod jobs;
mod kill;
mod mail;
mod migrate;
mod notary;
mod outages;
mod packaging;
mod postgres;
mod redis;
mod replica;
mod seed;
mod signing;
mod statements;
mod storage;
