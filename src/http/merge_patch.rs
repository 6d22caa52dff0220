//! JSON merge patch (RFC 7396): what is named is replaced, `null` removes, what is not named stays.
//!
//! The result is read into the same type that creating takes: a field that may not be removed is then missing, and the
//! problem points at it.

use axum::{
    extract::{FromRef, FromRequest, Request},
    http::HeaderName,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    extract::{Json, parse_json},
    problem::{FieldError, Problem},
    state::BodyLimits,
};

/// Says which media type a PATCH wants (RFC 5789).
pub const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// The body of a PATCH: `application/merge-patch+json` or plain `application/json`.
#[derive(Debug, Clone)]
pub struct MergePatch(Map<String, Value>);

impl<S> FromRequest<S> for MergePatch
where
    S: Send + Sync,
    BodyLimits: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Json(patch) = Json::from_request(request, state).await?;
        Ok(Self(patch))
    }
}

impl MergePatch {
    /// Whether one of these members is in it.
    pub fn names(&self, members: &[&str]) -> bool {
        members.iter().any(|name| self.0.contains_key(*name))
    }

    /// `current` with the patch applied.
    pub fn apply<T: Serialize + DeserializeOwned>(self, current: &T) -> Result<T, Problem> {
        let mut value = serde_json::to_value(current).map_err(Problem::internal)?;
        let removed: Vec<String> =
            self.0.iter().filter(|(_, value)| value.is_null()).map(|(name, _)| name.clone()).collect();
        let unknown = removed.iter().find(|name| value.get(name).is_none()).cloned();
        merge(&mut value, Value::Object(self.0));
        if let (Some(name), Some(members)) = (unknown, value.as_object_mut()) {
            members.insert(name, Value::Null); // removing what does not exist is a slip: it is refused as unknown
        }
        let patched = parse_json(&serde_json::to_vec(&value).map_err(Problem::internal)?);
        patched.map_err(|problem: Problem| name_nulls(problem, &removed))
    }
}

/// What is missing because the patch removed it was not left out: it was `null`.
fn name_nulls(problem: Problem, removed: &[String]) -> Problem {
    let was_null = |error: &FieldError| {
        error.code == "required" && removed.iter().any(|name| error.pointer.strip_prefix('/') == Some(name))
    };
    if !problem.errors().iter().any(was_null) {
        return problem;
    }
    let mut errors = problem.errors().to_vec();
    for error in errors.iter_mut().filter(|error| was_null(error)) {
        error.detail = "must not be null".into();
    }
    Problem::unprocessable(errors)
}

/// The algorithm of RFC 7396, section 2. Depth is bounded by the parser.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        for (name, value) in patch {
            if value.is_null() {
                target.remove(&name);
            } else {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::merge;

    #[test]
    fn the_examples_of_the_standard_hold() {
        let check = |mut target: Value, patch: Value, expected: Value| {
            let text = format!("{target} + {patch}");
            merge(&mut target, patch);
            assert_eq!(target, expected, "{text}");
        };
        check(json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"}));
        check(json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"}));
        check(json!({"a": "b"}), json!({"a": null}), json!({}));
        check(json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"}));
        check(json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"}));
        check(json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}}));
        check(json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]}));
        check(json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"]));
        check(json!({"a": "foo"}), json!(null), json!(null));
        check(json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1}));
        check(json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"}));
        check(json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}}));
    }
}
