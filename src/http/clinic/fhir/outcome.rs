//! Problems as FHIR tells them.

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::Response,
};

use super::CONTENT_TYPE;
use crate::{
    clinic::fhir::types::{Concept, Issue, Outcome},
    http::problem::{FieldError, Problem},
};

/// The rendered answer of a problem with an OperationOutcome for its body.
pub fn told(problem: &Problem, rendered: Response) -> Response {
    let (mut parts, _) = rendered.into_parts();
    let outcome = of(problem);
    let body = serde_json::to_vec(&outcome).expect("an outcome is plain data, with text for keys");
    parts.headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

fn of(problem: &Problem) -> Outcome {
    let code = code(problem.status());
    let issue = |details: &str, diagnostics: String, expression: Vec<String>| Issue {
        severity: "error",
        code,
        details: Some(Concept { coding: Vec::new(), text: Some(details.to_owned()) }),
        diagnostics,
        expression,
    };
    let field = |error: &FieldError| {
        let place = error.pointer.trim_start_matches('/').replace('/', ".");
        issue(
            &error.code,
            format!("{}: {}", error.pointer, error.detail),
            Some(place).filter(|it| !it.is_empty()).into_iter().collect(),
        )
    };
    let mut issues: Vec<_> = problem.errors().iter().map(field).collect();
    if issues.is_empty() {
        issues.push(issue(problem.code(), problem.detail().to_owned(), Vec::new()));
    }
    Outcome::of(issues)
}

/// FHIR's word (value set issue-type).
const fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "login",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND | StatusCode::PERMANENT_REDIRECT => "not-found",
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_ACCEPTABLE | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            "not-supported"
        }
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => "conflict",
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::URI_TOO_LONG => "too-long",
        StatusCode::TOO_MANY_REQUESTS => "throttled",
        StatusCode::REQUEST_TIMEOUT => "timeout",
        StatusCode::SERVICE_UNAVAILABLE => "transient",
        StatusCode::INTERNAL_SERVER_ERROR => "exception",
        _ => "invalid",
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::{code, of};
    use crate::http::problem::{FieldError, Problem};

    #[test]
    fn every_problem_has_an_issue_and_every_wrong_field_one_of_its_own() {
        let plain = of(&Problem::not_found("patient"));
        assert_eq!((plain.issue.len(), plain.issue[0].code), (1, "not-found"));
        let wrong = Problem::unprocessable(vec![
            FieldError::body("/entry/0/resource", "required", "must be given"),
            FieldError::body("", "wrong_type", "must be an object"),
        ]);
        let wrong = of(&wrong);
        assert_eq!(wrong.issue[0].expression, ["entry.0.resource"]);
        assert_eq!((wrong.issue.len(), wrong.issue[1].expression.len()), (2, 0));
        assert_eq!(code(StatusCode::TOO_MANY_REQUESTS), "throttled");
    }
}
