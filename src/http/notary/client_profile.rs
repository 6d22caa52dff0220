//! One's own profile as a client: what acts have to say of one.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::civil::Date;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    checks::{email, fiscal_code, line, past, two_letters},
    told::entry,
};
use crate::{
    audit,
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::Json,
        negotiate::Coding,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    notary::{
        profiles::client::{self, Content, Profile, Sex},
        rules::fiscal_code as rule,
        time::today,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show, save, remove))
}

fn tagged(status: StatusCode, profile: Profile) -> Response {
    let etag = ETag::of_version(profile.version).header(Coding::Identity);
    (status, [(header::ETAG, etag)], Json(profile)).into_response()
}

/// Shows one's profile as a client.
#[utoipa::path(get, path = "/me/client-profile", tag = "notary", security(("bearer" = [])),
    responses((status = 200, description = "The profile, with its ETag", body = Profile),
        (status = 404, description = "There is none")))]
async fn show(State(state): State<AppState>, CurrentUser(principal): CurrentUser) -> Answer {
    let profile = client::find(&state.db, principal.user).await?;
    Ok(tagged(StatusCode::OK, profile.ok_or_else(|| Problem::not_found("profile"))?))
}

/// Makes one's profile as a client, or replaces it. Nobody else sees it; what an act says is taken from it.
#[utoipa::path(put, path = "/me/client-profile", tag = "notary", security(("bearer" = [])), request_body = Content,
    params(("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428, once there is a profile")),
    responses((status = 200, description = "The replaced profile, with its ETag", body = Profile),
        (status = 201, description = "The new profile, with its ETag", body = Profile),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn save(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    address: ClientAddress,
    if_match: IfMatch,
    Json(body): Json<Content>,
) -> Answer {
    let now = state.clock.now();
    let content = checked(body, today(now))?;
    let had = client::find(&state.db, principal.user).await?;
    if let Some(had) = &had {
        if_match.check(&ETag::of_version(had.version))?;
    }
    let mut tx = state.db.begin("notary.save_client_profile").await?;
    let version = had.as_ref().map(|had| had.version);
    let saved = client::save(&mut tx, principal.user, &content, version, now).await?;
    let saved = saved.ok_or_else(Problem::precondition_failed)?;
    let told = entry(&state, (&principal, address), "client_profile.save", ("account", principal.user));
    audit::record(&mut tx, &[told]).await?;
    tx.commit().await?;
    Ok(tagged(if had.is_some() { StatusCode::OK } else { StatusCode::CREATED }, saved))
}

/// Removes one's profile as a client. What acts say already stays in them.
#[utoipa::path(delete, path = "/me/client-profile", tag = "notary", security(("bearer" = [])),
    responses((status = 204, description = "There is none any more")))]
async fn remove(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    address: ClientAddress,
) -> Answer {
    let mut tx = state.db.begin("notary.remove_client_profile").await?;
    if client::remove(&mut tx, principal.user).await? {
        let told = entry(&state, (&principal, address), "client_profile.remove", ("account", principal.user));
        audit::record(&mut tx, &[told]).await?;
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn checked(content: Content, today: Date) -> Result<Content, Problem> {
    let mut checks = Checks::default();
    let it = &mut checks;
    let code = fiscal_code(it, content.fiscal_code);
    if let Some(code) = &code {
        let fits = content.born_on.is_none_or(|day| code.fits_birth(day));
        it.ensure(fits, "/fiscal_code", "other_birth", "is not the code of somebody born on this day");
        let fits = match content.sex {
            Some(Sex::Female) => code.sex() == rule::Sex::Female,
            Some(Sex::Male) => code.sex() == rule::Sex::Male,
            Some(Sex::Other) | None => true,
        };
        it.ensure(fits, "/fiscal_code", "other_sex", "is not the code of somebody of this sex");
    }
    past(it, "/born_on", content.born_on, today);
    let id_number = line(it, "/id_number", content.id_number, 1..=30);
    let is_whole = id_number.is_some() == content.id_kind.is_some();
    it.ensure(is_whole, "/id_number", "required", "a document has a kind and a number");
    let expires = content.id_expires_on;
    it.ensure(
        expires.is_none() || id_number.is_some(),
        "/id_expires_on",
        "not_allowed",
        "there is no document",
    );
    let checked = Content {
        first_name: it.line("/first_name", &content.first_name, 1..=100).to_owned(),
        last_name: it.line("/last_name", &content.last_name, 1..=100).to_owned(),
        birth_place: line(it, "/birth_place", content.birth_place, 1..=100),
        fiscal_code: code.map(|code| code.to_string()),
        phone: line(it, "/phone", content.phone, 5..=20),
        certified_address: email(it, "/certified_address", content.certified_address),
        street: line(it, "/street", content.street, 1..=200),
        postal_code: line(it, "/postal_code", content.postal_code, 1..=10),
        city: line(it, "/city", content.city, 1..=100),
        province: content.province.map(|text| two_letters(it, "/province", &text)),
        country: content.country.map(|text| two_letters(it, "/country", &text)),
        id_number,
        ..content
    };
    checks.done()?;
    Ok(checked)
}
