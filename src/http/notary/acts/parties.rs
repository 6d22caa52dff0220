//! Who is a party to an act, with codes that carry their own proof.

use std::{fmt::Display, str::FromStr};

use axum::{extract::State, response::IntoResponse as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::{done, locked_by_office};
use crate::{
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        notary::checks::line,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::ActId,
    notary::{
        acts::{
            act::Act,
            parties::{self, PER_ACT, Party, PartyKind},
        },
        rules::{fiscal_code::FiscalCode, iban::Iban, operator_code::OperatorCode, vat_number::VatNumber},
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, replace))
}

/// All parties to an act.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ActParties)]
struct Parties {
    /// In the order in which the act names them.
    #[schema(max_items = 50)]
    data: Vec<Party>,
}

/// Lists the parties to an act.
#[utoipa::path(get, path = "/acts/{id}/parties", tag = "notary acts", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The act")),
    responses((status = 200, description = "The parties", body = Parties)))]
async fn list(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<ActId>,
) -> Answer {
    let data = parties::list(&state.db, (&principal).into(), id).await?;
    Ok(Json(Parties { data: data.ok_or_else(|| Problem::not_found("act"))? }).into_response())
}

/// Replaces the parties to an act of one's office, until its signature is asked for.
#[utoipa::path(put, path = "/acts/{id}/parties", tag = "notary acts", security(("bearer" = [])), request_body = Parties,
    params(("id" = uuid::Uuid, Path, description = "The act"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the act that was read; without it 428")),
    responses((status = 200, description = "The act, with its ETag", body = Act),
        (status = 403, description = "`not_for_you`: this is for the office; `licence_expired`, `notary_inactive`"),
        (status = 409, description = "`not_in_this_state`: what the act says is final"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn replace(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<ActId>,
    if_match: IfMatch,
    Json(body): Json<Parties>,
) -> Answer {
    let now = state.clock.now();
    let parties = checked(body.data)?;
    let mut tx = state.db.begin("notary.acts.parties").await?;
    let found = locked_by_office(&mut tx, &principal, id, now).await?;
    if_match.check(&ETag::of_version(found.version))?;
    parties::replace(&mut tx, &found, &parties, now).await?;
    let details = serde_json::json!({ "parties": parties.len() });
    done(&state, tx, (&principal, client), ("act.parties", id, details)).await
}

/// A code as it is stored, if it proves itself.
fn code<C: FromStr<Err: Display> + Display>(
    checks: &mut Checks,
    pointer: &str,
    wrong: &'static str,
    text: Option<String>,
) -> Option<String> {
    let text = text.filter(|text| !text.trim().is_empty())?;
    match text.trim().parse::<C>() {
        Ok(code) => Some(code.to_string()),
        Err(error) => {
            checks.fail(pointer, wrong, error.to_string());
            None
        }
    }
}

fn checked(parties: Vec<Party>) -> Result<Vec<Party>, Problem> {
    let mut checks = Checks::default();
    checks.at_most("/data", &parties, PER_ACT);
    let parties = parties.into_iter().take(PER_ACT).enumerate();
    let checked = parties.map(|(place, party)| one(&mut checks, place, party)).collect();
    checks.done()?;
    Ok(checked)
}

fn one(checks: &mut Checks, place: usize, party: Party) -> Party {
    let at = |field: &str| format!("/data/{place}/{field}");
    let party = Party {
        first_name: line(checks, &at("first_name"), party.first_name, 1..=100),
        last_name: line(checks, &at("last_name"), party.last_name, 1..=100),
        company_name: line(checks, &at("company_name"), party.company_name, 1..=200),
        fiscal_code: code::<FiscalCode>(checks, &at("fiscal_code"), "invalid_fiscal_code", party.fiscal_code),
        vat_number: code::<VatNumber>(checks, &at("vat_number"), "invalid_vat_number", party.vat_number),
        operator_code: code::<OperatorCode>(
            checks,
            &at("operator_code"),
            "invalid_operator_code",
            party.operator_code,
        ),
        iban: code::<StoredIban>(checks, &at("iban"), "invalid_iban", party.iban),
        role: party.role,
        kind: party.kind,
    };
    let is_person = party.kind == PartyKind::Person;
    for (field, is_needed, is_there) in [
        ("first_name", is_person, party.first_name.is_some()),
        ("last_name", is_person, party.last_name.is_some()),
        ("company_name", !is_person, party.company_name.is_some()),
    ] {
        checks.ensure(is_there || !is_needed, &at(field), "required", "is part of the name");
        checks.ensure(
            !is_there || is_needed,
            &at(field),
            "not_allowed",
            "is not part of the name of this kind",
        );
    }
    party
}

/// An IBAN without the blanks between its groups.
struct StoredIban(Iban);

impl FromStr for StoredIban {
    type Err = <Iban as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Display for StoredIban {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str())
    }
}
