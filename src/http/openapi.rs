//! The API's description: OpenAPI 3.1, generated from the handlers, completed with what holds everywhere.

use std::time::Duration;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    response::Response,
    routing::get,
};
use tower_http::cors::CorsLayer;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ContentBuilder, OpenApi, RefOr, ResponseBuilder,
        path::{Operation, PathItem},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_swagger_ui::SwaggerUi;

use super::{JSON, compress::Effort, problem::ProblemDocument, router, state::AppState, stored::Stored};

/// A browser may remember a preflight answer this long.
const CORS_MAX_AGE: Duration = Duration::from_secs(600);

/// The description of this server's API.
pub fn document() -> OpenApi {
    complete(router::api().into_openapi())
}

/// What every operation may answer besides its own.
const EVERYWHERE: [(&str, &str); 8] = [
    ("400", "The query, path or header is malformed, or a parameter is unknown"),
    ("401", "The access token is missing, wrong or expired"),
    ("404", "There is no such thing, or it is not yours"),
    ("406", "No acceptable content coding"),
    ("408", "The body did not arrive in time"),
    ("429", "Too many requests; Retry-After says when to come back"),
    ("500", "A bug; the request id finds it in the log"),
    ("503", "Not possible at the moment; Retry-After says when to come back"),
];
/// What operations with a body may answer besides.
const WITH_BODY: [(&str, &str); 4] = [
    ("409", "It collides with the present state"),
    ("413", "The body is too large"),
    ("415", "The body is not of the expected media type"),
    ("422", "The body is understood and wrong; `errors` names the fields"),
];

/// Adds title, security scheme and the answers that hold everywhere.
pub fn complete(mut document: OpenApi) -> OpenApi {
    document.info.title = "Sportello".to_owned();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.info.description = Some("The back office of service practices.".to_owned());
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.security_schemes.insert("bearer".to_owned(), RefOr::T(SecurityScheme::Http(bearer)));
    components.schemas.insert(ProblemDocument::name().into_owned(), ProblemDocument::schema());
    let mut schemas = Vec::new();
    ProblemDocument::schemas(&mut schemas);
    components.schemas.extend(schemas);
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            add_problems(operation);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

fn add_problems(operation: &mut Operation) {
    let has_body = operation.request_body.is_some();
    let with_body = WITH_BODY.iter().filter(|_| has_body);
    for (status, description) in EVERYWHERE.iter().chain(with_body) {
        let schema = utoipa::openapi::Ref::from_schema_name(ProblemDocument::name());
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let response = ResponseBuilder::new()
            .description(*description)
            .content("application/problem+json", content)
            .build();
        operation.responses.responses.entry((*status).to_owned()).or_insert(RefOr::T(response));
    }
}

/// `/openapi.json` and `/docs`.
pub fn routes(document: &OpenApi) -> Router<AppState> {
    let json = serde_json::to_vec(document).expect("the description is plain data");
    let page = Stored::new(json.into(), JSON, HeaderValue::from_static("public, max-age=60"))
        .compressed(Effort::Fast);
    let serve = move |State(_): State<AppState>, headers: HeaderMap| {
        let page = page.clone();
        async move { page.answer(&headers) }
    };
    let docs: Router<AppState> =
        SwaggerUi::new("/docs").config(utoipa_swagger_ui::Config::from("/openapi.json")).into();
    // Swagger UI's own page: its scripts and styles come from here, inline styles are its own.
    let docs = docs.layer(axum::middleware::map_response(async |mut response: Response| {
        response.headers_mut().insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; \
                 object-src 'none'; frame-ancestors 'none'",
            ),
        );
        response
    }));
    Router::new().route("/openapi.json", get(serve)).merge(docs)
}

/// Origins that may call the API from a browser; nobody unless configured.
pub fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    if origins.is_empty() {
        return CorsLayer::new();
    }
    let exposed =
        ["link", "etag", "location", "retry-after", "ratelimit", "ratelimit-policy", "x-request-id"];
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            HeaderName::from_static("idempotency-key"),
        ])
        .expose_headers(exposed.map(HeaderName::from_static))
        .max_age(CORS_MAX_AGE)
}
