//! Licences, given and taken by administrators.

use axum::extract::State;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{administration::tagged, own_office::outdated, told::entry};
use crate::{
    audit::{self, Entry},
    http::{
        auth::AdminUser,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::Path,
        merge_patch::MergePatch,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::NotaryId,
    notary::{
        administration::{self, AdminOffice, Terms},
        time::today,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(change))
}

/// Changes to a licence: a JSON merge patch (RFC 7396). What is left out stays; `null` removes a day.
struct ChangeLicence;

impl PartialSchema for ChangeLicence {
    fn schema() -> RefOr<Schema> {
        let mut schema = Terms::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
            object.description = Some("What is left out stays; `null` removes a day (RFC 7396)".to_owned());
        }
        schema
    }
}

impl ToSchema for ChangeLicence {}

fn checked(terms: &Terms) -> Result<Terms, Problem> {
    let mut checks = Checks::default();
    checks.range("/fee_cents", terms.fee_cents, 0..=100_000_000);
    let note = checks.text("/note", &terms.note, 0..=2000).to_owned();
    if let (Some(from), Some(to)) = (terms.starts_on, terms.ends_on) {
        checks.ensure(from <= to, "/ends_on", "before_start", "must not be before the first day");
    }
    checks.done()?;
    Ok(Terms { note, ..terms.clone() })
}

/// Sets the licence of an office: one that is not valid makes it read-only, and nobody finds it. For administrators.
#[utoipa::path(patch, path = "/notary/offices/{id}/licence", tag = "notary", security(("bearer" = [])),
    request_body(content((ChangeLicence = "application/merge-patch+json"), (ChangeLicence = "application/json"))),
    params(("id" = uuid::Uuid, Path, description = "The office"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the office that was read; without it 428")),
    responses((status = 200, description = "The office, with its ETag", body = AdminOffice),
        (status = 403, description = "Only administrators may do this"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    client: ClientAddress,
    Path(id): Path<NotaryId>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Answer {
    let now = state.clock.now();
    let today = today(now);
    let had = administration::find(&state.db, id, today).await?;
    let had = had.ok_or_else(|| Problem::not_found("office"))?;
    if_match.check(&ETag::of_version(had.version))?;
    let terms = checked(&patch.apply(&had.licence.terms)?)?;
    let mut tx = state.db.begin("notary.change_licence").await?;
    let changed = administration::change_licence(&mut tx, (id, had.version), &terms, (today, now)).await?;
    let changed = changed.ok_or_else(Problem::precondition_failed)?;
    let told = entry(&state, (&admin, client), "office.change_licence", ("office", id));
    let details = serde_json::json!({
        "status": changed.licence.status, "ends_on": terms.ends_on, "fee_cents": terms.fee_cents,
        "fee_every": terms.fee_every, "had": had.licence.status, "had_ends_on": had.licence.terms.ends_on,
    });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    outdated(&state, id);
    Ok(tagged(changed))
}
