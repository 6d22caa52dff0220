//! Laboratory values of the demonstration's patients, entered by hand on three days each: enough for trends, findings and scores.

use jiff::{SignedDuration, civil::Date, tz::TimeZone};
use postgres_types::Json;
use tokio_postgres::Transaction;
use uuid::Uuid;

use super::make::{Options, Random};
use crate::{
    clinic::{
        laboratory::names::by_code,
        patients::{Patient, Sex},
        scores,
        values::{
            entered::{Entered, Of},
            record::{INSERT, NewValue},
            value::Source,
        },
    },
    db::Db,
    ids::{LaboratoryValueId, PatientId, UserId},
    jobs::Jobs,
};

/// Analyte, unit, where its range begins and ends, and between which numbers it is drawn, in tenths.
type Line = (&'static str, &'static str, Option<&'static str>, Option<&'static str>, (usize, usize));

const OF_WOMEN: [Line; 6] = [
    ("amh", "ng/mL", Some("1.0"), Some("5.0"), (4, 62)),
    ("fsh", "m[IU]/mL", Some("3.5"), Some("12.5"), (38, 160)),
    ("lh", "m[IU]/mL", Some("2.4"), Some("12.6"), (25, 130)),
    ("estradiol", "pg/mL", Some("12.4"), Some("233"), (180, 900)),
    ("tsh", "m[IU]/L", Some("0.4"), Some("4.0"), (6, 52)),
    ("prolactin", "ng/mL", Some("4.8"), Some("23.3"), (50, 310)),
];
const OF_MEN: [Line; 5] = [
    ("semen_volume", "mL", Some("1.4"), None, (12, 52)),
    ("sperm_concentration", "10*6/mL", Some("16"), None, (60, 900)),
    ("sperm_motility_progressive", "%", Some("30"), None, (180, 560)),
    ("sperm_morphology_normal", "%", Some("4"), None, (20, 90)),
    ("testosterone", "ng/mL", Some("2.5"), Some("8.4"), (18, 92)),
];

/// Whose values are known: of these, who has consented.
const PATIENTS: i64 = 24;
/// Days before today.
const DAYS_AGO: [i64; 3] = [20, 190, 400];

/// Writes them; a value drifts from one day to the next, as values do.
pub(super) async fn write(
    tx: &Transaction<'_>,
    options: &Options,
    random: &mut Random,
    (clinic, by): (Uuid, Uuid),
) -> Result<(), tokio_postgres::Error> {
    let rows = tx.query(Patient::CONSENTING, &[&clinic, &PATIENTS]).await?;
    let mut values = Vec::new();
    for patient in rows.iter().map(Patient::from_row) {
        let lines: &[Line] = if patient.content.sex == Sex::Male { &OF_MEN } else { &OF_WOMEN };
        for (analyte, unit, low, high, (least, most)) in lines {
            let mut tenths = least + random.below(most - least);
            for ago in DAYS_AGO {
                let at = options.now.checked_sub(SignedDuration::from_hours(24 * ago)).unwrap_or(options.now);
                let number = format!("{}.{}", tenths / 10, tenths % 10);
                let given = (*analyte, *unit, (*low, *high), number.as_str());
                values.extend(value(
                    &patient,
                    given,
                    at.to_zoned(TimeZone::UTC).date(),
                    (by, options, random),
                ));
                tenths = (tenths * (90 + random.below(25)) / 100).clamp(*least, *most);
            }
        }
    }
    tx.execute(INSERT, &[&Json(values)]).await?;
    Ok(())
}

fn value(
    patient: &Patient,
    (analyte, unit, (range_low, range_high), number): (&str, &str, (Option<&str>, Option<&str>), &str),
    on: Date,
    (by, options, random): (Uuid, &Options, &mut Random),
) -> Option<NewValue> {
    let entered = Entered {
        analyte: by_code(analyte)?,
        comparator: None,
        number: Some(number),
        unit: Some(unit),
        finding: None,
        range_low,
        range_high,
    };
    let of = Of {
        patient,
        source: Source::Form,
        names: &[],
        observed_on: Some(on),
        printed_flag: None,
        by: UserId(by),
    };
    let mut value = entered.check().ok()?.value(of, options.now);
    value.id = LaboratoryValueId(random.id(options.now)); // the same seed, the same rows
    Some(value)
}

/// What the jobs of a server make of data that was written without one: the scores of patients.
pub async fn begin(db: &Db, jobs: &Jobs) -> anyhow::Result<()> {
    const KNOWN: &str = "-- seed.begin.known\nSELECT DISTINCT patient_id FROM laboratory_value";
    let mut tx = db.begin("seed.begin").await?;
    let known: Vec<PatientId> = tx.query(KNOWN, &[]).await?.iter().map(|row| row.get(0)).collect();
    scores::later(&mut tx, jobs, &known).await?;
    tx.commit().await?;
    Ok(())
}
