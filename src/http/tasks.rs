//! Background work for somebody: jobs that belong to an account, as their owner sees them. Others' do not exist.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;
use tokio::time::{Instant, timeout};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{CurrentUser, bearer},
    extract::{Json, Path},
    openapi::ServerSentEvent,
    problem::{Answer, Problem},
    sse,
    state::AppState,
};
use crate::{
    accounts::{
        key_use,
        policy::{Principal, Via},
    },
    db::DbError,
    ids::UserId,
    jobs::{
        Job as _, JobId,
        clinic::RenderReport,
        inspect::{self, State as TaskState, Task},
    },
};

/// What kinds of the clinic desk begin with.
const CLINIC: &str = "clinic.";
/// Streams of one person: a browser with several windows.
const STREAMS_EACH: usize = 4;
/// Streams of this server: each looks at one row each second.
const STREAMS: usize = 256;
/// A stream may have ended by then.
const LATER: Duration = Duration::from_secs(5);
/// Between two looks at least this long, however much happens.
const LOOK_MIN: Duration = Duration::from_millis(200);
/// And at most this long: other processes' changes are not heard.
const LOOK_MAX: Duration = Duration::from_secs(1);
/// A silent stream is closed by proxies.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

/// Kinds whose reasons are words for programs; others say sentences to who looks after the service.
const SAY_WHY: [&str; 1] = [RenderReport::KIND];

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(events))
}

/// Work that was begun for somebody, to be looked at.
#[derive(Serialize, ToSchema)]
pub(super) struct TaskStarted {
    /// The task.
    #[schema(value_type = String)]
    id: JobId,
    /// Where it is looked at.
    links: TaskLinks,
}

impl TaskStarted {
    pub(super) fn of(id: JobId) -> Self {
        Self { id, links: TaskLinks::of(id) }
    }
}

/// Why a task has no result.
#[derive(Serialize, ToSchema)]
struct TaskProblem {
    /// For programs: `failed`, `cancelled` or `set_aside`.
    code: &'static str,
    /// Why, as a stable word, of kinds of work that say so: of `clinic.render_report` `consent_missing`, `archived`,
    /// `anonymised`, `not_found` or `not_set`.
    reason: Option<String>,
    /// For people.
    detail: &'static str,
}

/// Where to go from a task.
#[derive(Serialize, ToSchema)]
struct TaskLinks {
    /// The task.
    #[serde(rename = "self")]
    this: String,
    /// What happens to it, as it happens.
    events: String,
}

impl TaskLinks {
    fn of(id: JobId) -> Self {
        let this = format!("/api/v1/tasks/{id}");
        Self { events: format!("{this}/events"), this }
    }
}

/// A task.
#[derive(Serialize, ToSchema)]
#[schema(as = TaskDocument)]
struct Document {
    /// The work.
    #[serde(flatten)]
    task: Task,
    /// Why it has no result, when it has ended without.
    problem: Option<TaskProblem>,
    /// Where to go from here.
    links: TaskLinks,
}

impl Document {
    fn of(task: Task) -> Self {
        let problem = match task.state {
            TaskState::Discarded => Some(("failed", "it failed for good")),
            TaskState::Cancelled => Some(("cancelled", "it was cancelled")),
            TaskState::Quarantined => {
                Some(("set_aside", "it could not be run and was set aside: ask for help with its id"))
            }
            _ => None,
        };
        let links = TaskLinks::of(task.id);
        let reason = word(&task);
        Self { problem: problem.map(|(code, detail)| TaskProblem { code, reason, detail }), task, links }
    }
}

/// The word with which a job says why it ended; behind a colon stands what is for who looks after the service.
fn word(task: &Task) -> Option<String> {
    let said = task.reason.as_deref().filter(|_| SAY_WHY.contains(&&*task.kind))?;
    let word = said.split(':').next()?;
    word.bytes().all(|it| it.is_ascii_lowercase() || it == b'_').then(|| word.to_owned())
}

/// A task of somebody's own. A key sees those of the clinic desk alone: they are what it can begin.
async fn find(state: &AppState, principal: Principal, id: i64) -> Result<Option<Task>, DbError> {
    let found = inspect::task(&state.db, id, principal.user).await?;
    let is_shown = |task: &Task| match principal.via {
        Via::Session(_) => true,
        Via::Key(..) => task.kind.starts_with(CLINIC),
    };
    Ok(found.filter(is_shown))
}

/// Shows background work of one's own: its state, its progress, its result or problem. With a key (`clinic:read`) only work of the
/// clinic desk is shown.
#[utoipa::path(get, path = "/tasks/{id}", tag = "tasks", security(("bearer" = [])),
    params(("id" = String, Path, description = "The task")),
    responses((status = 200, description = "The task", body = Document)))]
async fn show(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<i64>,
) -> Answer {
    let task = find(&state, principal, id).await?;
    let document = Document::of(task.ok_or_else(|| Problem::not_found("task"))?);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(document)).into_response())
}

/// Streams background work of one's own as server-sent events (`event: task`, the data as of the task): at once, and
/// with each change. The stream ends with the task, after `ops.sse_life`, or when the access token or the key is no longer valid.
#[utoipa::path(get, path = "/tasks/{id}/events", tag = "tasks", security(("bearer" = [])),
    params(("id" = String, Path, description = "The task")),
    responses((status = 200, description = "Events; the data of each is a `TaskDocument`", body = ServerSentEvent, content_type = "text/event-stream")))]
async fn events(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Answer {
    let task = find(&state, principal, id).await?;
    task.ok_or_else(|| Problem::not_found("task"))?;
    let seat = Seat::take(&state.task_streams, principal.user)?;
    let now = Instant::now();
    let watch = Watch {
        until: now + *state.config.ops.sse_life,
        token: bearer(&headers).unwrap_or_default().to_owned(),
        state,
        id,
        principal,
        said: Vec::new(),
        spoke: now,
        is_over: false,
        _seat: seat,
    };
    let events = futures_util::stream::unfold(watch, |mut watch| async {
        let event = watch.next().await?;
        Some((event, watch))
    });
    Ok(sse::response(events))
}

/// Who has how many streams.
#[derive(Debug, Default)]
pub struct Streams(Mutex<HashMap<UserId, usize>>);

/// A place among them; free again when it is dropped.
struct Seat {
    streams: Arc<Streams>,
    user: UserId,
}

impl Seat {
    fn take(streams: &Arc<Streams>, user: UserId) -> Result<Self, Problem> {
        let mut taken = streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.get(&user).is_some_and(|count| *count >= STREAMS_EACH) {
            let detail = format!("{STREAMS_EACH} streams of yours are open: close one first");
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", detail);
            return Err(problem.retry_after(LATER));
        }
        if taken.values().sum::<usize>() >= STREAMS {
            return Err(Problem::unavailable(LATER));
        }
        *taken.entry(user).or_default() += 1;
        Ok(Self { streams: streams.clone(), user })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.user);
            }
        }
    }
}

/// One stream.
struct Watch {
    state: AppState,
    id: i64,
    principal: Principal,
    token: String,
    until: Instant,
    /// The last thing that was said, and when.
    said: Vec<u8>,
    spoke: Instant,
    is_over: bool,
    _seat: Seat,
}

impl Watch {
    /// The next event; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.is_over || Instant::now() > self.until || self.state.draining.load(Relaxed) {
                return None;
            }
            if !self.said.is_empty() {
                self.pause().await;
                self.is_valid().await.then_some(())?;
            }
            // While the database is away the stream ends: the client comes back.
            let task = find(&self.state, self.principal, self.id).await.ok()??;
            self.is_over = task.state.is_ended();
            let document = serde_json::to_vec(&Document::of(task)).ok()?;
            if document != self.said {
                self.spoke = Instant::now();
                let event = [b"event: task\ndata: ", document.as_slice(), b"\n\n"].concat();
                self.said = document;
                return Some(event.into());
            }
            if self.spoke.elapsed() >= HEARTBEAT_EVERY {
                self.spoke = Instant::now();
                return Some(sse::HEARTBEAT);
            }
        }
    }

    /// Whether they would still be let in.
    async fn is_valid(&self) -> bool {
        match self.principal.via {
            Via::Session(_) => {
                let valid = self.state.accounts.sessions().authenticate(&self.token).await;
                valid.ok().flatten().is_some_and(|principal| principal.user == self.principal.user)
            }
            Via::Key(key, _) => {
                key_use::is_good(&self.state.db, key, self.state.clock.now()).await.unwrap_or(false)
            }
        }
    }

    /// Until something happened in this process, or a look is due.
    async fn pause(&self) {
        tokio::time::sleep(LOOK_MIN).await;
        let progress = self.state.jobs.figures().progress.notified();
        let _ = timeout(LOOK_MAX.saturating_sub(LOOK_MIN), progress).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_so_many_streams_and_places_come_back() {
        let streams = Arc::new(Streams::default());
        let anna = UserId(uuid::Uuid::from_u128(1));
        let seats: Vec<_> = (0..STREAMS_EACH).map(|_| Seat::take(&streams, anna).unwrap()).collect();
        assert_eq!(Seat::take(&streams, anna).err().unwrap().code(), "too_many_streams");
        assert!(Seat::take(&streams, UserId(uuid::Uuid::from_u128(2))).is_ok());
        drop(seats);
        assert!(streams.0.lock().unwrap().is_empty());
        assert!(Seat::take(&streams, anna).is_ok());
    }
}
