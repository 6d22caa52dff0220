//! Values that people enter by hand.

use axum::{extract::State, response::IntoResponse as _};
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{analyses::seen_on, member::Clinician, told::ensure_fit};
use crate::{
    audit::{self, Entry},
    clinic::{
        laboratory::names,
        scores,
        staff::Permission,
        values::{
            LaboratoryValue, Source,
            entered::{Entered, Fitting, Of},
            record,
        },
    },
    http::{
        extract::Path,
        idempotency::{self, Keyed, Outcome},
        problem::{Answer, Place, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::PatientId,
    jobs::clinic::summary_changed,
    notary::time::today,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(enter))
}

/// A value to be entered: a `number` with its `unit`, or a `finding`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EnterValue {
    /// What was measured: a stable word, for example `fsh`.
    #[schema(max_length = 50, example = "fsh")]
    analyte: String,
    /// `<`, `<=`, `>=` or `>`, when only a bound is known.
    #[schema(max_length = 2)]
    comparator: Option<String>,
    /// A decimal number with its digits, as text.
    #[schema(max_length = 20, example = "7.20")]
    number: Option<String>,
    /// Its unit, as UCUM writes it or laboratories print it.
    #[schema(max_length = 50, example = "m[IU]/mL")]
    unit: Option<String>,
    /// `negative`, `positive`, `carrier` …; or a karyotype.
    #[schema(max_length = 100)]
    finding: Option<String>,
    /// Where the range of the laboratory begins, in the same unit.
    #[schema(max_length = 20, example = "3.5")]
    range_low: Option<String>,
    /// Where it ends.
    #[schema(max_length = 20, example = "12.5")]
    range_high: Option<String>,
    /// The day on which the specimen was taken.
    #[schema(value_type = String, format = Date)]
    observed_on: Date,
}

impl EnterValue {
    fn checked(&self, today: Date) -> Result<Fitting, Problem> {
        let mut checks = Checks::default();
        seen_on(&mut checks, "/observed_on", self.observed_on, today);
        let Some(analyte) = names::by_code(&self.analyte) else {
            checks.fail("/analyte", "unknown_analyte", "is nothing that is kept here");
            checks.done()?;
            return Err(Problem::not_found("analyte"));
        };
        let entered = Entered {
            analyte,
            comparator: self.comparator.as_deref(),
            number: self.number.as_deref(),
            unit: self.unit.as_deref(),
            finding: self.finding.as_deref(),
            range_low: self.range_low.as_deref(),
            range_high: self.range_high.as_deref(),
        };
        let fitting = entered.check().map_err(|misfits| {
            for it in misfits {
                checks.fail(&format!("/{}", it.member), it.why.code(), it.why.to_string());
            }
        });
        checks.done()?;
        fitting.map_err(|()| Problem::not_found("value"))
    }
}

/// Enters a value of a patient by hand. It is kept with its digits and in its unit.
#[utoipa::path(post, path = "/clinic/patients/{id}/values", tag = "clinic", security(("bearer" = [])),
    request_body = EnterValue, params(("id" = uuid::Uuid, Path, description = "The patient")),
    responses((status = 201, description = "The value", body = LaboratoryValue),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one may not write analyses; \
            `consent_missing`: the patient has not agreed"),
        (status = 409, description = "`merged_into`, `archived`, `anonymised`: nothing is written to this record any more"),
        (status = 422, description = "The body is wrong, or says what cannot be: `out_of_range`, more or less than there can be; \
            `before_birth`, a day before the patient's birth; `other_sex`, what only the other sex has: it belongs into the \
            partner's record")))]
async fn enter(
    State(state): State<AppState>,
    who: Clinician,
    Path(id): Path<PatientId>,
    Keyed { body, request }: Keyed<EnterValue>,
) -> Answer {
    const ACTION: &str = "patient.enter_value";
    who.need(Permission::WriteAnalyses)?;
    let now = state.clock.now();
    let fitting = body.checked(today(now))?;
    let user = who.principal.user;
    let claim = request.claim(user);
    let mut tx = state.db.begin("clinic.enter_value").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let (mut tx, patient) = who.admit(&state, tx, (Permission::WriteAnalyses, ACTION, id)).await?;
    let unfit = patient.content.unfit(Some(body.observed_on), fitting.only_of());
    ensure_fit(&unfit, (Place::Body, "/analyte"))?;
    let of = Of {
        patient: &patient,
        source: Source::Form,
        names: &[],
        observed_on: Some(body.observed_on),
        printed_flag: None,
        by: user,
    };
    let made = record::insert(&mut tx, &[fitting.value(of, now)]).await?;
    scores::changed(&mut tx, &state.jobs, id).await?;
    let details = serde_json::json!({ "value": made.first().map(|it| it.id) });
    audit::record(&mut tx, &[Entry { details, ..who.entry(&state, ACTION, id) }]).await?;
    let outcome = Outcome::created(format!("/api/v1/clinic/patients/{id}/values"), &made.first())?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    summary_changed(&mut tx, (&state.jobs, &state.config.clinic), now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}
