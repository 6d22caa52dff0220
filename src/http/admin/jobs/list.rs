//! Lists of jobs, and one job.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{
    http::{
        auth::AdminUser,
        extract::{Json, Path},
        listing::{Listing, Page, PageParameters},
        problem::{Answer, FieldError, Problem},
        state::AppState,
        validate::Ends,
    },
    jobs::inspect::{
        self, Detail, Filter, Listed, Patience, State as JobState, UnknownName, parse_fingerprint,
    },
};

/// The filters, and what else a route has.
macro_rules! filters {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(super) struct $name {
            /// Where they are in their life; without it, all of them.
            #[param(inline)]
            pub(super) state: Option<JobState>,
            /// In this queue.
            pub(super) queue: Option<String>,
            /// Of this kind.
            pub(super) kind: Option<String>,
            /// With this tag.
            pub(super) tag: Option<String>,
            /// About this subject: the tag `subject:<id>`.
            pub(super) subject: Option<String>,
            /// Of this account.
            pub(super) owner: Option<Uuid>,
            /// In this batch.
            #[param(value_type = Option<String>)]
            pub(super) batch: Option<i64>,
            /// With this error: sixteen hexadecimal digits.
            pub(super) fingerprint: Option<String>,
            /// Enqueued from then on.
            #[param(value_type = Option<String>, format = DateTime)]
            pub(super) enqueued_from: Option<Timestamp>,
            /// Enqueued before.
            #[param(value_type = Option<String>, format = DateTime)]
            pub(super) enqueued_to: Option<Timestamp>,
            /// Finished from then on.
            #[param(value_type = Option<String>, format = DateTime)]
            pub(super) finished_from: Option<Timestamp>,
            /// Finished before.
            #[param(value_type = Option<String>, format = DateTime)]
            pub(super) finished_to: Option<Timestamp>,
            /// Whether they were run once more: `false` leaves out what was dealt with.
            pub(super) rerun: Option<bool>,
            $($(#[$doc])* pub(super) $field: $type,)*
        }

        impl $name {
            /// As the domain knows them.
            pub(super) fn filter(&self) -> Result<Filter, Problem> {
                let mut errors = Vec::new();
                let fingerprint = self.fingerprint.as_ref().and_then(|text| {
                    let read = parse_fingerprint(text);
                    if read.is_none() {
                        let detail = "is not a fingerprint: sixteen hexadecimal digits";
                        errors.push(FieldError::query("fingerprint", "invalid_fingerprint", detail));
                    }
                    read
                });
                let mut range = |from: (&'static str, Option<Timestamp>), to: (&'static str, Option<Timestamp>)| {
                    Ends { from, to, above: "later", below: "earlier" }.check(&mut errors);
                };
                range(("enqueued_from", self.enqueued_from), ("enqueued_to", self.enqueued_to));
                range(("finished_from", self.finished_from), ("finished_to", self.finished_to));
                if !errors.is_empty() {
                    return Err(Problem::invalid_parameters(errors));
                }
                Ok(Filter {
                    state: self.state,
                    queue: self.queue.clone(),
                    kind: self.kind.clone(),
                    tag: self.tag.clone(),
                    subject: self.subject.clone(),
                    owner: self.owner,
                    batch: self.batch,
                    fingerprint,
                    enqueued_from: self.enqueued_from,
                    enqueued_to: self.enqueued_to,
                    finished_from: self.finished_from,
                    finished_to: self.finished_to,
                    rerun: self.rerun,
                })
            }
        }
    };
}
pub(super) use filters;

filters! {
    /// Which jobs.
    Filters {}
}

/// Queues and kinds are closed sets.
pub(super) fn unknown(name: UnknownName) -> Problem {
    match name {
        UnknownName::Unknown { what, .. } => {
            Problem::invalid_parameters(vec![FieldError::query(what, "not_allowed", name.to_string())])
        }
        UnknownName::Db(error) => error.into(),
    }
}

/// Lists jobs, live ones and those that have ended, newest first. A page may be shorter than asked, or empty, and still
/// have a `next_cursor`: only so many jobs are looked at for one page. The list ends where `next_cursor` is null.
#[utoipa::path(get, path = "/admin/api/jobs", tag = "admin", security(("bearer" = [])), params(Filters, PageParameters),
    responses((status = 200, description = "A page of jobs", body = Page<Listed>),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn list(State(state): State<AppState>, _: AdminUser, list: Listing<Filters, i64>) -> Answer {
    let filter = list.filters.filter()?;
    let mut tx = state.db.begin_admin("admin.jobs.list").await?;
    inspect::check_names(&mut tx, state.jobs.registry(), &filter).await.map_err(unknown)?;
    let found = inspect::list(&mut tx, &filter, list.after, i64::from(list.limit)).await?;
    tx.rollback().await?;
    Ok(list.answer_until(found.jobs, found.next.as_ref(), |job| job))
}

/// Shows one job: its arguments (never sealed ones), attempts, progress, result, relatives, and why it is where it is.
#[utoipa::path(get, path = "/admin/api/jobs/{id}", tag = "admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "The job")),
    responses((status = 200, description = "The job", body = Detail),
        (status = 403, description = "Only administrators may do this")))]
pub(super) async fn show(State(state): State<AppState>, _: AdminUser, Path(id): Path<i64>) -> Answer {
    let mut tx = state.db.begin_admin("admin.jobs.show").await?;
    let patience = Patience::of(&state.config.jobs);
    let found = inspect::show(&mut tx, id, state.clock.now(), patience).await?;
    tx.rollback().await?;
    let detail = found.ok_or_else(|| Problem::not_found("job"))?;
    Ok::<Response, _>(Json(detail).into_response())
}
