//! The clinic where one works: seen by its members, described by who manages it.

use axum::extract::State;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    clinics::{checked, tagged},
    member::Clinician,
};
use crate::{
    audit,
    clinic::{
        clinics::{self, Clinic, Content},
        staff::Permission,
    },
    http::{
        conditional::{ETag, IfMatch},
        merge_patch::MergePatch,
        notary::told::entry,
        problem::{Answer, Problem},
        state::AppState,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show, change))
}

/// Shows the clinic where one works.
#[utoipa::path(get, path = "/clinic", tag = "clinic", security(("bearer" = [])),
    responses((status = 200, description = "The clinic, with its ETag", body = Clinic),
        (status = 403, description = "`no_clinic`: one works in none")))]
async fn show(State(state): State<AppState>, who: Clinician) -> Answer {
    let clinic = clinics::of_member(&state.db, who.principal.user).await?;
    Ok(tagged(clinic.ok_or_else(|| Problem::not_found("clinic"))?))
}

/// Changes to a clinic: a JSON merge patch (RFC 7396). What is left out stays; `null` removes what is optional.
struct ChangeClinic;

impl PartialSchema for ChangeClinic {
    fn schema() -> RefOr<Schema> {
        let mut schema = Content::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
            object.description =
                Some("What is left out stays; `null` removes what is optional (RFC 7396)".to_owned());
        }
        schema
    }
}

impl ToSchema for ChangeClinic {}

/// Changes what is said of the clinic that one manages.
#[utoipa::path(patch, path = "/clinic", tag = "clinic", security(("bearer" = [])),
    request_body(content((ChangeClinic = "application/merge-patch+json"), (ChangeClinic = "application/json"))),
    params(("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed clinic, with its ETag", body = Clinic),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one does not manage it"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    who: Clinician,
    if_match: IfMatch,
    patch: MergePatch,
) -> Answer {
    who.need(Permission::ManageMembers)?;
    let mut tx = state.db.begin("clinic.change").await?;
    let locked = clinics::lock_managed(&mut tx, who.principal.user).await?;
    let locked = locked.ok_or_else(|| Problem::not_found("clinic"))?;
    if_match.check(&ETag::of_version(locked.version))?;
    let content = checked(patch.apply(&locked.content)?)?;
    let changed = clinics::change(&mut tx, &locked, &content, state.clock.now()).await?;
    let told = entry(&state, (&who.principal, who.client), "clinic.change", ("clinic", changed.id));
    audit::record(&mut tx, &[told]).await?;
    tx.commit().await?;
    Ok(tagged(changed))
}
