//! A score: computed, kept when it says something new, read.

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date};
use postgres_types::Json;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::inputs;
use crate::{
    args,
    clinic::{
        analyses::analysis,
        patients::{
            Patient, Sex,
            entries::{self, Refused},
        },
        rules::score::{Band, Domain, FRESH_DAYS, FertilityScore, LeftOut, Observed, compute},
        values::{self, LaboratoryValue},
        worded::{Cited, Worded, cited, worded},
    },
    db::{Db, DbError, Tx},
    ids::{PatientId, ScoreId, UserId},
    notary::time::today,
};

/// Two scores of a patient are so far apart at least: their ids are ordered by milliseconds.
const APART: SignedDuration = SignedDuration::from_millis(1);
/// Scores that are looked at by one transaction of the nightly walk.
pub const BATCH: i64 = 500;

/// A score in the history of a patient.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ScoreCard {
    /// Its id.
    pub id: ScoreId,
    /// 0 to 100, to a tenth; absent if nothing is known.
    pub overall: Option<f64>,
    /// How it is called.
    pub band: Option<Band>,
    /// Weights of the domains of which something is known, of 100.
    pub coverage_percent: i16,
    /// Each domain of which something is known.
    pub domains: Vec<DomainFigure>,
    /// Name of the method, with its version.
    pub method: String,
    /// When it was computed.
    #[schema(value_type = String, format = DateTime)]
    pub computed_at: Timestamp,
    /// Of the newest one: something of the record was written, withdrawn or taken away since. It is computed anew in a moment,
    /// or when the patient consents again.
    pub is_outdated: bool,
}

/// A domain in the history.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize, ToSchema)]
#[schema(as = ScoreDomainFigure)]
pub struct DomainFigure {
    /// Which.
    pub domain: Domain,
    /// 0 to 100, to a tenth.
    pub score: f64,
}

/// The newest score of a patient, with everything that is to be said of it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PatientScore {
    /// Its id.
    pub id: ScoreId,
    /// Whose.
    pub patient_id: PatientId,
    /// When it was computed.
    #[schema(value_type = String, format = DateTime)]
    pub computed_at: Timestamp,
    /// Something of the record was written, withdrawn or taken away since: this may rest on what is there no more. It is computed
    /// anew in a moment, or when the patient consents again.
    pub is_outdated: bool,
    /// Method, inputs with their points and sources, what was left out and why.
    pub score: FertilityScore,
    /// What is said of it, in words.
    pub explanation: ScoreInWords,
}

/// What is said of a score, in words.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ScoreInWords {
    /// What somebody should see first.
    pub critical: Vec<Worded>,
    /// What is good.
    pub positive: Vec<Worded>,
    /// What to discuss.
    pub recommendations: Vec<Worded>,
    /// What the score cannot say; is shown with it.
    pub limits: Vec<Worded>,
    /// What the points rest on.
    pub references: Vec<Cited>,
}

impl From<&FertilityScore> for ScoreInWords {
    fn from(score: &FertilityScore) -> Self {
        let inputs = score.domains.iter().flat_map(|it| &it.inputs);
        let mut references: Vec<_> = inputs.flat_map(|it| it.references.iter().copied()).collect();
        references.sort_unstable();
        references.dedup();
        Self {
            critical: worded(&score.critical),
            positive: worded(&score.positive),
            recommendations: worded(&score.recommendations),
            limits: worded(&score.limits),
            references: cited(&references),
        }
    }
}

impl ScoreCard {
    fn from_row(row: &Row) -> Self {
        let band: Option<&str> = row.get("band");
        Self {
            id: row.get("id"),
            overall: row.get("overall"),
            band: band.and_then(|it| serde_json::from_value(it.into()).ok()),
            coverage_percent: row.get("coverage"),
            domains: row
                .get::<_, Option<Json<Vec<DomainFigure>>>>("domains")
                .map(|it| it.0)
                .unwrap_or_default(),
            method: row.get("method"),
            computed_at: row.get("computed_at"),
            is_outdated: row.get("is_outdated"),
        }
    }
}

impl PatientScore {
    /// Of what is left of an anonymous record, nothing but figures: it is shown in the history alone.
    fn from_row(row: &Row) -> Option<Self> {
        let score: FertilityScore = serde_json::from_value(row.get::<_, Json<_>>("result").0).ok()?;
        Some(Self {
            id: row.get("id"),
            patient_id: row.get("patient_id"),
            computed_at: row.get("computed_at"),
            is_outdated: row.get("is_outdated"),
            explanation: ScoreInWords::from(&score),
            score,
        })
    }
}

/// Computes the score of a patient anew. What it came to, if that was something new.
pub async fn recompute(tx: &mut Tx, patient: PatientId, now: Timestamp) -> Result<Option<ScoreId>, Refused> {
    const NEWEST: &str = "-- clinic.scores.newest_hash
        SELECT s.id, s.inputs_hash, s.computed_at FROM fertility_score AS s
        WHERE s.patient_id = $1 ORDER BY s.id DESC LIMIT 1";
    let patient = entries::still_open(tx, patient).await?;
    let day = today(now);
    let (counting, held) = considered(tx, &patient, day).await?;
    let score = compute(&counting, &held, day);
    let hash = hash(&score);
    let newest = tx.query_opt(NEWEST, &[&patient.id]).await?;
    if newest.is_none() && score.overall.is_none() && score.left_out.is_empty() {
        return Ok(None);
    }
    let same = newest.as_ref().filter(|it| it.get::<_, &[u8]>("inputs_hash") == hash);
    let (id, is_new) = if let Some(newest) = same {
        (newest.get("id"), false)
    } else {
        // The newest one has the greatest id, whatever the clocks of the servers say.
        let last = newest.map_or(Timestamp::MIN, |it| it.get("computed_at"));
        let at = now.max(last.saturating_add(APART).unwrap_or(now));
        (insert(tx, &patient, (&score, &hash), at).await?, true)
    };
    set_due(tx, patient.id, Some(id), due_on(&score, &patient, day)).await?;
    Ok(is_new.then_some(id))
}

/// The newest scores of these patients do not say any more what is known: their records are locked, and were changed.
pub async fn outdate(tx: &mut Tx, patients: &[PatientId]) -> Result<(), DbError> {
    const OUTDATE: &str = "-- clinic.scores.outdate
        UPDATE fertility_score AS s SET is_outdated = true
        FROM unnest($1::uuid[]) AS p (id)
        CROSS JOIN LATERAL (SELECT n.id FROM fertility_score AS n WHERE n.patient_id = p.id ORDER BY n.id DESC LIMIT 1) AS n
        WHERE s.id = n.id AND NOT s.is_outdated";
    tx.execute(OUTDATE, &[&patients]).await?;
    Ok(())
}

/// Nothing is computed for this record: nobody need look at it every night.
pub async fn rest(tx: &mut Tx, patient: PatientId) -> Result<(), DbError> {
    set_due(tx, patient, None, None).await
}

/// When the newest score is to be looked at again; the others never are. One that was computed is not outdated.
async fn set_due(
    tx: &mut Tx,
    patient: PatientId,
    newest: Option<ScoreId>,
    due_on: Option<Date>,
) -> Result<(), DbError> {
    const DUE: &str = "-- clinic.scores.set_due
        UPDATE fertility_score AS s SET due_on = CASE WHEN s.id = $2::uuid THEN $3::date END,
            is_outdated = s.is_outdated AND $2::uuid IS NULL
        WHERE s.patient_id = $1 AND (s.due_on IS DISTINCT FROM CASE WHEN s.id = $2::uuid THEN $3::date END
            OR (s.is_outdated AND $2::uuid IS NOT NULL))";
    tx.execute(DUE, &[&patient, &newest, &due_on]).await?;
    Ok(())
}

async fn insert(
    tx: &mut Tx,
    patient: &Patient,
    (score, hash): (&FertilityScore, &[u8]),
    at: Timestamp,
) -> Result<ScoreId, DbError> {
    const INSERT: &str = "-- clinic.scores.insert
        INSERT INTO fertility_score (id, clinic_id, patient_id, inputs_hash, overall, band, coverage, result, method,
            computed_at)
        VALUES ($1, $2, $3, $4, $5::float8::numeric(4, 1), $6, $7, $8, $9, $10)";
    let id = ScoreId::new(at);
    let band = serde_json::to_value(score.band).ok().and_then(|it| it.as_str().map(str::to_owned));
    let coverage = i16::from(score.coverage_percent);
    tx.execute(
        INSERT,
        &[
            &id,
            &patient.clinic_id,
            &patient.id,
            &hash,
            &score.overall,
            &band,
            &coverage,
            &Json(score),
            &score.method,
            &at,
        ],
    )
    .await?;
    Ok(id)
}

/// Everything that counts, and what cannot.
async fn considered(
    tx: &mut Tx,
    patient: &Patient,
    day: Date,
) -> Result<(Vec<Observed>, Vec<LeftOut>), DbError> {
    let mut observed = inputs::of_registry(patient, day);
    let values = values::list::counting(tx, patient.id).await?;
    let sex = patient.content.sex;
    // Whoever has withdrawn the analysis of a document has said that its values are wrong.
    let withdrawn = analysis::withdrawn_of_documents(tx, patient.id).await?;
    let counts = |it: &&LaboratoryValue| {
        let of = it.patient_document_id.zip(inputs::graded_as(&it.analyte));
        !of.is_some_and(|it| withdrawn.contains(&it))
    };
    let mut held = Vec::new();
    for it in values.iter().filter(counts).filter_map(|it| inputs::of_value(it, sex)) {
        match it {
            Ok(it) => observed.push(it),
            Err(it) => held.push(it),
        }
    }
    for (id, on, measures) in analysis::counting(tx, (patient.id, sex)).await? {
        observed.extend(inputs::of_analysis(id, on, measures));
    }
    Ok((observed, held))
}

/// Of everything that is said but the days that change by themselves: the same tomorrow is nothing new.
fn hash(score: &FertilityScore) -> Vec<u8> {
    let mut said = score.clone();
    said.on = Date::ZERO;
    let used = said.domains.iter_mut().flat_map(|it| &mut it.inputs).map(|it| &mut it.observed);
    used.filter(|it| it.source == inputs::REGISTRY).for_each(|it| it.on = Date::ZERO);
    let left_out = said.left_out.iter_mut().map(|it| &mut it.observed);
    left_out.filter(|it| it.source == inputs::REGISTRY).for_each(|it| it.on = None);
    let text = serde_json::to_string(&said).expect("a score is plain data, with text for keys");
    Sha256::digest(text).to_vec()
}

/// The first day on which something else is said of the same: a value is too old, a day has come, a birthday.
fn due_on(score: &FertilityScore, patient: &Patient, day: Date) -> Option<Date> {
    let used = score.domains.iter().flat_map(|it| &it.inputs).map(|it| it.observed.on);
    let old = used.filter_map(|on| on.checked_add((FRESH_DAYS + 1).days()).ok());
    let to_come = score.left_out.iter().filter_map(|it| it.observed.on);
    let born_on = patient.content.born_on.filter(|_| patient.content.sex == Sex::Female);
    let birthdays = born_on.into_iter().flat_map(|born| {
        [0, 1].into_iter().filter_map(move |years| {
            let year = day.year() + years;
            Date::new(year, born.month(), born.day()).or_else(|_| Date::new(year, 3, 1)).ok()
        })
    });
    old.chain(to_come).chain(birthdays).filter(|it| *it > day).min()
}

/// The newest score of a patient, for who may read patients.
pub async fn newest(db: &Db, user: UserId, patient: PatientId) -> Result<Option<PatientScore>, DbError> {
    const NEWEST: &str = concat!(
        "-- clinic.scores.newest
        SELECT s.id, s.patient_id, s.computed_at, s.is_outdated, s.result FROM fertility_score AS s WHERE s.patient_id = $2 AND ",
        at_clinic!("read_patients", "s.clinic_id", "$1"),
        " ORDER BY s.id DESC LIMIT 1"
    );
    Ok(db.read(NEWEST, args![user, patient]).await?.first().and_then(PatientScore::from_row))
}

/// Scores of a patient, newest first, from below `before` on, for who may read patients.
pub async fn history(
    db: &Db,
    user: UserId,
    patient: PatientId,
    (before, limit): (Option<ScoreId>, i64),
) -> Result<Vec<ScoreCard>, DbError> {
    const HISTORY: &str = concat!(
        "-- clinic.scores.history
        SELECT s.id, s.overall::float8 AS overall, s.band, s.coverage, s.method, s.computed_at, s.is_outdated,
            (SELECT jsonb_agg(jsonb_build_object('domain', d -> 'domain', 'score', d -> 'score'))
             FROM jsonb_array_elements(s.result -> 'domains') AS d WHERE d ->> 'score' IS NOT NULL) AS domains
        FROM fertility_score AS s WHERE s.patient_id = $2 AND ",
        at_clinic!("read_patients", "s.clinic_id", "$1"),
        " AND ($3::uuid IS NULL OR s.id < $3) ORDER BY s.id DESC LIMIT $4"
    );
    let rows = db.read(HISTORY, args![user, patient, before, limit]).await?;
    Ok(rows.iter().map(ScoreCard::from_row).collect())
}

/// Patients whose score says something else by itself from `day` on, and where the walk goes on.
pub async fn due(
    tx: &mut Tx,
    day: Date,
    after: Option<(Date, ScoreId)>,
) -> Result<Vec<(PatientId, (Date, ScoreId))>, DbError> {
    const DUE: &str = "-- clinic.scores.due_ones
        SELECT s.patient_id, s.due_on, s.id FROM fertility_score AS s
        WHERE s.due_on <= $1 AND ($2::date IS NULL OR (s.due_on, s.id) > ($2, $3))
        ORDER BY s.due_on, s.id LIMIT $4";
    let (on, id) = after.unzip();
    let rows = tx.query(DUE, &[&day, &on, &id, &BATCH]).await?;
    Ok(rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect())
}
