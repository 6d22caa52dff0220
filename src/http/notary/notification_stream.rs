//! One's notifications as they are written, as server-sent events. Who waits is kept by [`crate::actors::edge::live`].

use axum::{body::Bytes, extract::State, http::HeaderMap};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    accounts::{
        sessions::Sessions,
        tokens::{TokenHash, Use},
        users,
    },
    actors::edge::live::{Holder, Refused, Seat},
    db::Db,
    http::{
        auth::{CurrentUser, bearer},
        openapi::ServerSentEvent,
        problem::{Answer, FieldError, Problem},
        sse,
        state::AppState,
    },
    mail::Language,
    notary::notifications::{self, Notification, NotificationError, PAGE},
};

/// What a client waits before it comes back, in milliseconds, unless it knows better.
const RETRY_MS: u32 = 3_000;
/// A stream may have ended by then.
const LATER: std::time::Duration = std::time::Duration::from_secs(5);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(stream))
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooMany { .. } => {
                Self::new(axum::http::StatusCode::TOO_MANY_REQUESTS, "too_many_streams", refused.to_string())
                    .retry_after(LATER)
            }
            Refused::Full => Self::unavailable(LATER).because(refused),
        }
    }
}

/// Streams one's notifications as server-sent events (`event: notification`, the data as in the list), from any server, as
/// soon as they are written. Each has a number as its `id`; who sends the last one as `Last-Event-ID` gets what came
/// since, in its order, and then what comes. The stream ends with the access token or the session, after
/// `server.stream_life`, and when the server stops: come back then.
#[utoipa::path(get, path = "/notifications/stream", tag = "notifications", security(("bearer" = [])),
    params(("Last-Event-ID" = Option<i64>, Header, description = "The `id` of the last notification that was seen")),
    responses((status = 200, description = "Events; the data of each is a `Notification`", body = ServerSentEvent,
            content_type = "text/event-stream"),
        (status = 429, description = "Too many requests, or `too_many_streams`: as many of one's own are open as may be")))]
async fn stream(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    headers: HeaderMap,
) -> Answer {
    let seen = last_seen(&headers)?;
    let token = bearer(&headers).and_then(|token| TokenHash::of(token, Use::Access));
    let token = token.ok_or_else(Problem::unauthenticated)?;
    let sessions = state.accounts.sessions().clone();
    let unknown = || Problem::invalid_token("the access token is unknown, expired or revoked");
    let (_, expires_at) = sessions.holder(token).await?.ok_or_else(unknown)?;
    let seat = state.live.join(Holder { user: principal.user, token, expires_at })?;
    // A session that ended before there was a place to ring for has to be found now.
    sessions.holder(token).await?.ok_or_else(unknown)?;
    let user = users::find(&state.db, principal.user).await?.ok_or_else(|| Problem::not_found("account"))?;
    let newest = notifications::newest(&state.db, user.id).await?;
    // A number from another life of the database must not hide what is still to come.
    let last = seen.unwrap_or(newest).min(newest);
    let watch = Watch {
        greeting: Some(format!("retry: {RETRY_MS}\nid: {last}\n\n").into()),
        news: last < newest,
        check: false,
        last,
        language: user.language,
        db: state.db.clone(),
        sessions,
        seat,
    };
    Ok(sse::response(futures_util::stream::unfold(watch, |mut watch| async {
        let event = watch.next().await?;
        Some((event, watch))
    })))
}

/// What a client has seen, if it says so.
fn last_seen(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok()).filter(|number| *number >= 0);
    let wrong = || {
        let detail = "must be the `id` of an event of this stream";
        Problem::bad_request("invalid_last_event_id", detail).with_errors(vec![FieldError::header(
            "Last-Event-ID",
            "invalid",
            detail,
        )])
    };
    number.map(Some).ok_or_else(wrong)
}

/// One stream.
struct Watch {
    greeting: Option<Bytes>,
    /// There may be something to be sent.
    news: bool,
    /// Whether the session still is one has to be found out.
    check: bool,
    /// The number of the last notification that was sent.
    last: i64,
    language: Language,
    db: Db,
    sessions: Sessions,
    seat: Seat,
}

impl Watch {
    /// What is sent next; `None` ends the stream. While the database is away nothing is sent but heartbeats, each of which
    /// is another try; the bell rings as soon as it is heard of again.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        let mut is_due = self.news;
        loop {
            let mut is_beat = false;
            if !std::mem::take(&mut is_due) {
                let call = self.seat.called().await?;
                self.news |= call.news;
                self.check |= call.check;
                is_beat = call.beat;
            }
            // Boxed: who waits should not keep the room of who looks.
            if self.check && !Box::pin(self.is_good()).await {
                return None;
            }
            if self.news
                && let Ok(Some(events)) = Box::pin(self.look()).await
            {
                self.seat.spoke();
                return Some(events);
            }
            if is_beat {
                self.seat.spoke();
                return Some(sse::HEARTBEAT);
            }
        }
    }

    /// Whether the session is still one, as far as can be known.
    async fn is_good(&mut self) -> bool {
        match self.sessions.holder(self.seat.holder.token).await {
            Ok(Some((principal, _))) => {
                self.check = false;
                principal.user == self.seat.holder.user
            }
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// What is new, as events.
    async fn look(&mut self) -> Result<Option<Bytes>, NotificationError> {
        let of = (self.seat.holder.user, self.language);
        let found = notifications::since(&self.db, of, self.last).await?;
        self.news = found.len() >= PAGE;
        let Some(last) = found.last() else { return Ok(None) };
        self.last = last.seq;
        Ok(Some(found.iter().map(event).collect::<String>().into()))
    }
}

fn event(notification: &Notification) -> String {
    let data = serde_json::to_string(notification).expect("texts and times are JSON");
    format!("id: {}\nevent: notification\ndata: {data}\n\n", notification.seq)
}
