//! Orders to actors: restart, suspend, resume, and on game days crash.

use axum::{
    extract::{Request, State},
    http::{Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    accounts::policy::Principal,
    actors::{
        kernel::ControlError,
        ops::introspection::{Order, OrderError},
    },
    http::{
        auth::AdminUser,
        extract::Path,
        idempotency::{self, Keyed, Outcome},
        problem::{Answer, Problem, SOON},
        state::AppState,
        validate::Checks,
    },
    journal::Entry,
};

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    /// For the journal: whoever reads it next year should understand.
    #[schema(min_length = 1, max_length = 500)]
    pub(super) reason: String,
}

/// An order that was carried out. Restarts and crashes take a moment: look at the actor.
#[derive(serde::Serialize, ToSchema)]
struct Ordered {
    /// What was done.
    action: &'static str,
    /// To whom.
    path: String,
    /// The number of its entry in the journal.
    journal: i64,
}

#[derive(Clone, Copy)]
enum Action {
    Order(Order),
    Crash,
}

impl Action {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "restart" => Self::Order(Order::Restart),
            "suspend" => Self::Order(Order::Suspend),
            "resume" => Self::Order(Order::Resume),
            "crash" => Self::Crash,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Order(order) => order.action(),
            Self::Crash => "actor.crash",
        }
    }
}

/// The methods of a path of an actor: an order at its end is for POST, anything else for GET.
pub(super) fn methods(path: &str) -> &'static str {
    let names_order = path.rsplit_once('/').is_some_and(|(_, last)| Action::named(last).is_some());
    if names_order { "POST" } else { "GET,HEAD" }
}

/// A path that is there, but not for this method.
pub(super) async fn other_method(Path(path): Path<String>) -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, methods(&path))]).into_response()
}

/// Lets orders through to [`order`], and everything else to the look at an actor.
pub(super) async fn only_described(Path(path): Path<String>, request: Request, next: Next) -> Response {
    let allowed = methods(&path);
    let fits = match *request.method() {
        Method::POST => allowed == "POST",
        Method::GET | Method::HEAD => allowed != "POST",
        _ => true, // has no handler
    };
    if fits { next.run(request).await } else { other_method(Path(path)).await }
}

/// Takes every order: the last segment of the path is the action, the rest is the actor.
pub(super) async fn order(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    Path(path): Path<String>,
    Keyed { body, request }: Keyed<Reason>,
) -> Answer {
    let (path, action) = path.rsplit_once('/').unwrap_or(("", &path));
    let action = Action::named(action).ok_or_else(|| Problem::not_found("action"))?;
    let mut checks = Checks::default();
    let reason = checks.text("/reason", &body.reason, 1..=500);
    checks.done()?;
    check_target(&state, path, action)?;

    let Some(claim) = request.claim(admin.user) else {
        return Ok(act(&state, &admin, path, action, reason).await?.into_response());
    };
    // Held while the order is carried out: a repetition meanwhile hears that the first is still running.
    let (mut tx, now) = (state.db.begin("admin.order").await?, state.clock.now());
    if let Some(replay) = idempotency::begin(&mut tx, Some(claim), now).await? {
        return Ok(replay);
    }
    let outcome = act(&state, &admin, path, action, reason).await?;
    idempotency::finish(&mut tx, Some(claim), &outcome, now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}

macro_rules! described {
    ($(#[doc = $doc:literal])* $name:ident, $path:literal) => {
        $(#[doc = $doc])*
        #[utoipa::path(post, path = $path, tag = "admin", security(("bearer" = [])), request_body = Reason,
            params(("path" = String, Path, description = "For example `root/data/pool`; slashes as they are or as %2F"),
                ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request safe")),
            responses((status = 202, description = "Carried out", body = Ordered),
                (status = 403, description = "Only administrators may do this, and crashes only on game days")))]
        #[expect(dead_code, reason = "a description; `order` is the handler")]
        pub(super) fn $name() {}
    };
}
described! {
    /// Restarts an actor: what waits in its mailbox is lost, as in a crash, but the restart is not held against it.
    restart, "/admin/api/actors/{path}/restart"
}
described! {
    /// Suspends an actor: its messages wait until it is resumed, at the latest after `ops.suspend_max`.
    suspend, "/admin/api/actors/{path}/suspend"
}
described! {
    /// Resumes a suspended actor.
    resume, "/admin/api/actors/{path}/resume"
}
described! {
    /// Crashes an actor, as a bug would. Only with `ops.game_day = true`.
    crash, "/admin/api/actors/{path}/crash"
}

/// What can be known to fail is refused before it is journalled.
fn check_target(state: &AppState, path: &str, action: Action) -> Result<(), Problem> {
    if matches!(action, Action::Crash) && state.console.game_day.is_none() {
        const DETAIL: &str = "faults are only made on game days: set ops.game_day = true and restart";
        return Err(Problem::forbidden("not_a_game_day", DETAIL));
    }
    match state.registry.find(path) {
        None => Err(Problem::not_found("actor")),
        Some(cell) if cell.kind == "supervisor" => Err(refused(&ControlError::Supervisor)),
        Some(_) => Ok(()),
    }
}

/// Journals, acts, and journals the outcome.
async fn act(
    state: &AppState,
    admin: &Principal,
    path: &str,
    action: Action,
    reason: &str,
) -> Result<Outcome, Problem> {
    let console = &state.console;
    let entry = |result: String, details| Entry {
        at: state.clock.now(),
        who: Some(admin.user),
        action: action.name(),
        target: path.to_owned(),
        reason: Some(reason.to_owned()),
        result: Some(result),
        details,
    };
    let requested = entry("requested".to_owned(), serde_json::json!({ "session": admin.session() }));
    let number = console.journal.record(requested).await?;
    let outcome = match (action, &console.game_day) {
        (Action::Order(order), _) => console.introspection.order(order, path).await,
        (Action::Crash, Some(game_day)) => game_day.crash(path).await,
        (Action::Crash, None) => Err(OrderError::Unavailable),
    };
    let result = outcome.as_ref().map_or_else(ToString::to_string, |()| "done".to_owned());
    console.journal.outcome(entry(result, serde_json::json!({ "of": number }))).await;
    match outcome {
        Ok(()) => {
            let ordered = Ordered { action: action.name(), path: path.to_owned(), journal: number };
            Outcome::json(StatusCode::ACCEPTED, &ordered)
        }
        Err(OrderError::Refused(error)) => Err(refused(&error)),
        Err(OrderError::Unavailable) => Err(Problem::unavailable(SOON)),
    }
}

fn refused(error: &ControlError) -> Problem {
    match error {
        ControlError::Unknown => Problem::not_found("actor"),
        ControlError::Supervisor => {
            const DETAIL: &str = "supervisors take no orders; order their children";
            Problem::conflict("supervisor", DETAIL)
        }
        ControlError::Down => Problem::conflict("actor_down", "the actor is down and being restarted"),
    }
}
