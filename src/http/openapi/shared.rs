//! What many operations share stands once, among the components: headers, and problems in the same words.

use std::collections::{BTreeMap, HashMap};

use axum::http::{HeaderName, StatusCode, header};
use utoipa::openapi::{
    Header, HeaderBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Response, Schema, schema::Type,
};

use super::complete::operations_mut;
use crate::http::{limits, request_id};

/// Headers of answers.
const HEADERS: [(HeaderName, &str); 5] = [
    (
        limits::POLICY,
        "The quota that the request counted against: `\"user\";q=600;w=60` is 600 in 60 seconds",
    ),
    (limits::STATE, "What is left of it: `\"user\";r=42;t=56` is 42 requests, and all 600 in 56 seconds"),
    (request_id::HEADER, "Quote it when you ask for help"),
    (header::RETRY_AFTER, "Seconds to wait"),
    (header::WWW_AUTHENTICATE, "The scheme: Bearer"),
];

/// The headers, for the components.
pub(super) fn headers() -> BTreeMap<String, RefOr<Header>> {
    let described = |(name, words): (HeaderName, &str)| {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let header = HeaderBuilder::new().schema(Some(Schema::Object(text))).description(Some(words));
        (name.to_string(), RefOr::T(header.build()))
    };
    HEADERS.into_iter().map(described).collect()
}

/// One of them, in an answer.
pub(super) fn header(name: &HeaderName) -> (String, RefOr<Header>) {
    let reference = RefOr::Ref(Ref::new(format!("#/components/headers/{name}")));
    (name.to_string(), reference)
}

/// Puts problems that several operations answer with in the same words among the components: an answer of the front is
/// part of every operation, and most of the description would be repetitions.
pub(super) fn share_problems(document: &mut OpenApi) {
    let mut uses: BTreeMap<(String, String), usize> = BTreeMap::new();
    each_problem(document, |status, response| {
        if let Some(text) = text_of(response) {
            *uses.entry((status.to_owned(), text)).or_default() += 1;
        }
    });
    // The most frequent of a status has its plain name.
    let mut shared: Vec<_> = uses.into_iter().filter(|(_, count)| *count > 1).collect();
    shared.sort_by(|((status, _), count), ((other, _), others)| (status, others).cmp(&(other, count)));
    let mut names: HashMap<(String, String), String> = HashMap::new();
    let mut last = (String::new(), 0);
    for (key, _) in shared {
        last = if last.0 == key.0 { (last.0, last.1 + 1) } else { (key.0.clone(), 1) };
        let number = if last.1 == 1 { String::new() } else { last.1.to_string() };
        names.insert(key, format!("{}{number}", name_of(&last.0)));
    }
    let mut responses = BTreeMap::new();
    each_problem(document, |status, response| {
        let name = text_of(response).and_then(|text| names.get(&(status.to_owned(), text)));
        if let Some(name) = name {
            let reference = RefOr::Ref(Ref::from_response_name(name));
            responses.insert(name.clone(), std::mem::replace(response, reference));
        }
    });
    document.components.get_or_insert_default().responses.extend(responses);
}

fn each_problem(document: &mut OpenApi, mut visit: impl FnMut(&str, &mut RefOr<Response>)) {
    for item in document.paths.paths.values_mut() {
        for (_, operation) in operations_mut(item) {
            let responses = operation.responses.responses.iter_mut();
            for (status, response) in responses.filter(|(status, _)| status.as_str() >= "400") {
                visit(status, response);
            }
        }
    }
}

fn text_of(response: &RefOr<Response>) -> Option<String> {
    match response {
        RefOr::T(response) => serde_json::to_string(response).ok(),
        RefOr::Ref(_) => None,
    }
}

/// `TooManyRequests` of 429.
fn name_of(status: &str) -> String {
    let known = status.parse().ok().and_then(|status: StatusCode| status.canonical_reason());
    known.map_or_else(|| format!("Status{status}"), |reason| reason.replace([' ', '-', '\''], ""))
}
