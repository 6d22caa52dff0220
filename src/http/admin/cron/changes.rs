//! Making, changing and deleting schedules.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use super::shown::{no_schedule, tag, tagged};
use crate::{
    accounts::policy::Principal,
    http::{
        auth::AdminUser,
        conditional::{ETag, IfMatch},
        extract::Path,
        idempotency::{self, Keyed, Outcome},
        merge_patch::MergePatch,
        problem::{Answer, FieldError, Problem},
        state::AppState,
    },
    jobs::schedules::{self, Definition, Operator, Refusal, View},
};

/// Makes a schedule.
#[utoipa::path(post, path = "/admin/api/cron", tag = "cron", security(("bearer" = [])), request_body = Definition,
    responses((status = 201, description = "The schedule, with its ETag", body = View),
        (status = 403, description = "Only administrators may do this"),
        (status = 409, description = "`schedule_exists`: another one has this name")))]
pub(super) async fn create(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    Keyed { body, request }: Keyed<Definition>,
) -> Answer {
    let (now, claim) = (state.clock.now(), request.claim(admin.user));
    let mut tx = state.db.begin("admin.cron.create").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let made = schedules::create(&mut tx, &state.jobs, &body, &operator(&admin), now).await;
    let view = View::from(made.map_err(refused)?);
    let outcome = Outcome::created(format!("/admin/api/cron/{}", view.schedule.key), &view)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, tag(&view));
    Ok(response)
}

/// Changes to a schedule: a JSON merge patch (RFC 7396).
pub(super) struct ChangeSchedule;

impl PartialSchema for ChangeSchedule {
    fn schema() -> RefOr<Schema> {
        let mut schema = Definition::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
            object.properties.remove("key");
            object.description =
                Some("What is left out stays; `null` brings the default back (RFC 7396)".to_owned());
        }
        schema
    }
}

impl ToSchema for ChangeSchedule {}

/// Changes a schedule. Another spec, time zone, or policy for changes of the clocks computes the next tick anew.
#[utoipa::path(patch, path = "/admin/api/cron/{key}", tag = "cron", security(("bearer" = [])),
    request_body(content((ChangeSchedule = "application/merge-patch+json"), (ChangeSchedule = "application/json"))),
    params(("key" = String, Path, description = "The schedule's name; it never changes"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, or `\"v<version>\"`; without it 428")),
    responses((status = 200, description = "The changed schedule, with its ETag", body = View),
        (status = 403, description = "Only administrators may do this"),
        (status = 409, description = "`schedule_in_code`: it is part of the program and cannot be changed"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
pub(super) async fn change(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    Path(key): Path<String>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Answer {
    let now = state.clock.now();
    let mut tx = state.db.begin("admin.cron.change").await?;
    let before = schedules::locked(&mut tx, &key).await.map_err(refused)?;
    if_match.check(&ETag::of_version(before.version))?;
    let wanted = patch.apply(&before.definition)?;
    let changed = schedules::change(&mut tx, &state.jobs, &before, &wanted, &operator(&admin), now).await;
    let view = View::from(changed.map_err(refused)?);
    tx.commit().await?;
    Ok(tagged(view))
}

/// Deletes a schedule. Its jobs stay, and so do the decisions about its ticks until they are old.
#[utoipa::path(delete, path = "/admin/api/cron/{key}", tag = "cron", security(("bearer" = [])),
    params(("key" = String, Path, description = "The schedule's name"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, if it matters")),
    responses((status = 204, description = "Deleted"),
        (status = 403, description = "Only administrators may do this"),
        (status = 409, description = "`schedule_in_code`: it is part of the program; pause it"),
        (status = 412, description = "It was changed meanwhile")))]
pub(super) async fn delete(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    Path(key): Path<String>,
    if_match: IfMatch,
) -> Answer {
    let mut tx = state.db.begin("admin.cron.delete").await?;
    let before = schedules::locked(&mut tx, &key).await.map_err(refused)?;
    if if_match.0.is_some() {
        if_match.check(&ETag::of_version(before.version))?;
    }
    let in_code = schedules::schedules(&state.config).iter().any(|it| it.key == key);
    let (who, now) = (operator(&admin), state.clock.now());
    schedules::delete(&mut tx, &before, in_code, (&who, None), now).await.map_err(refused)?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) fn operator(admin: &Principal) -> Operator {
    let details = serde_json::json!({ "session": admin.session() });
    Operator { user: Some(admin.user), name: admin.user.to_string(), details }
}

pub(super) fn refused(refusal: Refusal) -> Problem {
    let detail = refusal.to_string();
    match refusal {
        Refusal::NotFound => no_schedule(),
        Refusal::Exists => Problem::conflict("schedule_exists", detail),
        Refusal::InCode => Problem::conflict("schedule_in_code", detail),
        Refusal::StillLive => Problem::conflict("run_still_live", detail),
        Refusal::UnknownKind => Problem::conflict("unknown_kind", detail),
        Refusal::Wrong(fields) => {
            let error = |it: schedules::WrongField| FieldError::body(it.pointer, it.code, it.detail);
            Problem::unprocessable(fields.into_iter().map(error).collect())
        }
        Refusal::Db(error) => error.into(),
    }
}
