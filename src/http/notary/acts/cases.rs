//! Acts, from either side: the list, one of them, and what the office writes down.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::{done, locked_by_office, tagged};
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
    ids::ActId,
    notary::{
        acts::{
            act::{self, Act, CadastralUnit, UNITS_MAX},
            changes::{self, Changes},
            list::{self, Side, Wanted},
        },
        rules::machine::act::State as Stage,
    },
};

/// A hundred thousand million euros: more than any property.
const CENTS_MAX: i64 = 10_000_000_000_000;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, change))
}

/// Which acts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// From which side: `client` (one's own matters; so it is if nothing is said) or `office`.
    #[param(inline)]
    side: Option<Side>,
    /// Where they are in their life.
    #[param(inline)]
    status: Option<Stage>,
    /// The type of act.
    act_type: Option<String>,
}

/// Lists acts, the newest first: one's own, or those of one's office.
#[utoipa::path(get, path = "/acts", tag = "notary acts", security(("bearer" = [])), params(Filters, PageParameters),
    responses((status = 200, description = "A page of acts", body = Page<Act>)))]
async fn list(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    list: Listing<Filters, ActId>,
) -> Answer {
    let Filters { side, status, ref act_type } = list.filters;
    let wanted = Wanted { side: side.unwrap_or(Side::Client), status, act_type: act_type.clone() };
    let found = list::list(&state.db, (&principal).into(), wanted, list.after, list.fetch()).await?;
    Ok(list.answer(found, |act| act.id, |act| act))
}

/// Shows an act to the client, to the office, and to administrators.
#[utoipa::path(get, path = "/acts/{id}", tag = "notary acts", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The act")),
    responses((status = 200, description = "The act, with its ETag", body = Act)))]
async fn show(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<ActId>,
) -> Answer {
    let found = act::find(&state.db, (&principal).into(), id).await?;
    Ok(tagged(StatusCode::OK, &found.ok_or_else(|| Problem::not_found("act"))?))
}

/// Changes to an act; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeAct)]
#[expect(clippy::option_option, reason = "left out, null, or a number")]
struct Change {
    /// In a few words.
    #[serde(default, deserialize_with = "present")]
    #[schema(min_length = 1, max_length = 200, nullable = false)]
    title: Option<String>,
    /// What it is about.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_length = 4000, nullable = false)]
    description: Option<String>,
    /// What the office notes for itself.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_length = 4000, nullable = false)]
    office_note: Option<String>,
    /// The bank that lends; `null`: none.
    #[serde(default, deserialize_with = "null_is_empty")]
    #[schema(max_length = 200)]
    bank_name: Option<String>,
    /// Its branch; `null`: none.
    #[serde(default, deserialize_with = "null_is_empty")]
    #[schema(max_length = 200)]
    bank_branch: Option<String>,
    /// What it lends, in cents; `null`: nothing.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 10_000_000_000_000_i64)]
    loan_cents: Option<Option<i64>>,
    /// Where the property is; `null`: there is none.
    #[serde(default, deserialize_with = "null_is_empty")]
    #[schema(max_length = 300)]
    property_address: Option<String>,
    /// Its units in the land register.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_items = 20, nullable = false)]
    property_units: Option<Vec<CadastralUnit>>,
    /// Its value, in cents; `null`: unknown.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 10_000_000_000_000_i64)]
    property_value_cents: Option<Option<i64>>,
}

fn line(checks: &mut Checks, pointer: &str, text: Option<String>, most: usize) -> Option<String> {
    text.map(|text| checks.line(pointer, &text, 0..=most).to_owned())
}

fn text(checks: &mut Checks, pointer: &str, text: Option<String>) -> Option<String> {
    text.map(|text| checks.text(pointer, &text, 0..=4000).to_owned())
}

fn unit(checks: &mut Checks, place: usize, unit: CadastralUnit) -> CadastralUnit {
    let at = |field: &str| format!("/property_units/{place}/{field}");
    CadastralUnit {
        municipality: checks.line(&at("municipality"), &unit.municipality, 1..=100).to_owned(),
        sheet: checks.line(&at("sheet"), &unit.sheet, 1..=20).to_owned(),
        parcel: checks.line(&at("parcel"), &unit.parcel, 1..=20).to_owned(),
        sub: line(checks, &at("sub"), unit.sub, 20),
        category: line(checks, &at("category"), unit.category, 20),
    }
}

impl Change {
    fn check(self) -> Result<Changes, Problem> {
        let mut checks = Checks::default();
        let it = &mut checks;
        for (pointer, cents) in
            [("/loan_cents", self.loan_cents), ("/property_value_cents", self.property_value_cents)]
        {
            if let Some(cents) = cents.flatten() {
                it.range(pointer, cents, 1..=CENTS_MAX);
            }
        }
        if let Some(units) = &self.property_units {
            it.at_most("/property_units", units, UNITS_MAX);
        }
        let changes = Changes {
            title: self.title.map(|title| it.line("/title", &title, 1..=200).to_owned()),
            description: text(it, "/description", self.description),
            office_note: text(it, "/office_note", self.office_note),
            bank_name: line(it, "/bank_name", self.bank_name, 200),
            bank_branch: line(it, "/bank_branch", self.bank_branch, 200),
            loan_cents: self.loan_cents,
            property_address: line(it, "/property_address", self.property_address, 300),
            property_units: self.property_units.map(|units| {
                let units = units.into_iter().take(UNITS_MAX).enumerate();
                units.map(|(place, found)| unit(it, place, found)).collect()
            }),
            property_value_cents: self.property_value_cents,
        };
        checks.done()?;
        Ok(changes)
    }
}

/// Changes an act of one's office, until its signature is asked for; what the office notes for itself also later.
#[utoipa::path(patch, path = "/acts/{id}", tag = "notary acts", security(("bearer" = [])), request_body = Change,
    params(("id" = uuid::Uuid, Path, description = "The act"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed act, with its ETag", body = Act),
        (status = 403, description = "`not_for_you`: this is for the office; `licence_expired`, `notary_inactive`"),
        (status = 409, description = "`not_in_this_state`: what it says is final"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<ActId>,
    if_match: IfMatch,
    Json(body): Json<Change>,
) -> Answer {
    let now = state.clock.now();
    let changes = body.check()?;
    let mut tx = state.db.begin("notary.acts.change").await?;
    let found = locked_by_office(&mut tx, &principal, id, now).await?;
    if_match.check(&ETag::of_version(found.version))?;
    changes::change(&mut tx, &found, &changes, now).await?;
    done(&state, tx, (&principal, client), ("act.change", id, serde_json::json!({}))).await
}
