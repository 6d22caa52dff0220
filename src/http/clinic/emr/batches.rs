//! Many analyses, asked for together by another system: a batch of jobs.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Object, RefOr, Schema, Type, schema::AnyOf},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::analyze::Asked;
use crate::{
    accounts::policy::Via,
    audit::{self, Entry},
    clinic::{
        emr::batch::{self, AnalysisBatch, Asker, Fault, ITEMS_MAX, Item},
        staff::Permission,
    },
    http::{
        clinic::{
            analysis_input::{graded, schema_with, schemas_with},
            member::Clinician,
        },
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        notary::told::entry,
        problem::{Answer, FieldError, Problem},
        state::AppState,
    },
    ids::AnalysisBatchId,
    jobs::{
        Flow, Key, NewJob, OnFail,
        clinic::{AnalyseBatchItem, FinishAnalysisBatch},
    },
    notary::time::today,
};

/// Items of one clinic that are worked on at once, in the whole fleet: nobody's batch keeps the others waiting.
const AT_ONCE: u16 = 4;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(ask)).routes(routes!(show))
}

/// An analysis of a batch: the kind, its input, and what stands beside it. Any other object is accepted, too: it is refused by
/// itself, and the batch says why.
struct AskForOne;

impl PartialSchema for AskForOne {
    fn schema() -> RefOr<Schema> {
        let other = Object::builder().schema_type(Type::Object);
        let other =
            other.description(Some("Anything else ends as refused, with its reasons, beside the others"));
        Schema::AnyOf(AnyOf::builder().item(schema_with::<Asked>()).item(other).build()).into()
    }
}

impl ToSchema for AskForOne {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas_with::<Asked>(schemas);
    }
}

/// Analyses that are asked for together.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AskForMany {
    /// 1 to 100 of them; each is done, or refused, by itself.
    #[schema(min_items = 1, max_items = 100, value_type = Vec<AskForOne>)]
    items: Vec<Map<String, Value>>,
}

/// A batch that was accepted.
#[derive(Debug, Serialize, ToSchema)]
struct AnalysisBatchStarted {
    /// Its id.
    id: AnalysisBatchId,
    /// How many are asked for.
    total: usize,
    /// How many cannot be done, because of what is given: the batch says why.
    refused: usize,
    /// Where it is looked at.
    links: BatchLinks,
}

/// Where to go from a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalysisBatchLinks)]
struct BatchLinks {
    /// The batch.
    #[serde(rename = "self")]
    this: String,
}

fn path_of(id: AnalysisBatchId) -> String {
    format!("/api/v1/clinic/emr/batches/{id}")
}

/// What is to be done of an item; everything that is wrong with one is kept beside it.
fn item(body: Map<String, Value>, today: jiff::civil::Date) -> Result<Item, Problem> {
    let read = graded::<Asked>(body).and_then(|(graded, asked)| asked.checked(&graded, today));
    match read {
        Ok(request) => Ok(Item::Asked(request)),
        Err(problem) if problem.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            let faults = problem.errors().iter();
            let faults = faults.map(|it| Fault { pointer: &it.pointer, code: &it.code, detail: &it.detail });
            let (code, detail) = (problem.code(), problem.detail());
            Ok(Item::Wrong(batch::failure(code, detail, faults)))
        }
        Err(problem) => Err(problem),
    }
}

/// Asks for many analyses at once. They are made one by one in the background; the batch says what became of each. It counts
/// as one request. An item ends as `not_found` when its patient is not one of the clinic in which it was asked for, as
/// `key_not_good` when the key was revoked or has expired meanwhile.
#[utoipa::path(post, path = "/clinic/emr/analyze/batch", tag = "clinic programs", security(("bearer" = [])),
    request_body = AskForMany,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; a repetition with the \
        same key and body is answered as before")),
    responses((status = 202, description = "They are being made", body = AnalysisBatchStarted,
            headers(("location" = String, description = "Where the batch is looked at"))),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not write analyses")))]
async fn ask(
    State(state): State<AppState>,
    who: Clinician,
    Keyed { body, request: keyed }: Keyed<AskForMany>,
) -> Answer {
    who.need(Permission::WriteAnalyses)?;
    let now = state.clock.now();
    if body.items.is_empty() || body.items.len() > ITEMS_MAX {
        let detail = format!("must have 1 to {ITEMS_MAX} elements");
        return Err(Problem::unprocessable(vec![FieldError::body("/items", "out_of_range", detail)]));
    }
    let items = body.items.into_iter().map(|it| item(it, today(now))).collect::<Result<Vec<_>, _>>()?;
    let claim = keyed.claim(who.principal.user);
    let mut tx = state.db.begin("clinic.emr.batch").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let key = match who.principal.via {
        Via::Key(key, _) => Some(key.0),
        Via::Session(_) => None,
    };
    let asker = Asker { clinic: who.standing.clinic, user: who.principal.user, key };
    let id = batch::create(&mut tx, asker, &items, now).await?;
    start(&state, &mut tx, (id, asker), &items).await?;
    let refused = items.iter().filter(|it| matches!(it, Item::Wrong(_))).count();
    let told = entry(&state, (&who.principal, who.client), "clinic.ask_batch", ("clinic", asker.clinic));
    let details = json!({ "batch": id, "total": items.len(), "refused": refused });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    let links = BatchLinks { this: path_of(id) };
    let started = AnalysisBatchStarted { id, total: items.len(), refused, links };
    let outcome = Outcome { location: Some(path_of(id)), ..Outcome::json(StatusCode::ACCEPTED, &started)? };
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}

/// Enqueues a job for each item that is to be done, and the one that ends the batch after all of them.
async fn start(
    state: &AppState,
    tx: &mut crate::db::Tx,
    (batch, asker): (AnalysisBatchId, Asker),
    items: &[Item],
) -> Result<(), Problem> {
    let mut flow = Flow::new("analyses of a program").owner(asker.user.0);
    let asked = items.iter().zip(0_i32..).filter(|(item, _)| matches!(item, Item::Asked(_)));
    for (_, position) in asked {
        let job = NewJob::of(&AnalyseBatchItem { batch, position });
        flow.add(job.key(Key::at_most(format!("clinic.batches {}", asker.clinic), AT_ONCE)));
    }
    flow.finally(OnFail::Run, NewJob::of(&FinishAnalysisBatch { batch }));
    state.jobs.start(tx, flow).await?;
    Ok(())
}

/// Shows what has become of each analysis of a batch.
#[utoipa::path(get, path = "/clinic/emr/batches/{id}", tag = "clinic programs", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The batch")),
    responses((status = 200, description = "The batch", body = AnalysisBatch),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not read patients")))]
async fn show(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<AnalysisBatchId>,
) -> Answer<Response> {
    who.need(Permission::ReadPatients)?;
    let found = batch::find(&state.db, who.principal.user, id).await?;
    Ok(Json(found.ok_or_else(|| Problem::not_found("batch"))?).into_response())
}
