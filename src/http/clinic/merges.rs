//! Two records of one patient are made one.

use axum::{
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse as _,
};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    member::{Clinician, NotRead},
    patients::{etag, path_of},
};
use crate::{
    audit::{self, Entry},
    clinic::{
        patients::{
            Patient,
            merge::{self, Merge, MergeError},
        },
        scores,
        staff::Permission,
    },
    http::{
        conditional::{ETag, IfMatch},
        extract::Path,
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, NoFilters, Page, PageParameters},
        problem::{Answer, FieldError, Problem},
        state::AppState,
    },
    ids::PatientId,
    jobs::clinic::summary_changed,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(merge)).routes(routes!(history))
}

fn refused(error: MergeError) -> Problem {
    let detail = error.to_string();
    let field = |code| Problem::unprocessable(vec![FieldError::body("/source_id", code, detail.clone())]);
    match error {
        MergeError::NoSuchPatient => Problem::not_found("patient"),
        MergeError::UnknownSource => field("unknown_patient"),
        MergeError::Same => field("same"),
        MergeError::Merged(into) => {
            Problem::conflict("merged_into", detail).member("merged_into", into.to_string())
        }
        MergeError::Anonymised => Problem::conflict("anonymised", detail),
        MergeError::Archived => Problem::conflict("archived", detail),
        MergeError::LikelyDistinct(fields) => {
            Problem::conflict("likely_distinct", detail).member("fields", fields)
        }
        MergeError::Db(error) => error.into(),
    }
}

/// Which record is merged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MergePatients {
    /// Another record of the same patient, which gives up everything.
    source_id: PatientId,
    /// Somebody has looked: the two are one person, although the records say what was answered as `likely_distinct`.
    #[serde(default)]
    is_same_person: bool,
}

/// Merges another record into this one, which takes everything of it and what it does not know itself. The other one leads
/// here from then on, and there is no way back. Records of people who are probably two are answered 409 `likely_distinct`; who has
/// looked sends `"is_same_person": true`.
#[utoipa::path(post, path = "/clinic/patients/{id}/merge", tag = "clinic", security(("bearer" = [])),
    request_body = MergePatients,
    params(("id" = uuid::Uuid, Path, description = "The patient that is kept"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read of it; without it 428")),
    responses((status = 200, description = "The patient that is kept, with its ETag", body = Patient),
        (status = 204, description = "It is done, with its ETag: one may not read patients"),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not merge patients"),
        (status = 409, description = "`merged_into`: one of them was merged already; `anonymised`; `archived`: the one that is \
            kept is, and nothing is written to it; `likely_distinct`: with `fields`, the names of what they say otherwise of \
            `first_name` (no word in common), `sex`, `born_on` and, if both have one, `fiscal_code`"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn merge(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    if_match: IfMatch,
    Keyed { body, request }: Keyed<MergePatients>,
) -> Answer {
    const ACTION: &str = "patient.merge";
    who.need(Permission::MergePatients)?;
    let (user, now) = (who.principal.user, state.clock.now());
    let claim = request.claim(user);
    let mut tx = state.db.begin("clinic.merge_patients").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let locked = match merge::lock(&mut tx, user, (id, body.source_id)).await {
        Err(MergeError::NoSuchPatient) => {
            drop(tx);
            return Err(who.missed(&state, ACTION, id).await?);
        }
        Err(error @ MergeError::UnknownSource) => {
            drop(tx);
            who.missed(&state, ACTION, body.source_id).await?;
            return Err(refused(error));
        }
        other => other.map_err(refused)?,
    };
    let (target, source) = (&locked.0, &locked.1);
    if_match.check(&ETag::of_version(target.version))?;
    let differed = match merge::same_person((target, source), body.is_same_person) {
        Ok(differed) => differed,
        Err(error) => {
            drop(tx);
            return Err(distinct(&state, &who, (ACTION, id, body.source_id), error).await?);
        }
    };
    let merged = merge::merge(&mut tx, (target, source, &differed), user, now).await?;
    scores::changed(&mut tx, &state.jobs, merged.id).await?;
    let [kept, gone] = [("source", id, source.id), ("target", source.id, id)].map(|(role, of, other)| {
        let told = who.entry(&state, ACTION, of);
        Entry { details: json!({ role: other, "differed": differed }), ..told }
    });
    audit::record(&mut tx, &[kept, gone]).await?;
    summary_changed(&mut tx, (&state.jobs, &state.config.clinic), now).await?;
    let outcome = if who.standing.may(Permission::ReadPatients) {
        Outcome { location: Some(path_of(merged.id)), ..Outcome::json(StatusCode::OK, &merged)? }
    } else {
        Outcome { status: StatusCode::NO_CONTENT, location: None, body: Bytes::new() }
    };
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, etag(&merged));
    Ok(response)
}

/// Why two are not taken for one. Who hears in what they differ has asked about them: that is in the audit log, by names of fields.
async fn distinct(
    state: &AppState,
    who: &Clinician,
    (action, target, source): (&'static str, PatientId, PatientId),
    error: MergeError,
) -> Result<Problem, Problem> {
    if let MergeError::LikelyDistinct(fields) = &error {
        let told = ("likely_distinct", json!({ "source": source, "fields": fields }));
        who.refused(state, (action, ("patient", target.0)), told).await?;
    }
    Ok(refused(error))
}

/// Lists which records were merged into this one, newest first.
#[utoipa::path(get, path = "/clinic/patients/{id}/merges", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The patient"), PageParameters),
    responses((status = 200, description = "A page of the history", body = Page<Merge>), NotRead))]
async fn history(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    list: Listing<NoFilters, i64>,
) -> Answer {
    who.need(Permission::ReadPatients)?;
    who.read(&state, ("patient.read_merges", id, "/merges")).await?;
    let found = merge::history(&state.db, who.principal.user, id, (list.after, list.fetch())).await?;
    Ok(list.answer(found, |it| it.id, |it| it))
}
