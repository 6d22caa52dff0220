//! The pages behind the links in mails: they take the token out of the address and send it to the API.
//!
//! They are for people without a front end of their own, know nothing, and are no part of the described API.

use axum::{
    Router,
    http::{HeaderValue, Method, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::http::state::AppState;

/// Their paths, for the table of routes.
pub(in crate::http) const PATHS: [(&str, Method); 4] = [
    ("/account/verify", Method::GET),
    ("/account/reset", Method::GET),
    ("/account/account.js", Method::GET),
    ("/account/account.css", Method::GET),
];

/// Scripts, styles and requests of their own, and nothing else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers =
        [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, text).into_response()
}

/// The pages.
pub(in crate::http) fn routes() -> Router<AppState> {
    const HTML: &str = "text/html; charset=utf-8";
    Router::new()
        .route("/account/verify", get(async || file(HTML, include_str!("page/verify.html"))))
        .route("/account/reset", get(async || file(HTML, include_str!("page/reset.html"))))
        .route(
            "/account/account.js",
            get(async || file("text/javascript; charset=utf-8", include_str!("page/account.js"))),
        )
        .route(
            "/account/account.css",
            get(async || file("text/css; charset=utf-8", include_str!("page/account.css"))),
        )
}
