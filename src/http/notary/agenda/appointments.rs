//! Appointments, from whichever side: the list, one of them, and what the office changes in it.

use axum::{extract::State, http::StatusCode, response::IntoResponse as _};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    refused::{Teller, locked_by_office, tagged},
    requests::{check_modes, ends},
};
use crate::{
    http::{
        accounts::{null_is_empty, present},
        auth::CurrentUser,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        listing::{Listing, Page, PageParameters},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::AppointmentId,
    jobs::notary::tell,
    notary::{
        agenda::{
            appointment::{self, Appointment, Mode, Side, Wanted},
            changes::{self, Changes},
        },
        rules::{
            machine::appointment::{MACHINE, State as Stage},
            slots::{MINUTES_MAX, MINUTES_MIN},
        },
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, change))
}

/// Which appointments.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// From which side: `client` (one's own matters; so it is if nothing is said), `invited`, or `office`.
    #[param(inline)]
    side: Option<Side>,
    /// Where they are in their life.
    #[param(inline)]
    status: Option<Stage>,
    /// Only those that end later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Only those that begin earlier.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// Lists appointments in the order in which they begin: one's own, those one is invited to, or those of one's office.
#[utoipa::path(get, path = "/appointments", tag = "notary agenda", security(("bearer" = [])),
    params(Filters, PageParameters),
    responses((status = 200, description = "A page of appointments", body = Page<Appointment>)))]
async fn list(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    list: Listing<Filters, (Timestamp, AppointmentId)>,
) -> Answer {
    let Filters { side, status, from, until } = list.filters;
    let wanted = Wanted { side: side.unwrap_or(Side::Client), status, from, until };
    let found = appointment::list(&state.db, (&principal).into(), wanted, list.after, list.fetch()).await?;
    Ok(list.answer(found, |appointment| (appointment.starts_at, appointment.id), |appointment| appointment))
}

/// Shows an appointment to those who take part, to the office, and to administrators.
#[utoipa::path(get, path = "/appointments/{id}", tag = "notary agenda", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The appointment")),
    responses((status = 200, description = "The appointment, with its ETag", body = Appointment)))]
async fn show(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<AppointmentId>,
) -> Answer {
    let found = appointment::find(&state.db, (&principal).into(), id).await?;
    Ok(tagged(StatusCode::OK, &found.ok_or_else(|| Problem::not_found("appointment"))?))
}

/// Changes to an appointment; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeAppointment)]
struct Change {
    /// Another begin; it stays as long as it was unless `minutes` says something else.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    starts_at: Option<Timestamp>,
    /// Another length.
    #[serde(default, deserialize_with = "present")]
    #[schema(minimum = 15, maximum = 480, nullable = false)]
    minutes: Option<u16>,
    /// In a few words.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_length = 200, nullable = false)]
    title: Option<String>,
    /// What it is about.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_length = 4000, nullable = false)]
    description: Option<String>,
    /// Where; `null`: in the office.
    #[serde(default, deserialize_with = "null_is_empty")]
    #[schema(max_length = 200)]
    location: Option<String>,
    /// Where to meet by video, with `https`; `null`: nowhere. Others see it once they were let in.
    #[serde(default, deserialize_with = "null_is_empty")]
    #[schema(max_length = 500)]
    meeting_url: Option<String>,
    /// How people meet.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_items = 1, max_items = 6, nullable = false)]
    modes: Option<Vec<Mode>>,
    /// What the office notes for itself.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_length = 4000, nullable = false)]
    office_note: Option<String>,
    /// Hours before which people are reminded; 0: never.
    #[serde(default, deserialize_with = "present")]
    #[schema(minimum = 0, maximum = 336, nullable = false)]
    reminder_hours: Option<i16>,
    /// Another type of act, while no documents were handed in: those that it needs are listed anew.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 50, nullable = false)]
    act_type: Option<String>,
}

impl Change {
    fn check(self) -> Result<(Changes, Option<Timestamp>, Option<u16>), Problem> {
        let mut checks = Checks::default();
        let line = |checks: &mut Checks, pointer: &str, text: Option<&str>| {
            text.map(|text| checks.line(pointer, text, 0..=200).to_owned())
        };
        if let Some(minutes) = self.minutes {
            checks.range("/minutes", minutes, MINUTES_MIN..=MINUTES_MAX);
        }
        if let Some(hours) = self.reminder_hours {
            checks.range("/reminder_hours", hours, 0..=336);
        }
        let location = self.location.map(|place| checks.line("/location", &place, 0..=200).to_owned());
        if let Some(url) = self.meeting_url.as_deref().filter(|url| !url.is_empty()) {
            checks.url("/meeting_url", url);
            let is_safe = url.starts_with("https://") && url.len() <= 500;
            let detail = "must begin with https:// and have at most 500 characters";
            checks.ensure(is_safe, "/meeting_url", "out_of_range", detail);
        }
        let changes = Changes {
            time: None,
            title: line(&mut checks, "/title", self.title.as_deref()),
            description: self
                .description
                .as_deref()
                .map(|text| checks.text("/description", text, 0..=4000).to_owned()),
            location,
            meeting_url: self.meeting_url,
            modes: self.modes.as_deref().map(|modes| check_modes(&mut checks, modes)),
            office_note: self
                .office_note
                .as_deref()
                .map(|text| checks.text("/office_note", text, 0..=4000).to_owned()),
            reminder_hours: self.reminder_hours,
            act_type: self.act_type.as_deref().map(|code| checks.line("/act_type", code, 1..=50).to_owned()),
        };
        checks.done()?;
        Ok((changes, self.starts_at, self.minutes))
    }
}

/// Changes an appointment of one's office. Who is concerned by another time or place is told, and asked again whether they
/// come. The office may move an appointment to any time that nothing else takes.
#[utoipa::path(patch, path = "/appointments/{id}", tag = "notary agenda", security(("bearer" = [])),
    request_body = Change,
    params(("id" = uuid::Uuid, Path, description = "The appointment"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed appointment, with its ETag", body = Appointment),
        (status = 403, description = "`not_for_you`: this is for the office"),
        (status = 409, description = "`overlaps`: another appointment takes this time; `not_in_this_state`: it has begun or ended; \
            `documents_handed_in`, `needs_no_documents`: the type of act stays"),
        (status = 422, description = "`unknown_act_type`; or the body is wrong"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<AppointmentId>,
    if_match: IfMatch,
    Json(body): Json<Change>,
) -> Answer {
    let now = state.clock.now();
    let (mut changes, starts_at, minutes) = body.check()?;
    let mut tx = state.db.begin("notary.appointments.change").await?;
    let found = locked_by_office(&mut tx, &principal, id).await?;
    if_match.check(&ETag::of_version(found.version))?;
    if MACHINE.is_end(found.status) {
        return Err(Problem::conflict("not_in_this_state", "the appointment has ended"));
    }
    if starts_at.is_some() || minutes.is_some() {
        let length = found.ends_at.duration_since(found.starts_at);
        let length = minutes.map_or(length, |minutes| SignedDuration::from_mins(minutes.into()));
        let from = starts_at.unwrap_or(found.starts_at);
        let until = ends(from, length, now)
            .ok_or_else(|| Problem::rule("out_of_range", "`starts_at` is too far away"))?;
        if found.status == Stage::InProgress || from <= now {
            let detail = "an appointment is moved before it begins, to a time that is still to come";
            return Err(Problem::conflict("not_in_this_state", detail));
        }
        changes.time = Some((from, until));
    }
    let told = changes::change(&mut tx, &found, &changes, principal.user, now).await?;
    tell(&state.jobs, &mut tx, &told, now).await?;
    let details = serde_json::json!({ "moved_to": changes.time.map(|(from, _)| from) });
    Teller { principal: &principal, client }.of(&state, &mut tx, "appointment.change", id, details).await?;
    let changed = appointment::lock(&mut tx, (&principal).into(), id).await?;
    tx.commit().await?;
    Ok(tagged(StatusCode::OK, &changed.ok_or_else(|| Problem::not_found("appointment"))?).into_response())
}
