//! Enqueueing by name.

use axum::{extract::State, response::IntoResponse};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::orders::{Ordering, check_priority, who};
use crate::{
    http::{
        auth::AdminUser,
        idempotency::{self, Keyed, Outcome},
        problem::{Answer, FieldError, Problem},
        state::AppState,
        validate::Checks,
    },
    jobs::{
        JobId,
        inspect::{self, Draft, DraftError, MAX_TAGS},
    },
};

/// A job to be enqueued.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EnqueueJob)]
pub(super) struct Body {
    /// What it does: one of the kinds this server knows.
    kind: String,
    /// Its arguments, as the kind wants them.
    #[serde(default)]
    #[schema(value_type = serde_json::Value)]
    arguments: serde_json::Value,
    /// Not before then, within a year; without it, now.
    #[schema(value_type = Option<String>, format = DateTime)]
    run_at: Option<Timestamp>,
    /// Instead of its kind's; smaller runs first.
    #[schema(minimum = -1000, maximum = 1000)]
    priority: Option<i16>,
    /// For people and filters.
    #[serde(default)]
    #[schema(max_items = 16)]
    tags: Vec<String>,
    /// At most one live job of its kind has this key.
    #[schema(min_length = 1, max_length = 200)]
    unique: Option<String>,
    /// The account that may look at it as a task; it must be there.
    owner: Option<uuid::Uuid>,
    /// For the journal.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Ordering for Body {
    fn reason(&self) -> &str {
        &self.reason
    }

    fn check(&self, checks: &mut Checks, _now: Timestamp) {
        if let Some(priority) = self.priority {
            check_priority(checks, priority);
        }
        checks.at_most("/tags", &self.tags, MAX_TAGS);
        for (at, tag) in self.tags.iter().enumerate() {
            checks.line(&format!("/tags/{at}"), tag, 1..=200);
        }
        if let Some(unique) = &self.unique {
            checks.line("/unique", unique, 1..=200);
        }
    }
}

/// What was enqueued.
#[derive(Serialize, ToSchema)]
#[schema(as = EnqueuedJob)]
struct Enqueued {
    /// Its id.
    #[schema(value_type = String)]
    id: JobId,
}

/// Enqueues a job.
#[utoipa::path(post, path = "/admin/api/jobs", tag = "admin", security(("bearer" = [])), request_body = Body,
    responses((status = 201, description = "Its id; `Location` shows it", body = Enqueued),
        (status = 403, description = "Only administrators may do this"),
        (status = 409, description = "A job with the same unique key is live"),
        (status = 422, description = "There is no such kind or owner, or the arguments do not fit or have more than 64 KiB")))]
pub(super) async fn enqueue(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    Keyed { body, request }: Keyed<Body>,
) -> Answer {
    let who = who(&state, &admin, &body)?;
    let draft = Draft {
        kind: body.kind,
        arguments: body.arguments,
        run_at: body.run_at,
        priority: body.priority,
        tags: body.tags,
        unique: body.unique,
        owner: body.owner,
    };
    let (claim, now) = (request.claim(admin.user), state.clock.now());
    let mut tx = state.db.begin_admin("admin.jobs.enqueue").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let id = inspect::enqueue(&mut tx, &state.jobs, &who, &draft).await.map_err(refused)?;
    let outcome = Outcome::created(format!("/admin/api/jobs/{id}"), &Enqueued { id })?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}

fn refused(error: DraftError) -> Problem {
    let (code, words) = (error.code(), error.to_string());
    match error {
        DraftError::Kind(_) => Problem::unprocessable(vec![FieldError::body("/kind", code, words)]),
        DraftError::Arguments { pointer, detail, .. } => {
            Problem::unprocessable(vec![FieldError::body(format!("/arguments{pointer}"), code, detail)])
        }
        DraftError::Shape { .. } | DraftError::TooLong(_) => {
            Problem::unprocessable(vec![FieldError::body("/arguments", code, words)])
        }
        DraftError::Time => Problem::unprocessable(vec![FieldError::body("/run_at", code, words)]),
        DraftError::Owner(_) => Problem::unprocessable(vec![FieldError::body("/owner", code, words)]),
        DraftError::Live => Problem::conflict(code, words),
        DraftError::Db(error) => error.into(),
    }
}
