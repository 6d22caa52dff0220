//! The office opens a case.

use axum::{extract::State, http::header, response::IntoResponse as _};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::locked;
use crate::{
    accounts::users,
    audit::{self, Entry},
    http::{
        client::ClientAddress,
        conditional::ETag,
        idempotency::{self, Keyed, Outcome},
        negotiate::Coding,
        notary::{office::OfficeUser, told},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{ActId, AppointmentId},
    jobs::notary::tell,
    notary::{
        acts::{
            act::Act,
            opening::{self, NewAct, Of},
        },
        licence,
        time::today,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(open))
}

/// A case to be opened: of an appointment, or of a client.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAct)]
struct Case {
    /// An appointment of the office that is ready, in progress or completed.
    appointment_id: Option<AppointmentId>,
    /// The verified e-mail address of the client, where there is no appointment.
    #[schema(max_length = 254)]
    client_email: Option<String>,
    /// The type of act, of the catalogue; may be left out if the appointment says it.
    #[schema(min_length = 1, max_length = 50)]
    act_type: Option<String>,
    /// In a few words; the name of the type if nothing is said.
    #[serde(default)]
    #[schema(max_length = 200)]
    title: String,
    /// What it is about.
    #[serde(default)]
    #[schema(max_length = 4000)]
    description: String,
}

/// Opens a case at one's office; the client is told.
#[utoipa::path(post, path = "/acts", tag = "notary acts", security(("bearer" = [])), request_body = Case,
    responses((status = 201, description = "The act, a draft, with its ETag", body = Act),
        (status = 403, description = "`no_office`; `not_permitted`; `licence_expired`, `notary_inactive`"),
        (status = 409, description = "`already_opened`, `appointment_not_ready`, `own_office`"),
        (status = 422, description = "`unknown_person`: nobody has verified this address; `unknown_act_type`, \
            `unknown_appointment`; or the body is wrong")))]
async fn open(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    client: ClientAddress,
    Keyed { body, request }: Keyed<Case>,
) -> Answer {
    let (now, claim) = (state.clock.now(), request.claim(principal.user));
    let mut checks = Checks::default();
    let is_one = body.appointment_id.is_some() != body.client_email.is_some();
    checks.ensure(
        is_one,
        "/appointment_id",
        "required",
        "name an appointment, or a client by `client_email`",
    );
    let email = body.client_email.as_deref().map(|email| checks.email("/client_email", email));
    let act_type = body.act_type.as_deref().map(|code| checks.line("/act_type", code, 1..=50).to_owned());
    let title = checks.line("/title", &body.title, 0..=200).to_owned();
    let description = checks.text("/description", &body.description, 0..=4000).to_owned();
    checks.done()?;
    let mut tx = state.db.begin("notary.acts.open").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    licence::require(&mut tx, office, today(now)).await?;
    let of = match (body.appointment_id, email) {
        (Some(appointment), _) => Of::Appointment(appointment),
        (None, email) => {
            let person = users::of_proven_address(&mut tx, &email.unwrap_or_default()).await?;
            let detail = "nobody has verified this address";
            Of::Client(person.ok_or_else(|| Problem::rule("unknown_person", detail))?)
        }
    };
    let id = ActId::new(now);
    let new = NewAct { of, act_type, title, description };
    let people = opening::open(&mut tx, (id, office), &new, principal.user, now).await?;
    tell(&state.jobs, &mut tx, &people, now).await?;
    let made = locked(&mut tx, &principal, id).await?;
    let details = serde_json::json!({ "act_type": made.act_type, "client": made.client_id });
    let entry = Entry { details, ..told::entry(&state, (&principal, client), "act.open", ("act", id)) };
    audit::record(&mut tx, &[entry]).await?;
    let outcome = Outcome::created(format!("/api/v1/acts/{id}"), &made)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, ETag::of_version(made.version).header(Coding::Identity));
    Ok(response)
}
