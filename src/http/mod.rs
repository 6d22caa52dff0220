//! HTTP: requests become calls of the domains, and errors become problems (RFC 9457).
//!
//! Writing a route takes four things from here:
//!
//! - [`state::AppState`]: what handlers may use, each part also available as its own substate;
//! - [`extract`]: `Json`, `Query`, `Path`; [`listing`]: filters plus signed cursors; [`conditional`]: ETags;
//!   [`idempotency`]: every POST that creates; [`validate`]: all field errors at once;
//! - [`problem::Problem`]: the only error a handler returns, logged once by [`front`].
//!
//! Requests pass [`server`] (connections and their deadlines), then [`front`] (ids, limits, headers, metrics: one
//! layer around the router), then their route.

use axum::http::HeaderValue;

pub mod accounts;
pub mod activity;
pub mod admin;
mod audit;
pub mod auth;
mod calendars;
pub mod client;
pub mod clinic;
pub mod compress;
pub mod conditional;
mod connection;
pub mod cors;
pub mod counted;
pub mod cursor;
pub mod documents;
pub mod events;
pub mod extract;
pub mod front;
pub mod headers;
pub mod health;
pub mod idempotency;
mod keys;
pub mod limits;
pub mod listening;
pub mod listing;
pub mod media;
pub mod merge_patch;
pub mod negotiate;
mod notary;
pub mod openapi;
pub mod pages;
mod paper;
pub mod problem;
pub mod request_id;
pub mod router;
pub mod routes;
pub mod scopes;
pub mod server;
mod signing;
mod sse;
pub mod state;
pub mod stored;
pub mod tasks;
pub mod upload;
pub mod validate;
mod watched;

/// The media type of almost every answer.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// `Vary` of what exists in several codings.
pub const VARY_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");
/// `Vary` of what also exists in several languages.
pub const VARY_LANGUAGE: HeaderValue = HeaderValue::from_static("accept-encoding, accept-language");
/// `Vary` of what also depends on who reads it.
pub const VARY_READER: HeaderValue = HeaderValue::from_static("accept-encoding, authorization, x-api-key");
