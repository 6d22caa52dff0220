//! One's own notifications, and which of them come by mail.

use axum::{extract::State, http::StatusCode, response::IntoResponse as _};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    accounts::users,
    http::{
        auth::CurrentUser,
        extract::{Json, Path},
        listing::{Listing, Page, PageParameters},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::NotificationId,
    notary::{
        notifications::{self, Kind, Notification, NotificationError},
        rules::machine::Name as _,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read_all))
        .routes(routes!(read))
        .routes(routes!(remove))
        .routes(routes!(preferences, prefer))
}

impl From<NotificationError> for Problem {
    fn from(error: NotificationError) -> Self {
        match error {
            NotificationError::Db(error) => error.into(),
            NotificationError::Words(error) => Self::internal(error),
        }
    }
}

/// Which notifications.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Only those that are not read.
    unread: Option<bool>,
}

/// Lists one's notifications, newest first, in one's language.
#[utoipa::path(get, path = "/me/notifications", tag = "notifications", security(("bearer" = [])),
    params(Filters, PageParameters),
    responses((status = 200, description = "A page of notifications", body = Page<Notification>)))]
async fn list(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    list: Listing<Filters, i64>,
) -> Answer {
    let user = users::find(&state.db, principal.user).await?.ok_or_else(|| Problem::not_found("account"))?;
    let unread = list.filters.unread.unwrap_or(false);
    let page = (list.after, list.fetch());
    let found = notifications::list(&state.db, (user.id, user.language), unread, page).await?;
    Ok(list.answer(found, |notification| notification.seq, |notification| notification))
}

/// Marks a notification as read.
#[utoipa::path(put, path = "/me/notifications/{id}/read", tag = "notifications", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The notification")),
    responses((status = 204, description = "Read, now or before")))]
async fn read(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<NotificationId>,
) -> Answer {
    let mut tx = state.db.begin("notary.notifications.read").await?;
    let marked = notifications::mark_read(&mut tx, principal.user, Some(id), state.clock.now()).await?;
    tx.commit().await?;
    if marked == 0 && !notifications::exists(&state.db, principal.user, id).await? {
        return Err(Problem::not_found("notification"));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Marks all of one's notifications as read.
#[utoipa::path(put, path = "/me/notifications/read", tag = "notifications", security(("bearer" = [])),
    responses((status = 204, description = "All are read")))]
async fn read_all(State(state): State<AppState>, CurrentUser(principal): CurrentUser) -> Answer {
    let mut tx = state.db.begin("notary.notifications.read_all").await?;
    notifications::mark_read(&mut tx, principal.user, None, state.clock.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Removes a notification.
#[utoipa::path(delete, path = "/me/notifications/{id}", tag = "notifications", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The notification")),
    responses((status = 204, description = "Removed")))]
async fn remove(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<NotificationId>,
) -> Answer {
    let mut tx = state.db.begin("notary.notifications.remove").await?;
    if !notifications::remove(&mut tx, principal.user, id).await? {
        return Err(Problem::not_found("notification"));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Whether a kind of notification is mailed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NotificationPreference)]
struct Preference {
    /// The kind.
    kind: Kind,
    /// Whether it also comes by mail.
    by_mail: bool,
}

/// What one wants by mail.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NotificationPreferences)]
struct Preferences {
    /// One for each kind; when they are set, those that are left out stay.
    #[schema(max_items = 17)]
    data: Vec<Preference>,
}

async fn all(state: &AppState, user: crate::ids::UserId) -> Result<Preferences, Problem> {
    let said = notifications::preferences(&state.db, user).await?;
    Ok(Preferences { data: said.into_iter().map(|(kind, by_mail)| Preference { kind, by_mail }).collect() })
}

/// Shows which of one's notifications also come by mail.
#[utoipa::path(get, path = "/me/notification-preferences", tag = "notifications", security(("bearer" = [])),
    responses((status = 200, description = "Every kind", body = Preferences)))]
async fn preferences(State(state): State<AppState>, CurrentUser(principal): CurrentUser) -> Answer {
    Ok(Json(all(&state, principal.user).await?).into_response())
}

/// Sets which of one's notifications also come by mail.
#[utoipa::path(put, path = "/me/notification-preferences", tag = "notifications", security(("bearer" = [])),
    request_body = Preferences,
    responses((status = 200, description = "Every kind", body = Preferences)))]
async fn prefer(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Json(body): Json<Preferences>,
) -> Answer {
    let mut checks = Checks::default();
    checks.at_most("/data", &body.data, Kind::ALL.len());
    let wishes: std::collections::BTreeMap<Kind, bool> =
        body.data.iter().map(|wish| (wish.kind, wish.by_mail)).collect();
    checks.ensure(wishes.len() == body.data.len(), "/data", "repeated", "names a kind more than once");
    checks.done()?;
    let mut tx = state.db.begin("notary.notifications.prefer").await?;
    notifications::prefer(&mut tx, principal.user, &wishes.into_iter().collect::<Vec<_>>()).await?;
    tx.commit().await?;
    Ok(Json(all(&state, principal.user).await?).into_response())
}
