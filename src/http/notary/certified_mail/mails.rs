//! Certified mails of one's office: the list, and one of them.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::tagged;
use crate::{
    http::{
        auth::CurrentUser,
        extract::Path,
        listing::{Listing, Page, PageParameters},
        notary::office::OfficeUser,
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::{ActId, CertifiedMailId},
    notary::{
        certified_mail::{
            list::{self, Line, Wanted},
            message::{self, CertifiedMail},
        },
        rules::machine::certified_mail::State as Stage,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// Which mails.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Where they are in their life.
    #[param(inline)]
    status: Option<Stage>,
    /// Those about this act.
    act_id: Option<ActId>,
}

/// Lists the certified mails of one's office, the newest first. Empty for who may not send certified mail.
#[utoipa::path(get, path = "/certified-mail", tag = "notary certified mail", security(("bearer" = [])),
    params(Filters, PageParameters),
    responses((status = 200, description = "A page of certified mails", body = Page<Line>),
        (status = 403, description = "`no_office`")))]
async fn list(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    list: Listing<Filters, CertifiedMailId>,
) -> Answer {
    let wanted = Wanted { status: list.filters.status, act: list.filters.act_id };
    let found = list::list(&state.db, (office, principal.user), wanted, list.after, list.fetch()).await?;
    Ok(list.answer(found, |line| line.id, |line| line))
}

/// Shows a certified mail to who may send such for the office, and to administrators.
#[utoipa::path(get, path = "/certified-mail/{id}", tag = "notary certified mail", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The certified mail")),
    responses((status = 200, description = "The certified mail, with its ETag", body = CertifiedMail)))]
async fn show(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<CertifiedMailId>,
) -> Answer {
    let found = message::find(&state.db, (&principal).into(), id).await?;
    Ok(tagged(&found.ok_or_else(|| Problem::not_found("certified mail"))?))
}
