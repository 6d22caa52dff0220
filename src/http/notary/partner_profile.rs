//! One's own profile as a partner.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    checks::{email, line, two_letters, vat_number, website},
    told::entry,
};
use crate::{
    audit::{self, Entry},
    db::DbError,
    http::{
        auth::{CurrentUser, PartnerUser},
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::Json,
        negotiate::Coding,
        problem::{Answer, FieldError, Problem},
        state::AppState,
        validate::Checks,
    },
    notary::profiles::partner::{self, Content, Profile},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show, save, remove))
}

pub(super) fn tagged(status: StatusCode, profile: Profile) -> Response {
    let etag = ETag::of_version(profile.version).header(Coding::Identity);
    (status, [(header::ETAG, etag)], Json(profile)).into_response()
}

/// Shows one's profile as a partner.
#[utoipa::path(get, path = "/me/partner-profile", tag = "notary", security(("bearer" = [])),
    responses((status = 200, description = "The profile, with its ETag", body = Profile),
        (status = 404, description = "There is none")))]
async fn show(State(state): State<AppState>, CurrentUser(principal): CurrentUser) -> Answer {
    let profile = partner::find(&state.db, principal.user).await?;
    Ok(tagged(StatusCode::OK, profile.ok_or_else(|| Problem::not_found("profile"))?))
}

/// Makes one's profile as a partner, or replaces it. Who changes kind, name or tax number is verified anew.
#[utoipa::path(put, path = "/me/partner-profile", tag = "notary", security(("bearer" = [])), request_body = Content,
    params(("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428, once there is a profile")),
    responses((status = 200, description = "The replaced profile, with its ETag", body = Profile),
        (status = 201, description = "The new profile, with its ETag", body = Profile),
        (status = 403, description = "Only partners may do this"),
        (status = 409, description = "`taken`: another partner has this tax number"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn save(
    State(state): State<AppState>,
    PartnerUser(principal): PartnerUser,
    address: ClientAddress,
    if_match: IfMatch,
    Json(body): Json<Content>,
) -> Answer {
    let now = state.clock.now();
    let content = checked(body)?;
    let had = partner::find(&state.db, principal.user).await?;
    if let Some(had) = &had {
        if_match.check(&ETag::of_version(had.version))?;
    }
    let mut tx = state.db.begin("notary.save_partner_profile").await?;
    let version = had.as_ref().map(|had| had.version);
    let saved = partner::save(&mut tx, principal.user, &content, version, now).await.map_err(taken)?;
    let saved = saved.ok_or_else(Problem::precondition_failed)?;
    let told = entry(&state, (&principal, address), "partner_profile.save", ("account", principal.user));
    let details = serde_json::json!({ "verified": saved.is_verified });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    Ok(tagged(if had.is_some() { StatusCode::OK } else { StatusCode::CREATED }, saved))
}

fn taken(error: DbError) -> Problem {
    if error.constraint() != Some("partner_vat_number_unique") {
        return error.into();
    }
    let detail = "another partner has this tax number";
    Problem::conflict("taken", detail).with_errors(vec![FieldError::body("/vat_number", "taken", detail)])
}

/// Removes one's profile as a partner.
#[utoipa::path(delete, path = "/me/partner-profile", tag = "notary", security(("bearer" = [])),
    responses((status = 204, description = "There is none any more")))]
async fn remove(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    address: ClientAddress,
) -> Answer {
    let mut tx = state.db.begin("notary.remove_partner_profile").await?;
    if partner::remove(&mut tx, principal.user).await? {
        let told =
            entry(&state, (&principal, address), "partner_profile.remove", ("account", principal.user));
        audit::record(&mut tx, &[told]).await?;
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn checked(content: Content) -> Result<Content, Problem> {
    let mut checks = Checks::default();
    let it = &mut checks;
    let checked = Content {
        kind: content.kind,
        business_name: it.line("/business_name", &content.business_name, 1..=200).to_owned(),
        vat_number: vat_number(it, &content.vat_number),
        phone: line(it, "/phone", content.phone, 5..=20),
        certified_address: email(it, "/certified_address", content.certified_address),
        website: website(it, content.website),
        street: line(it, "/street", content.street, 1..=200),
        postal_code: line(it, "/postal_code", content.postal_code, 1..=10),
        city: it.line("/city", &content.city, 1..=100).to_owned(),
        province: two_letters(it, "/province", &content.province),
    };
    checks.done()?;
    Ok(checked)
}
