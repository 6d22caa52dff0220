//! An input of a kind in a body, beside what else the body says: everything that is wrong is told at once, with pointers.

use axum::body::Bytes;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{AllOfBuilder, RefOr, Schema},
};

use crate::{
    clinic::{
        analyses::{Graded, Input, Kind},
        rules::{
            checks,
            embryo::{Compaction, Embryo},
        },
    },
    http::{
        extract::parse_json,
        problem::{FieldError, Place, Problem},
    },
};

/// Where the input stands.
const INPUT: &str = "/input";

/// What says how the rest is to be read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    kind: Kind,
    input: Map<String, Value>,
}

/// The same when the path says the kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnlyInput {
    input: Map<String, Value>,
}

/// A body with `kind` and `input`, graded, and the rest of it.
pub(super) fn graded<R: DeserializeOwned>(mut body: Map<String, Value>) -> Result<(Graded, R), Problem> {
    let mut head = Map::new();
    for name in ["kind", "input"] {
        head.extend(body.remove_entry(name));
    }
    let head = reread::<Head>(&head).and_then(|head| grade(head.kind, &head.input));
    both(head, reread(&body))
}

/// A body with `input`, whose kind is known, graded, and the rest of it.
pub(super) fn graded_as<R: DeserializeOwned>(
    kind: Kind,
    mut body: Map<String, Value>,
) -> Result<(Graded, R), Problem> {
    let head: Map<_, _> = body.remove_entry("input").into_iter().collect();
    let head = reread::<OnlyInput>(&head).and_then(|head| grade(kind, &head.input));
    both(head, reread(&body))
}

fn both<R>(graded: Result<Graded, Problem>, rest: Result<R, Problem>) -> Result<(Graded, R), Problem> {
    match (graded, rest) {
        (Ok(graded), Ok(rest)) => Ok((graded, rest)),
        (Err(problem), Ok(_)) | (Ok(_), Err(problem)) => Err(problem),
        (Err(one), Err(other)) => {
            Err(Problem::unprocessable([one.errors().to_vec(), other.errors().to_vec()].concat()))
        }
    }
}

fn grade(kind: Kind, given: &Map<String, Value>) -> Result<Graded, Problem> {
    let input = match kind {
        Kind::Semen => reread(given).map(Input::Semen),
        Kind::Oocyte => reread(given).map(Input::Oocyte),
        Kind::Embryo => embryo(given).map(Input::Embryo),
        Kind::Follicle => reread(given).map(Input::Follicle),
        Kind::Hysteroscopy => reread(given).map(Input::Hysteroscopy),
    };
    let input = input.map_err(|problem| Problem::unprocessable(below(INPUT, problem.errors())))?;
    let read = serde_json::to_value(&input).map_err(Problem::internal)?;
    if let Some(pointer) = listed(&Value::Object(given.clone()), &read["input"]) {
        let error = FieldError::body(format!("{INPUT}{pointer}"), "wrong_type", "must be an object");
        return Err(Problem::unprocessable(vec![error]));
    }
    input.grade().map_err(|refused| Problem::unprocessable(below(INPUT, &wrong(&refused))))
}

/// An embryo: read by its tag, serde would say of a wrong member that the whole is wrong. So the stage is read first, and the rest
/// as what belongs to it.
fn embryo(given: &Map<String, Value>) -> Result<Embryo, Problem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Stage {
        Cleavage,
        Morula,
        Blastocyst,
    }
    #[derive(Deserialize)]
    struct Staged {
        stage: Stage,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Morula {
        compaction: Option<Compaction>,
    }
    let mut rest = given.clone();
    let head: Map<_, _> = rest.remove_entry("stage").into_iter().collect();
    match reread::<Staged>(&head)?.stage {
        Stage::Cleavage => reread(&rest).map(Embryo::Cleavage),
        Stage::Morula => reread(&rest).map(|Morula { compaction }| Embryo::Morula { compaction }),
        Stage::Blastocyst => reread(&rest).map(Embryo::Blastocyst),
    }
}

/// Where a list was given for an object: serde takes one for the other, field by field.
fn listed(given: &Value, read: &Value) -> Option<String> {
    match (given, read) {
        (Value::Array(_), Value::Object(_)) => Some(String::new()),
        (Value::Array(given), Value::Array(read)) => {
            let mut pairs = given.iter().zip(read).enumerate();
            pairs.find_map(|(at, (given, read))| Some(format!("/{at}{}", listed(given, read)?)))
        }
        (Value::Object(given), Value::Object(read)) => {
            given.iter().find_map(|(name, given)| Some(format!("/{name}{}", listed(given, read.get(name)?)?)))
        }
        _ => None,
    }
}

/// A part of a body that was parsed already, as if it had come alone.
fn reread<T: DeserializeOwned>(part: &Map<String, Value>) -> Result<T, Problem> {
    let bytes = serde_json::to_vec(part).map_err(Problem::internal)?;
    parse_json(&Bytes::from(bytes))
}

fn wrong(refused: &checks::Refused) -> Vec<FieldError> {
    let error = |it: &checks::Invalid| {
        FieldError::body(it.pointer.clone(), it.problem.code(), it.problem.to_string())
    };
    refused.0.iter().map(error).collect()
}

/// The same errors further down.
pub(super) fn below(pointer: &str, errors: &[FieldError]) -> Vec<FieldError> {
    let down = |it: &FieldError| FieldError {
        place: Place::Body,
        pointer: format!("{pointer}{}", it.pointer),
        code: it.code.clone(),
        detail: it.detail.clone(),
    };
    errors.iter().map(down).collect()
}

/// The schema of a body that has `kind` and `input` beside `R`.
pub(super) fn schema_with<R: PartialSchema>() -> RefOr<Schema> {
    let mut rest = R::schema();
    if let RefOr::T(Schema::Object(object)) = &mut rest {
        object.additional_properties = None; // its neighbours have fields of their own
    }
    AllOfBuilder::new().item(Input::schema()).item(rest).into()
}

/// What such a schema refers to.
pub(super) fn schemas_with<R: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    Input::schemas(schemas);
    R::schemas(schemas);
}
