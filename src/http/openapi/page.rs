//! Where the description is served, and the page that shows it.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use tokio::{sync::OnceCell, task::spawn_blocking};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

use super::complete;
use crate::http::{JSON, compress::Effort, problem::Problem, state::AppState, stored::Stored};

/// Swagger UI's own page: scripts and styles come from here, some styles are inline.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; form-action 'self'; \
     base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
);
/// Its files change with the server's version only.
const DOCS_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=3600");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The page. It takes long to make, so that is done when it is first asked for, and not by a server that starts.
fn written(document: OpenApi) -> Stored {
    let json = serde_json::to_vec(&complete(document)).expect("the description is plain data");
    Stored::new(json.into(), JSON, HeaderValue::from_static("public, max-age=60")).compressed(Effort::Fast)
}

/// `/openapi.json`, `/docs`, and the way there from `/`.
pub fn routes(document: OpenApi) -> Router<AppState> {
    let page = Arc::new((OnceCell::new(), document));
    let serve = move |headers: HeaderMap| {
        let page = page.clone();
        async move {
            let (made, _) = &*page;
            let making = || {
                spawn_blocking({
                    let page = page.clone();
                    move || written(page.1.clone())
                })
            };
            match made.get_or_try_init(making).await {
                Ok(page) => page.answer(&headers),
                Err(error) => Problem::internal(error).into_response(),
            }
        }
    };
    let docs: Router<AppState> =
        SwaggerUi::new("/docs").config(utoipa_swagger_ui::Config::from("/openapi.json")).into();
    let docs = docs.layer(axum::middleware::map_response(async |mut response: Response| {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, DOCS_POLICY);
        headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(header::CACHE_CONTROL, DOCS_CACHE);
        response
    }));
    let home = async || Redirect::temporary("/docs/"); // until there is a console
    Router::new().route("/", get(home)).route("/openapi.json", get(serve)).merge(docs)
}
