//! What people do with a certified mail: into the queue, again, back to the desk.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::{locked, record, tagged};
use crate::{
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        problem::Answer,
        state::AppState,
        validate::Checks,
    },
    ids::CertifiedMailId,
    jobs::notary::SendCertifiedMail,
    notary::{
        certified_mail::{
            deed,
            message::CertifiedMail,
            provider::CertifiedMailProvider as _,
            transitions::{self, Sender},
        },
        rules::machine::certified_mail::Event,
        time::today,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(transition))
}

/// What is to happen.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CertifiedMailTransition)]
struct Transition {
    /// `enqueue` a draft, `retry` what has failed, `revise` what is too large; the rest comes from the provider.
    event: Event,
}

/// Moves a certified mail on; `possible` of the mail says what one may do now. What is put into the queue is fixed, its attachments
/// are held, and it is sent as soon as its provider takes it: while that is away it stays queued and is tried again, for days. Without a valid licence
/// only mails about signed acts are sent: the office owes them to its clients.
#[utoipa::path(post, path = "/certified-mail/{id}/transitions", tag = "notary certified mail", security(("bearer" = [])),
    request_body = Transition,
    params(("id" = uuid::Uuid, Path, description = "The certified mail"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, if it matters")),
    responses((status = 200, description = "The certified mail, with its ETag", body = CertifiedMail),
        (status = 403, description = "`not_for_you`; `licence_expired`, `notary_inactive`"),
        (status = 409, description = "`not_in_this_state`; `incomplete`: no addressee, no subject or no text; `no_blind_copies`"),
        (status = 412, description = "It was changed meanwhile"),
        (status = 422, description = "`unknown_document`: an attachment that one may not read any more; or the body is wrong")))]
async fn transition(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<CertifiedMailId>,
    if_match: IfMatch,
    Json(Transition { event }): Json<Transition>,
) -> Answer {
    let now = state.clock.now();
    let mut checks = Checks::default();
    let is_ours = matches!(event, Event::Enqueue | Event::Retry | Event::Revise);
    checks.ensure(
        is_ours,
        "/event",
        "not_allowed",
        "must be enqueue, retry or revise: the rest is the provider's",
    );
    checks.done()?;
    let mut tx = state.db.begin("notary.certified_mail.transition").await?;
    let found = locked(&mut tx, &principal, id).await?;
    if if_match.0.is_some() {
        if_match.check(&ETag::of_version(found.version))?;
    }
    found.next(event)?;
    deed::require_licence(&mut tx, (found.notary_id, found.act_id), today(now)).await?;
    let sending = if event == Event::Revise {
        transitions::revise(&mut tx, &found, now).await?;
        found.sending
    } else {
        let sender = Sender { domain: &state.config.certified_mail.domain, hides: state.certified.hides() };
        let sending = transitions::enqueue(&mut tx, &found, event, sender, principal.user, now).await?;
        state.jobs.enqueue(&mut tx, &SendCertifiedMail { mail: id, sending }).await?;
        sending
    };
    let details = serde_json::json!({ "event": event, "sending": sending });
    let (whom, what) = ((&principal, client), ("certified_mail", id));
    record(&state, &mut tx, whom, "certified_mail.transition", what, details).await?;
    let changed = locked(&mut tx, &principal, id).await?;
    tx.commit().await?;
    Ok(tagged(&changed))
}
