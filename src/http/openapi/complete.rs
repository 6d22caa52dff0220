//! The API's description: OpenAPI 3.1, generated from the handlers and completed with what holds everywhere.
//!
//! Handlers describe what is theirs. The answers of the front and the extractors (malformed requests, limits, time,
//! overload) are added here, to exactly those operations that can give them.

use std::{borrow::Cow, collections::BTreeMap};

use axum::http::{Method, header};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ContentBuilder, LicenseBuilder, OpenApi, Ref, RefOr, ResponseBuilder,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem},
        schema::{AdditionalProperties, Array, ArrayItems, Components, ObjectBuilder, Schema, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use super::shared;
use crate::{
    accounts::scopes::Scope,
    clinic::fhir::types::Outcome,
    http::{
        clinic, idempotency, keys, limits, problem::ProblemDocument, request_id, router, routes::EXEMPT,
        scopes,
    },
    jobs::inspect::Changes,
};

/// The description of this server's API.
pub fn document() -> OpenApi {
    complete(router::api().into_openapi())
}

const ABOUT: &str = "The back office of service practices: accounts, documents of all desks, events with their bookings, and the \
    background work behind them.\n\n\
    Errors are problems (RFC 9457) with a stable `code`. Lists go on with `cursor`. A POST that creates may be repeated \
    safely with the same `Idempotency-Key` for 24 hours. Limits are told in `RateLimit` and `RateLimit-Policy`.";

const KEY: &str = "api_key";
const KEYS: &str = "A key for programs (`POST /api/v1/api-keys`), also taken as `Authorization: Bearer spk_…`. Each operation \
                    names the scope that the key needs; what names none takes no keys.";

/// When an operation may give an answer that is not its handler's own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Described,
    Always,
    Limited,
    Secured,
    Body,
    Writes,
    Parameters,
    PathParameters,
}

const COMMON: [(&str, When, &str); 17] = [
    ("400", When::Parameters, "A parameter or header is malformed, or a parameter is unknown"),
    (
        "400",
        When::Body,
        "The body is not JSON, a header is malformed, or there is a query: there are no parameters",
    ),
    ("400", When::Described, "There is a query: there are no parameters"),
    ("401", When::Secured, "The access token or key is missing, wrong, expired or revoked"),
    ("403", When::Secured, "Not with this role, or not with this key"),
    ("404", When::PathParameters, "There is no such thing, or it is not yours"),
    ("406", When::Always, "Accept-Encoding refuses every coding that there is"),
    ("408", When::Body, "The body did not arrive in time"),
    ("409", When::Writes, "It collides with the present state"),
    ("413", When::Body, "The body is too large"),
    ("414", When::Always, "The path and query are too long"),
    ("415", When::Body, "The body is not of the expected media type"),
    ("422", When::Body, "The body is understood and wrong; `errors` names the fields"),
    ("429", When::Limited, "Too many requests; `Retry-After` says when to come back"),
    ("431", When::Always, "The header is too large"),
    ("500", When::Always, "A bug; the request id finds it in the log"),
    ("503", When::Always, "Not at the moment; `Retry-After` says when to come back"),
];

/// Adds title, security scheme, common answers and headers.
pub fn complete(mut document: OpenApi) -> OpenApi {
    document.info.title = "Sportello".to_owned();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.info.description = Some(ABOUT.to_owned());
    // Otherwise these would be the generator's own.
    document.info.contact = None;
    document.info.license = Some(
        LicenseBuilder::new().name("MIT or Apache-2.0").identifier(Some(env!("CARGO_PKG_LICENSE"))).build(),
    );
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.security_schemes.insert("bearer".to_owned(), RefOr::T(SecurityScheme::Http(bearer)));
    let header = ApiKeyValue::with_description(keys::HEADER.as_str(), KEYS);
    let key = SecurityScheme::ApiKey(ApiKey::Header(header));
    components.security_schemes.insert(KEY.to_owned(), RefOr::T(key));
    components.schemas.insert(ProblemDocument::name().into_owned(), ProblemDocument::schema());
    let mut schemas = Vec::new();
    ProblemDocument::schemas(&mut schemas);
    Changes::schemas(&mut schemas);
    Outcome::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components.schemas.insert(Changes::name().into_owned(), Changes::schema());
    components.schemas.insert(Outcome::name().into_owned(), Outcome::schema());
    open_what_is_joined(components);
    components.headers = shared::headers();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations_mut(item) {
            complete_operation(path, &method, operation);
        }
    }
    shared::share_problems(&mut document);
    document
}

/// An event of a stream, as clients of server-sent events see it.
#[derive(Debug, ToSchema)]
pub struct ServerSentEvent {
    /// What it is about.
    pub event: String,
    /// JSON.
    #[schema(content_media_type = "application/json")]
    pub data: String,
}

/// A body that takes no unknown fields may be shown as a part of something larger: there its neighbours are known.
fn open_what_is_joined(components: &mut Components) {
    let known = components.schemas.clone();
    components.schemas.values_mut().for_each(|schema| open(schema, &known, false));
}

fn open(schema: &mut RefOr<Schema>, known: &BTreeMap<String, RefOr<Schema>>, is_part: bool) {
    const HERE: &str = "#/components/schemas/";
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.trim_start_matches(HERE);
            if let Some(RefOr::T(Schema::Object(object))) = known.get(name)
                && is_part
                && matches!(
                    object.additional_properties.as_deref(),
                    Some(AdditionalProperties::FreeForm(false))
                )
            {
                let mut opened = object.clone();
                opened.additional_properties = None;
                *schema = RefOr::T(Schema::Object(opened));
            }
        }
        RefOr::T(Schema::AllOf(joined)) => joined.items.iter_mut().for_each(|part| open(part, known, true)),
        RefOr::T(Schema::OneOf(one)) => one.items.iter_mut().for_each(|it| open(it, known, false)),
        RefOr::T(Schema::Object(object)) => {
            object.properties.values_mut().for_each(|it| open(it, known, false));
        }
        RefOr::T(Schema::Array(Array { items: ArrayItems::RefOrSchema(items), .. })) => {
            open(items, known, false);
        }
        RefOr::T(_) => {}
    }
}

/// `GET /api/v1/events/{slug}` is `get_events_slug`: functions of different modules share their names, routes do not.
fn operation_id(path: &str, method: &Method) -> String {
    let path = path.trim_start_matches("/api/v1").replace(['{', '}'], "");
    format!("{}{}", method.as_str().to_lowercase(), path.replace(['/', '-', '.', '$'], "_"))
}

fn complete_operation(path: &str, method: &Method, operation: &mut Operation) {
    operation.operation_id = Some(operation_id(path, method));
    let creates = *method == Method::POST && operation.responses.responses.contains_key("201");
    if creates {
        add_header_parameter(
            operation,
            idempotency::HEADER.as_str(),
            "1 to 255 printable characters; a repetition with the same key and body is answered as before",
        );
    }
    for (status, when, description) in COMMON {
        if applies(when, path, method, operation) {
            let response = problem(status, description);
            operation.responses.responses.entry(status.to_owned()).or_insert(RefOr::T(response));
        }
    }
    if clinic::fhir::is_fhir(path) {
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response
                && status.as_str() >= "400"
            {
                *response = outcome(status, &response.description);
            }
        }
    }
    for (status, response) in &mut operation.responses.responses {
        // Every error is a problem, also those that a handler describes in its own words.
        if let RefOr::T(response) = response
            && status.as_str() >= "400"
            && response.content.is_empty()
        {
            *response = problem(status, &response.description);
        }
    }
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            spell_out(parameter);
        }
    }
    if let (Some(security), Some(scopes)) = (&mut operation.security, scopes::of(method, path).needed()) {
        security.push(SecurityRequirement::new(KEY, scopes.map(Scope::as_str)));
    }
    let limited = applies(When::Limited, path, method, operation);
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            if limited {
                response.headers.extend([&limits::POLICY, &limits::STATE].map(shared::header));
            }
            response.headers.extend([shared::header(&request_id::HEADER)]);
        }
    }
}

/// How headers look. Described by `Option<String>`, they would allow everything, and `null`.
const HEADERS: [(&str, &str); 8] = [
    ("if-match", r#"^(\*|"[!#-~]{1,200}")$"#),
    ("idempotency-key", r#"^([!#-~][ -~]{0,254}|"([ !#-\[\]-~]|\\["\\]){1,255}")$"#),
    ("sportello-signature", "^t=[0-9]{1,12},v1=[0-9a-f]{64}$"),
    ("tus-resumable", r"^1\.0\.0$"),
    ("upload-checksum", "^(sha256 [A-Za-z0-9+/]{43}=|sha1 [A-Za-z0-9+/]{27}=)$"),
    ("upload-length", "^[0-9]{1,18}$"),
    ("upload-offset", "^[0-9]{1,18}$"),
    ("upload-metadata", "^[a-z]{1,20} [A-Za-z0-9+/=]{0,400}(,[a-z]{1,20} [A-Za-z0-9+/=]{0,400}){0,9}$"),
];

fn spell_out(parameter: &mut Parameter) {
    let known = HEADERS.iter().find(|(name, _)| parameter.name.eq_ignore_ascii_case(name));
    if let (Some((_, pattern)), ParameterIn::Header) = (known, &parameter.parameter_in) {
        let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(*pattern)).build();
        parameter.schema = Some(RefOr::T(Schema::Object(schema)));
    }
}

fn applies(when: When, path: &str, method: &Method, operation: &Operation) -> bool {
    let has = |place: ParameterIn| parameters(operation).any(|parameter| parameter.parameter_in == place);
    let exempt = EXEMPT.iter().any(|root| path.starts_with(root));
    match when {
        When::Described => true,
        When::Always => !exempt || method != Method::GET,
        When::Limited => !exempt,
        When::Secured => operation.security.is_some(),
        When::Body => operation.request_body.is_some(),
        When::Writes => *method != Method::GET,
        When::Parameters => has(ParameterIn::Query) || has(ParameterIn::Header),
        When::PathParameters => has(ParameterIn::Path),
    }
}

fn parameters(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None, // we write none
    })
}

fn problem(status: &str, description: &str) -> utoipa::openapi::Response {
    told(status, description, ("application/problem+json", ProblemDocument::name()))
}

/// The same as FHIR tells it.
fn outcome(status: &str, description: &str) -> utoipa::openapi::Response {
    told(status, description, ("application/fhir+json", Outcome::name()))
}

fn told(
    status: &str,
    description: &str,
    (kind, schema): (&str, Cow<'static, str>),
) -> utoipa::openapi::Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    let mut response = ResponseBuilder::new().description(description).content(kind, content).build();
    response.headers.extend(match status {
        "429" | "503" => Some(shared::header(&header::RETRY_AFTER)),
        "401" => Some(shared::header(&header::WWW_AUTHENTICATE)),
        _ => None,
    });
    response
}

fn add_header_parameter(operation: &mut Operation, name: &str, description: &str) {
    let known = parameters(operation).any(|parameter| {
        parameter.parameter_in == ParameterIn::Header && parameter.name.eq_ignore_ascii_case(name)
    });
    if !known {
        let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(utoipa::openapi::Required::False)
            .description(Some(description))
            .schema(Some(Schema::Object(schema.build())));
        operation.parameters.get_or_insert_default().push(RefOr::T(parameter.build()));
    }
}

/// Whether an operation has parameters behind the `?`.
pub fn reads_query(operation: &Operation) -> bool {
    parameters(operation).any(|parameter| parameter.parameter_in == ParameterIn::Query)
}

/// The operations of a path.
pub fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    let all = [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
        (Method::OPTIONS, &item.options),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

pub(super) fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
        (Method::OPTIONS, &mut item.options),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}
