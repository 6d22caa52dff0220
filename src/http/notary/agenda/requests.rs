//! Somebody asks an office for an appointment.

use axum::{extract::State, http::header, response::IntoResponse as _};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::Teller;
use crate::{
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        conditional::ETag,
        extract::Path,
        idempotency::{self, Keyed, Outcome},
        negotiate::Coding,
        problem::{Answer, FieldError, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{AppointmentId, NotaryId},
    jobs::notary::tell,
    notary::{
        agenda::{
            appointment::{Appointment, Mode},
            decisions::facts,
            openings::{self, Wanted},
            requests::{self, NewRequest},
        },
        notifications::{Kind, Told, agenda_people},
        rules::slots::{MINUTES_MAX, MINUTES_MIN},
        time::today,
    },
};

/// Nobody makes an appointment further ahead: ten years. What lies behind it is a mistake of whoever typed the year.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(3_653 * 24);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create))
}

/// No slot that begins earlier is given to anybody.
pub(super) fn earliest(state: &AppState, now: Timestamp) -> Timestamp {
    let ahead = SignedDuration::try_from(*state.config.notary.request_ahead).unwrap_or(SignedDuration::ZERO);
    now.checked_add(ahead).unwrap_or(Timestamp::MAX)
}

/// What somebody asks for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RequestAppointment)]
struct Request {
    /// The type of appointment, of the catalogue.
    #[serde(rename = "type")]
    #[schema(min_length = 1, max_length = 50, example = "consultation")]
    kind: String,
    /// The type of act that is to come of it, of the catalogue.
    #[schema(min_length = 1, max_length = 50)]
    act_type: Option<String>,
    /// The begin of a slot that is left.
    #[schema(value_type = String, format = DateTime)]
    starts_at: Timestamp,
    /// How long; as the type of appointment has it if nothing is said.
    #[schema(minimum = 15, maximum = 480)]
    minutes: Option<u16>,
    /// How people meet: at least `in_person`, `video` or `phone`.
    #[serde(default = "in_person")]
    #[schema(min_items = 1, max_items = 6)]
    modes: Vec<Mode>,
    /// In a few words.
    #[serde(default)]
    #[schema(max_length = 200)]
    title: String,
    /// What it is about.
    #[serde(default)]
    #[schema(max_length = 4000)]
    description: String,
}

fn in_person() -> Vec<Mode> {
    vec![Mode::InPerson]
}

/// Ways to meet, without repetitions.
pub(super) fn check_modes(checks: &mut Checks, modes: &[Mode]) -> Vec<Mode> {
    checks.at_most("/modes", modes, Mode::ALL.len());
    let is_meeting = modes.iter().any(|mode| mode.is_meeting());
    checks.ensure(is_meeting, "/modes", "required", "name a way to meet: `in_person`, `video` or `phone`");
    Mode::ALL.iter().copied().filter(|mode| modes.contains(mode)).collect()
}

/// Asks an office for an appointment at a slot that is left. Requests compete: others may ask for the same slot until the
/// office confirms one. What nobody answers in time expires.
#[utoipa::path(post, path = "/notaries/{id}/appointments", tag = "notary agenda", security(("bearer" = [])),
    request_body = Request, params(("id" = uuid::Uuid, Path, description = "The office")),
    responses((status = 201, description = "The request, with its ETag", body = Appointment),
        (status = 403, description = "`notary_inactive`, `licence_expired`: the office takes no appointments"),
        (status = 409, description = "`slot_taken`; `slot_not_free`: it is no slot, or not any more; `already_requested`; \
            `too_many_requests_open`; `own_office`")))]
async fn create(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(office): Path<NotaryId>,
    Keyed { body, request }: Keyed<Request>,
) -> Answer {
    let now = state.clock.now();
    let new = checked(&state, body, now).await?;
    let claim = request.claim(principal.user);
    if let Some(problem) = not_free(&state, office, &new, now).await? {
        // A repetition of what was given is answered as it was, though its slot is not free any more.
        let mut tx = state.db.begin("notary.requests.repeat").await?;
        return idempotency::begin(&mut tx, claim, now).await?.ok_or(problem);
    }
    let id = AppointmentId::new(now);
    let mut tx = state.db.begin("notary.requests.create").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let made = requests::create(&mut tx, (id, office, principal.user), &new, now).await?;
    let people = agenda_people(&mut tx, office).await?;
    let told = people.into_iter().map(|user| Told {
        user,
        kind: Kind::AppointmentRequested,
        facts: facts(&made),
        appointment: Some(id),
        act: None,
    });
    tell(&state.jobs, &mut tx, &told.collect::<Vec<_>>(), now).await?;
    let details = serde_json::json!({ "notary": office, "type": made.kind });
    Teller { principal: &principal, client }.of(&state, &mut tx, "appointment.request", id, details).await?;
    let outcome = Outcome::created(format!("/api/v1/appointments/{id}"), &made)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, ETag::of_version(made.version).header(Coding::Identity));
    Ok(response)
}

async fn checked(state: &AppState, body: Request, now: Timestamp) -> Result<NewRequest, Problem> {
    let mut checks = Checks::default();
    let kind = checks.line("/type", &body.kind, 1..=50).to_owned();
    let act_type = body.act_type.as_deref().map(|code| checks.line("/act_type", code, 1..=50).to_owned());
    let modes = check_modes(&mut checks, &body.modes);
    let title = checks.line("/title", &body.title, 0..=200).to_owned();
    let description = checks.text("/description", &body.description, 0..=4000).to_owned();
    if let Some(minutes) = body.minutes {
        checks.range("/minutes", minutes, MINUTES_MIN..=MINUTES_MAX);
    }
    checks.done()?;
    let usual = requests::minutes_of(&state.db, &kind).await?;
    let mut errors = Vec::new();
    if usual.is_none() {
        errors.push(FieldError::body("/type", "unknown", "the catalogue has no such type of appointment"));
    }
    if let Some(code) = &act_type
        && !requests::knows_act_type(&state.db, code).await?
    {
        errors.push(FieldError::body("/act_type", "unknown", "the catalogue has no such type of act"));
    }
    let minutes = body.minutes.or(usual).unwrap_or(MINUTES_MIN);
    let ends_at = ends(body.starts_at, SignedDuration::from_mins(minutes.into()), now);
    let Some(ends_at) = ends_at else {
        errors.push(FieldError::body("/starts_at", "out_of_range", "is too far away"));
        return Err(Problem::unprocessable(errors));
    };
    if !errors.is_empty() {
        return Err(Problem::unprocessable(errors));
    }
    let life = SignedDuration::try_from(*state.config.notary.request_life).unwrap_or(SignedDuration::MAX);
    let answer_by = now.checked_add(life).unwrap_or(Timestamp::MAX).min(body.starts_at);
    let starts_at = body.starts_at;
    Ok(NewRequest { kind, act_type, starts_at, ends_at, modes, title, description, answer_by })
}

/// When a meeting ends that begins then; nobody makes one for a time further away than [`AHEAD_MAX`].
pub(super) fn ends(starts_at: Timestamp, length: SignedDuration, now: Timestamp) -> Option<Timestamp> {
    let ends_at = starts_at.checked_add(length).ok()?;
    (ends_at.duration_since(now) <= AHEAD_MAX).then_some(ends_at)
}

/// Why a time cannot be asked for, if it cannot.
async fn not_free(
    state: &AppState,
    office: NotaryId,
    new: &NewRequest,
    now: Timestamp,
) -> Result<Option<Problem>, Problem> {
    let day = today(new.starts_at);
    let minutes = new.ends_at.duration_since(new.starts_at).as_mins();
    let wanted = Wanted {
        from: day,
        until: day,
        today: today(now),
        minutes: u16::try_from(minutes).ok(),
        earliest: earliest(state, now),
        except: None,
    };
    let found =
        openings::find(&state.db, office, wanted).await?.ok_or_else(|| Problem::not_found("notary"))?;
    if let Err(invalid) = found.licence.valid() {
        return Ok(Some(invalid.into()));
    }
    let is_free =
        found.slots.iter().any(|slot| slot.online && (slot.start, slot.end) == (new.starts_at, new.ends_at));
    let detail = "nobody can be met then and that long: ask for the slots, with the same `minutes`";
    Ok((!is_free).then(|| Problem::conflict("slot_not_free", detail)))
}
